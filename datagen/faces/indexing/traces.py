"""Traces that other programs leave in a whole image, and that a fake made from it would not have.

Where they cannot be kept in the fake, the image or the face is refused: they alone would tell real
from fake.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Image
from datagen.core.images import is_gray

__all__ = ["few_colors", "is_cut_by_border", "within_border"]

_MIN_PIXELS = 128 * 128  # with fewer, few levels are no wonder
_SAMPLE = 65_536
_MAX_PALETTE = 256
_MAX_FILLED, _MIN_RANGE = 0.3, 64  # of the levels between the darkest and the brightest one
_MAX_SPREAD = 8  # intensity levels within a border, for the noise of encoders
_MIN_BORDER = 0.01  # of the side
_MAX_CUT = 0.02  # of the face's side: landmarks and forehead are no more exact


def few_colors(image: Image) -> str:
    """Say which levels an image lacks: it had a palette, or was posterized.

    A fake is blended and resampled, and has them all.

    Returns:
        Empty for a photograph of 8 bits.
    """
    if image.shape[0] * image.shape[1] < _MIN_PIXELS:
        return ""
    step = max(image.shape[0] * image.shape[1] // _SAMPLE, 1)
    sample = image.reshape(-1, 3)[::step].astype(np.int32)
    used = [np.flatnonzero(np.bincount(sample[:, n], minlength=256)) for n in range(3)]
    ranges = [int(one[-1] - one[0]) + 1 for one in used]
    filled = [len(one) / all_ for one, all_ in zip(used, ranges, strict=True)]
    if min(ranges) >= _MIN_RANGE and max(filled) <= _MAX_FILLED:
        return f"at most {max(len(one) for one in used)} levels a channel: it was posterized"
    colors = len(np.unique(sample[::4] @ np.array([65_536, 256, 1], np.int32)))
    if min(ranges) >= _MIN_RANGE and colors <= _MAX_PALETTE and not is_gray(image):
        return f"{colors} colors: it had a palette"
    return ""


def within_border(image: Image) -> list[int] | None:
    """Return the box within a border of one color that is baked into an image.

    Returns:
        x0, y0, x1, y1 in pixels; ``None`` without a border.
    """
    height, width = image.shape[:2]
    top, bottom = _uniform(image), _uniform(image[::-1])
    left, right = _uniform(image.swapaxes(0, 1)), _uniform(image.swapaxes(0, 1)[::-1])
    if not any((top, bottom, left, right)) or top + bottom >= height or left + right >= width:
        return None
    return [left, top, width - right, height - bottom]


def is_cut_by_border(box: Sequence[float], inner: Sequence[float]) -> bool:
    """Say whether a face reaches over a border: what is made of it would change the border.

    Args:
        box: x0, y0, x1, y1 of the face, forehead included.
        inner: See ``within_border``.
    """
    x0, y0, x1, y1 = box
    allowed = _MAX_CUT * max(x1 - x0, y1 - y0)
    over = (inner[0] - x0, inner[1] - y0, x1 - inner[2], y1 - inner[3])
    return max(over) > allowed


def _uniform(rows: NDArray[np.uint8]) -> int:
    """Return how many rows at the beginning have one and the same color; 0 for very few."""
    first = rows[0].astype(np.int16).mean(axis=0)
    count = 0
    for row in rows:
        if np.abs(row.astype(np.int16) - first).max() > _MAX_SPREAD:
            break
        count += 1
    return count if count >= max(2, _MIN_BORDER * len(rows)) else 0
