"""Thirteen points of the forehead, estimated from the 68 landmarks, which end at the brows."""

from __future__ import annotations

import numpy as np

from datagen.core.arrays import Landmarks
from datagen.faces.landmarks import BROWS, JAW, SUBNASALE, Points

__all__ = ["FOREHEAD_ORDER", "landmarks_81"]

FOREHEAD_ORDER = (77, 75, 76, 68, 69, 70, 71, 80, 72, 73, 79, 74, 78)
"""The points of the forehead in dlib's 81-point numbering, from the subject's right temple, beside
point 0, over the hairline to the left one, beside point 16."""


def landmarks_81(landmarks: Landmarks) -> Points:
    """Return ``(81, 2)`` float32 landmarks in the numbering of dlib's 81-point predictor.

    The first 68 are the landmarks as they are. The other 13 are an estimate, not a detection: no
    pixel is looked at. They lie at equal angles on the half ellipse from point 0 over the hairline
    to point 16, whose top is as far above the brows as these are above the base of the nose
    (Farkas et al. 1985), as in ``face_box``. The estimate moves with the face under any affine map;
    hair, a hat or a high hairline do not change it.

    Args:
        landmarks: The 68 landmarks; unknown ones are NaN, and then the estimate is NaN too.
    """
    right, left = landmarks[JAW][0], landmarks[JAW][-1]
    brows = landmarks[BROWS].mean(axis=0)
    middle = (right + left) / 2
    top = 2 * brows - landmarks[SUBNASALE]
    angles = np.pi * np.arange(1, 14)[:, None] / 14
    found = np.empty((81, 2), np.float32)
    found[:68] = landmarks
    found[list(FOREHEAD_ORDER)] = (
        middle + np.cos(angles) * (right - middle) + np.sin(angles) * (top - middle)
    )
    return found
