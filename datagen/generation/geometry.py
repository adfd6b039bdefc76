"""Geometry that follows an image through a degradation that moves its pixels."""

from __future__ import annotations

import math

import cv2
import numpy as np

from datagen.core.arrays import Landmarks, Mask
from datagen.degradations import Homography
from datagen.degradations.base import warp
from datagen.errors import ItemError
from datagen.faces.crop import face_box

__all__ = ["follow_landmarks", "follow_mask", "rotation_of"]

_MAX_OUTSIDE = 0.2  # share of the face box


def follow_landmarks(landmarks: Landmarks, matrix: Homography, size: int) -> Landmarks:
    """Move ``(68, 2)`` landmarks.

    Args:
        landmarks: Points before the degradation, in pixels.
        matrix: Homography from pixels before to pixels after.
        size: Side of the image in pixels, the same before and after.

    Raises:
        ItemError: ``face_lost`` if more than a fifth of the face's box is outside afterwards.
    """
    moved = cv2.perspectiveTransform(landmarks.astype(np.float64)[None], matrix)[0]
    moved = np.asarray(moved, np.float32)
    x0, y0, x1, y1 = (float(value) for value in face_box(moved))
    area = max((x1 - x0) * (y1 - y0), 1e-6)
    width = min(x1, size) - max(x0, 0)
    height = min(y1, size) - max(y0, 0)
    outside = 1 - max(width, 0) * max(height, 0) / area
    if outside > _MAX_OUTSIDE:
        raise ItemError("face_lost", f"{outside:.0%} of the face is outside the image")
    return moved


def follow_mask(mask: Mask, matrix: Homography) -> Mask:
    """Move a mask; pixels from outside the image count as untouched."""
    return warp(mask, matrix)


def rotation_of(matrix: Homography, size: int) -> float:
    """Return the rotation of the center of the image in degrees; > 0 is clockwise."""
    middle = (size - 1) / 2
    ends = np.array([[[middle - 1, middle], [middle + 1, middle]]])
    (x0, y0), (x1, y1) = cv2.perspectiveTransform(ends, matrix)[0]
    return math.degrees(math.atan2(y1 - y0, x1 - x0))
