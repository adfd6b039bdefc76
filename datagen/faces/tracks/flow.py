"""How a face has moved from one frame to the next, by its pixels.

The landmarks of networks tremble by far more than the pixels do. Pixels tell exactly how a head has
moved since the last frame, and landmarks tell where it is: see ``smooth``.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import cv2
import numpy as np

from datagen.core.arrays import Box, Image

__all__ = ["Step", "head_step"]

Step: TypeAlias = "tuple[complex, complex]"
"""Factor and shift: a point x + iy of the last frame is now at factor * (x + iy) + shift."""

_CORNERS = 80
_LEAST = 12
_WINDOW = (21, 21)
_LEVELS = 3
_BACK = 0.3  # pixels: how far a point may be from where it was when it is followed back
_AWAY = 1.0  # pixels
_MARGIN = 0.3  # of the longer side
_SIDE = 256.0
_STOP = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 0.005)


def head_step(last: Image, now: Image, box: Box) -> Step | None:
    """Return the similarity by which most corners of a face have moved; ``None`` if it is unclear.

    Args:
        last: The last frame.
        now: This frame, of the same size.
        box: Box of the face in the last frame.
    """
    side = float(max(box[2:] - box[:2]))
    height, width = last.shape[:2]
    low = np.maximum(np.floor(box[:2] - _MARGIN * side), 0).astype(int)
    high = np.minimum(np.ceil(box[2:] + _MARGIN * side), (width, height)).astype(int)
    if (high - low < 32).any():
        return None
    part = slice(low[1], high[1]), slice(low[0], high[0])
    shrink = min(_SIDE / side, 1.0)
    before, after = (_gray(image[part], shrink) for image in (last, now))
    x0, y0, x1, y1 = (float(value) for value in (box - np.tile(low, 2)) * shrink)
    inside = np.zeros(before.shape, np.uint8)
    middle, axes = ((x0 + x1) / 2, (y0 + y1) / 2), (0.9 * (x1 - x0), 0.9 * (y1 - y0))
    cv2.ellipse(inside, (middle, axes, 0.0), 255, -1)  # corners of the box show what is behind
    corners: Any = cv2.goodFeaturesToTrack(before, _CORNERS, 0.01, 5.0, mask=inside)
    if corners is None or len(corners) < _LEAST:
        return None
    moved, found, _ = cv2.calcOpticalFlowPyrLK(
        before, after, corners, corners.copy(), winSize=_WINDOW, maxLevel=_LEVELS, criteria=_STOP
    )
    back, found_back, _ = cv2.calcOpticalFlowPyrLK(
        after, before, moved, moved.copy(), winSize=_WINDOW, maxLevel=_LEVELS, criteria=_STOP
    )
    same = np.linalg.norm((back - corners)[:, 0], axis=1) < _BACK
    good = same & (found[:, 0] == 1) & (found_back[:, 0] == 1)
    if good.sum() < _LEAST:
        return None
    matrix: Any
    matrix, agree = cv2.estimateAffinePartial2D(
        corners[good], moved[good], method=cv2.RANSAC, ransacReprojThreshold=_AWAY
    )
    if matrix is None or agree.sum() < max(_LEAST, good.sum() // 2):
        return None
    factor = complex(matrix[0, 0], matrix[1, 0])
    origin = complex(*low)
    # Pixel p of the frame is at (p - low + 1/2) * shrink - 1/2 of what was compared.
    half = 0.5 + 0.5j
    shift = complex(matrix[0, 2], matrix[1, 2])
    place = origin - half + half / shrink
    return factor, shift / shrink + place - factor * place


def _gray(image: Image, shrink: float) -> Image:
    gray = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY)
    if shrink < 1.0:
        gray = cv2.resize(gray, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    return np.asarray(gray, np.uint8)
