"""Which face of a frame is which of the frame before: by overlap, and not at all where unclear."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Box

__all__ = ["linked", "overlaps"]

_LEAST = 0.3
_UNCLEAR = 0.5
"""A second candidate that overlaps this much as well as the best one makes a link unclear."""


def overlaps(first: Sequence[Box], second: Sequence[Box]) -> NDArray[np.float64]:
    """Return intersection over union of each box with each other, ``(first, second)``."""
    a = np.asarray(first, np.float64).reshape(-1, 1, 4)
    b = np.asarray(second, np.float64).reshape(1, -1, 4)
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    both = np.prod(np.maximum(sides, 0.0), axis=-1)
    areas = [np.prod(box[..., 2:] - box[..., :2], axis=-1) for box in (a, b)]
    return np.asarray(both / np.maximum(areas[0] + areas[1] - both, 1e-9))


def linked(before: Sequence[Box], now: Sequence[Box]) -> list[int | None]:
    """Return which face of the frame before each face is.

    People who cross are not told apart by their places: a face that overlaps two faces about as
    well is neither, so that no track ever goes from one person to another.

    Args:
        before: Boxes of the faces that are followed, as expected in this frame.
        now: Boxes of the faces of this frame.
    """
    found: list[int | None] = [None] * len(now)
    if not before or not now:
        return found
    from scipy.optimize import linear_sum_assignment  # a third of a second to import

    shared = overlaps(before, now)
    for old, new in zip(*linear_sum_assignment(-shared), strict=True):
        best = shared[old, new]
        rivals = [*np.delete(shared[old], new), *np.delete(shared[:, new], old)]
        if best >= _LEAST and max(rivals, default=0.0) < _UNCLEAR * best:
            found[int(new)] = int(old)
    return found
