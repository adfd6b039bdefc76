"""Scene cuts: where the whole image changes at once, a face is followed no further."""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Image

__all__ = ["CutFinder"]

# Between frames of one scene the blocks of an image differ by 0.5 levels (a camera at rest) to 5 (a
# very shaky one), between different scenes before one background by 10 and more.
_BLOCKS = 32
_LEAST = 5.0
_TIMES = 3.0
_REMEMBERED = 12


class CutFinder:
    """Says for each frame of a video whether a new scene begins with it."""

    def __init__(self) -> None:
        self._last: NDArray[np.float32] | None = None
        self._recent: deque[float] = deque(maxlen=_REMEMBERED)

    def __call__(self, image: Image) -> bool:
        """Say whether a scene begins with the next frame; the first one begins none.

        Args:
            image: The frame; all frames have one size.
        """
        blocks = cv2.resize(image, (_BLOCKS, _BLOCKS), interpolation=cv2.INTER_AREA)
        now = blocks.astype(np.float32)
        if self._last is None:
            self._last = now
            return False
        change = float(np.abs(now - self._last).mean())
        usual = float(np.median(self._recent)) if self._recent else 0.0
        self._last = now
        if change > max(_LEAST, _TIMES * usual):
            self._recent.clear()
            return True
        self._recent.append(change)
        return False
