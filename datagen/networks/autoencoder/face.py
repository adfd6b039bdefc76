"""Input of the autoencoder: an aligned face with normalized colors on a black background.

The same in training and in use. Without background the network need not learn rooms and hair, and
with normalized colors it need not have seen a target's light and skin.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Affine, Image, Landmarks, Mask
from datagen.faces import masks
from datagen.faces.geometry.outline import convex_hull, face_outline
from datagen.faces.landmarks import move_points
from datagen.faces.pixels.blend import Region
from datagen.networks.alignment.align import TEMPLATES, align_matrix

__all__ = [
    "LIFT",
    "aligned_points",
    "encoder_input",
    "face_matrix",
    "hull_mask",
    "normalized",
    "statistics",
]

LIFT = 0.35
"""Share of the forehead that belongs to the face; hair remains the target's."""

_RAISE = 0.04  # of the side: moves the chin inside what paste-back replaces at full strength
_GROW, _SOFT = 0.015, 0.03
_LEVEL, _SPREAD = 0.5, 0.2
_MIN_SPREAD = 0.02

Floats = NDArray[np.float32]


def face_matrix(landmarks: Landmarks, size: int) -> Affine:
    """Return the matrix to the aligned face: ``ffhq_512``, whose square has jaw and forehead.

    Raises:
        ItemError: ``method_failed`` when the landmarks coincide.
    """
    matrix = align_matrix(landmarks, "ffhq_512", size)
    matrix[1, 2] -= _RAISE * size
    return matrix


def aligned_points(size: int) -> Floats:
    """Return where the five points of an aligned face lie on average, ``(5, 2)`` pixels."""
    points = TEMPLATES["ffhq_512"] * np.float32(size)
    return points - np.array([0, _RAISE * size], np.float32)


def hull_mask(landmarks: Landmarks, matrix: Affine, size: int, lift: float = LIFT) -> Mask:
    """Return the soft mask of the face in the aligned image, ``(size, size)``."""
    canvas = masks.Canvas(Region(0, 0, size, size), size, size)
    drawn = masks.fill(convex_hull(face_outline(move_points(landmarks, matrix), lift)), canvas)
    return masks.soften(masks.dilate(drawn, _GROW * size), _SOFT * size / 2)


def normalized(face: Image | Floats, mask: Mask | Floats, to: Floats | None = None) -> Floats:
    """Normalize mean and standard deviation of each channel under the mask.

    Args:
        face: Aligned face, ``(h, w, 3)``, 0 to 255.
        mask: Mask of the face, ``(h, w)``, 0 to 255.
        to: New mean and deviation, ``(2, 3)`` in [0, 1]; by default 0.5 and 0.2.

    Returns:
        ``(h, w, 3)`` float32 in [0, 1].
    """
    mean, spread = statistics(face, mask)
    goal = np.array([[_LEVEL] * 3, [_SPREAD] * 3], np.float32) if to is None else to
    values = face.astype(np.float32) / 255
    values -= mean
    values *= goal[1] / np.maximum(spread, _MIN_SPREAD)
    values += goal[0]
    return np.asarray(np.clip(values, 0, 1), np.float32)


def encoder_input(face: Image, mask: Mask) -> Floats:
    """Return the encoder's input: the normalized face on black, ``(h, w, 3)`` in [0, 1]."""
    seen = normalized(face, mask)
    seen *= (mask.astype(np.float32) / np.float32(255))[..., None]
    return seen


def statistics(face: Image | Floats, mask: Mask | Floats) -> Floats:
    """Return mean and deviation of each channel under the mask, ``(2, 3)`` float32 in [0, 1]."""
    weight = mask.astype(np.float64).ravel()
    weight /= max(float(weight.sum()), 1.0)
    values = face.reshape(-1, 3).astype(np.float64) / 255
    mean = weight @ values
    variance = weight @ np.square(values - mean)
    return np.stack([mean, np.sqrt(variance)]).astype(np.float32)
