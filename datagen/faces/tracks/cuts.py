"""Scene cuts: where the whole image changes at once, a face is followed no further."""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Image

__all__ = ["CutFinder"]

# Between frames of one scene the blocks of an image differ by 0.5 levels (a camera at rest) to 4
# (one that shakes a lot), between different people before one background by 9 and more.
_BLOCKS = 64
_BLUR = 1.5  # blocks: shifts by parts of a block count less
_LEAST = 5.0
_SHIFT = 4  # blocks by which a camera may move from frame to frame
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
        now = np.asarray(cv2.GaussianBlur(blocks.astype(np.float32), (0, 0), _BLUR), np.float32)
        if self._last is None:
            self._last = now
            return False
        change = float(np.abs(now - self._last).mean())
        if change > _LEAST:
            change = _shifted_change(self._last, now)
        usual = float(np.median(self._recent)) if self._recent else 0.0
        self._last = now
        if change > max(_LEAST, _TIMES * usual):
            self._recent.clear()
            return True
        self._recent.append(change)
        return False


def _shifted_change(last: NDArray[np.float32], now: NDArray[np.float32]) -> float:
    """Return the smallest mean change over all small shifts of the image as a whole."""
    inner = now[_SHIFT:-_SHIFT, _SHIFT:-_SHIFT]
    size = len(inner)
    return min(
        float(np.abs(inner - last[y : y + size, x : x + size]).mean())
        for y in range(2 * _SHIFT + 1)
        for x in range(2 * _SHIFT + 1)
    )
