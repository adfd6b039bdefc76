"""The square crop that all images of a pair share: drawn once, then applied."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from datagen.core.arrays import Affine, Box, Image, Landmarks
from datagen.faces.landmarks import BROWS, SUBNASALE

__all__ = [
    "CropJitter",
    "crop_matrix",
    "draw_jitter",
    "face_box",
    "shrink_for",
    "take_crop",
]


@dataclass(frozen=True, slots=True)
class CropJitter:
    """Random variation of one crop.

    Attributes:
        shift_x, shift_y: Shift of the face, as a share of the crop's side.
        scale: Factor on the crop's side.
        rotate: Rotation in degrees, clockwise in the image.
        flip: Whether the crop is mirrored.
    """

    shift_x: float = 0.0
    shift_y: float = 0.0
    scale: float = 1.0
    rotate: float = 0.0
    flip: bool = False


def draw_jitter(
    rng: np.random.Generator,
    shift: float,
    scale: tuple[float, float],
    rotate: float,
    flip: float,
) -> CropJitter:
    """Draw a jitter; the number of draws is fixed, so each range affects only its own value."""
    x, y, s, r, f = rng.random(5)
    return CropJitter(
        shift_x=shift * (2 * x - 1),
        shift_y=shift * (2 * y - 1),
        scale=scale[0] + (scale[1] - scale[0]) * s,
        rotate=rotate * (2 * r - 1),
        flip=bool(f < flip),
    )


def face_box(landmarks: Landmarks) -> Box:
    """Return the axis-aligned box around a face, forehead included.

    The 68 landmarks end at the brows. By the neoclassical canon the forehead is as high as the
    distance from the brows to the base of the nose (Farkas et al. 1985); it is added along the
    face's own axis.
    """
    brows = landmarks[BROWS]
    up = brows.mean(axis=0) - landmarks[SUBNASALE]
    points = np.vstack([landmarks, brows + up])
    return np.concatenate([points.min(axis=0), points.max(axis=0)]).astype(np.float32)


def crop_matrix(box: Box, margin: float, size: int, jitter: CropJitter) -> Affine:
    """Return the map from pixels of the upright source image to pixels of the crop.

    Args:
        box: Box of the face, see ``face_box``.
        margin: Side of the crop as a multiple of the box's longer side.
        size: Side of the crop in pixels.
        jitter: Random variation; flipping is applied last.
    """
    x0, y0, x1, y1 = (float(v) for v in box)
    side = max(x1 - x0, y1 - y0, 1.0) * margin * jitter.scale
    zoom = size / side
    turn = np.deg2rad(jitter.rotate)
    rotation = zoom * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    center = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    goal = (size - 1) / 2 + size * np.array([jitter.shift_x, jitter.shift_y])
    matrix = np.column_stack([rotation, goal - rotation @ center])
    if jitter.flip:
        matrix[0] *= -1
        matrix[0, 2] += size - 1
    return matrix


def shrink_for(matrix: Affine) -> int:
    """Return the factor (1, 2, 4 or 8) by which the source may be decoded at a reduced size.

    The crop is then sampled bilinearly from an image less than twice as fine, which does not
    alias visibly.
    """
    zoom = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    return next((shrink for shrink in (8, 4, 2) if zoom * shrink <= 1.0), 1)


def take_crop(image: Image, matrix: Affine, size: int, shrink: int) -> Image:
    """Sample the crop from an image that was decoded at ``1 / shrink`` of its size.

    Beyond its edges the image is continued by reflection.
    """
    grow = np.array([[shrink, 0, (shrink - 1) / 2], [0, shrink, (shrink - 1) / 2], [0, 0, 1.0]])
    crop = cv2.warpAffine(
        image,
        matrix @ grow,
        (size, size),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    return np.asarray(crop, np.uint8)
