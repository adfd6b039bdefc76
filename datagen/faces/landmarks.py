"""The 68 landmarks of 300-W by name, and landmarks mapped by an affine matrix.

Left and right are the subject's own: the right eye is at smaller x in a frontal image. The
numbering is that of Sagonas et al., ICCV Workshops 2013.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Affine, Landmarks

__all__ = [
    "BROWS",
    "CHIN",
    "EYES",
    "FEATURES",
    "INNER_LIPS",
    "INNER_LIP_BOTTOM",
    "INNER_LIP_TOP",
    "INNER_MOUTH_CORNERS",
    "JAW",
    "LEFT_BROW",
    "LEFT_EYE",
    "LEFT_EYE_CORNERS",
    "LEFT_MOUTH_CORNER",
    "LEFT_NOSTRIL",
    "MIRROR_68",
    "MOUTH",
    "NOSE",
    "NOSE_BASE",
    "NOSE_BRIDGE",
    "NOSE_TIP",
    "NOSE_TOP",
    "OUTER_LIPS",
    "RIGHT_BROW",
    "RIGHT_EYE",
    "RIGHT_EYE_CORNERS",
    "RIGHT_MOUTH_CORNER",
    "RIGHT_NOSTRIL",
    "SUBNASALE",
    "Points",
    "indices",
    "mirrored",
    "mouth_opening",
    "move_landmarks",
    "move_points",
]

Points = NDArray[np.float32]

JAW = slice(0, 17)
RIGHT_BROW = slice(17, 22)
LEFT_BROW = slice(22, 27)
NOSE_BRIDGE = slice(27, 31)
NOSE_BASE = slice(31, 36)
RIGHT_EYE = slice(36, 42)
LEFT_EYE = slice(42, 48)
OUTER_LIPS = slice(48, 60)
INNER_LIPS = slice(60, 68)

BROWS = slice(17, 27)
NOSE = slice(27, 36)
EYES = slice(36, 48)
MOUTH = slice(48, 68)
FEATURES = slice(17, 68)
"""Everything but the jaw line."""

CHIN = 8
NOSE_TOP = 27
NOSE_TIP = 30
RIGHT_NOSTRIL = 31
SUBNASALE = 33
"""Where the nose meets the upper lip."""
LEFT_NOSTRIL = 35
RIGHT_EYE_CORNERS = (36, 39)
"""Outer, then inner."""
LEFT_EYE_CORNERS = (45, 42)
"""Outer, then inner."""
RIGHT_MOUTH_CORNER = 48
LEFT_MOUTH_CORNER = 54
INNER_MOUTH_CORNERS = (60, 64)
INNER_LIP_TOP = 62
INNER_LIP_BOTTOM = 66

MIRROR_68: NDArray[np.intp] = np.array(
    [
        *(*range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1)),
        *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),
        *(*range(54, 47, -1), *range(59, 54, -1), *range(64, 59, -1), *range(67, 64, -1)),
    ]
)
"""The landmark that takes each of the 68 places after mirroring."""


def indices(*parts: slice | int) -> list[int]:
    """Return the indices of some parts, in the order given."""
    found: list[int] = []
    for part in parts:
        found += range(68)[part] if isinstance(part, slice) else [part]
    return found


def mouth_opening(landmarks: Landmarks) -> float:
    """Return the gap between the lips, as a share of the inner mouth's width."""
    right, left = INNER_MOUTH_CORNERS
    width = float(np.linalg.norm(landmarks[right] - landmarks[left]))
    gap = float(np.linalg.norm(landmarks[INNER_LIP_TOP] - landmarks[INNER_LIP_BOTTOM]))
    return gap / max(width, 1e-6)


def move_points(points: Points, affine: Affine) -> Points:
    """Apply an affine matrix to ``(n, 2)`` float32 points."""
    moved = points @ affine[:, :2].T + affine[:, 2]
    return moved.astype(np.float32)


def move_landmarks(landmarks: Landmarks, matrix: Affine) -> Landmarks:
    """Apply an affine matrix to landmarks; a mirroring one also exchanges left and right."""
    moved = move_points(landmarks.astype(np.float64), matrix)
    return moved[MIRROR_68] if np.linalg.det(matrix[:, :2]) < 0 else moved


def mirrored(landmarks: Landmarks, width: int) -> Landmarks:
    """Return the landmarks of a face in its mirrored image.

    Args:
        landmarks: The 68 landmarks.
        width: Width of the image in pixels.
    """
    return move_landmarks(landmarks, np.array([[-1.0, 0.0, width - 1.0], [0.0, 1.0, 0.0]]))
