"""Facial expressions, separated from identity, as offsets of the 68 landmarks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Landmarks
from datagen.faces.geometry.outline import up_axis
from datagen.faces.landmarks import (
    JAW,
    LEFT_BROW,
    LEFT_EYE,
    MOUTH,
    NOSE,
    NOSE_BASE,
    RIGHT_BROW,
    RIGHT_EYE,
    indices,
)

__all__ = ["JAW_FOLLOWS", "NEUTRAL", "differences", "expression_offsets", "keep_order"]

Points = NDArray[np.float64]

_FARTHEST = 0.4
_MIN_TURNED = 0.4
_RIGID = (0, 1, 2, 3, 13, 14, 15, 16, *indices(NOSE), 36, 39, 42, 45)

# Neutral face: the mean of 300 procedural identities. Origin between the eyes, unit 1/100 of
# the distance between the eyes, x to the viewer's right, y down, z away from the camera.
_NEUTRAL = (
    (-119, 4, 92),
    (-118, 29, 99),
    (-113, 56, 99),
    (-93, 112, 85),
    (-82, 133, 65),
    (-70, 147, 42),
    (-49, 166, 7),
    (-21, 176, -14),
    (0, 177, -17),
    (21, 176, -14),
    (49, 166, 7),
    (70, 147, 42),
    (82, 133, 65),
    (93, 112, 85),
    (113, 56, 99),
    (118, 29, 99),
    (119, 4, 92),
    (-90, -27, 14),
    (-79, -37, -1),
    (-63, -42, -13),
    (-44, -40, -22),
    (-22, -37, -27),
    (22, -37, -27),
    (44, -40, -22),
    (63, -42, -13),
    (79, -37, -1),
    (90, -27, 14),
    (0, -10, -25),
    (0, 14, -43),
    (0, 34, -56),
    (0, 47, -62),
    (-14, 62, -32),
    (-8, 70, -35),
    (0, 71, -38),
    (8, 70, -35),
    (14, 62, -32),
    (-73, 0, 8),
    (-59, -7, -1),
    (-42, -8, -3),
    (-25, 1, -2),
    (-42, 7, -2),
    (-59, 6, 0),
    (25, 1, -2),
    (42, -8, -3),
    (59, -7, -1),
    (73, 0, 8),
    (59, 6, 0),
    (42, 7, -2),
    (-44, 102, -13),
    (-25, 92, -30),
    (-12, 90, -35),
    (0, 91, -36),
    (12, 90, -35),
    (25, 92, -30),
    (44, 102, -13),
    (24, 111, -29),
    (12, 114, -33),
    (0, 115, -34),
    (-12, 114, -33),
    (-23, 111, -29),
    (-39, 102, -8),
    (-9, 101, -27),
    (0, 101, -28),
    (9, 101, -27),
    (39, 102, -8),
    (10, 101, -27),
    (0, 101, -28),
    (-10, 101, -27),
)
_SHAPE = np.array(_NEUTRAL, np.float64) / 100
NEUTRAL: Points = _SHAPE[:, :2]
"""Frontal neutral face, ``(68, 2)``; unit: the distance between the eyes."""
_DESIGN = np.concatenate([_SHAPE, np.ones((68, 1))], axis=1)
JAW_FOLLOWS = 0.6 * np.concatenate([np.zeros(2), np.hanning(15)[1:-1], np.zeros(2)])
"""How far each of the 17 jaw points follows the lower lip, as a share of its motion."""


def differences(marks: Landmarks) -> tuple[Points, Points]:
    """Fit an affine camera to the landmarks that no expression moves.

    Returns:
        The ``(2, 2)`` matrix from x and y of the neutral face to the image, and the ``(68, 2)``
        differences that remain, in the units of the neutral face.
    """
    rigid = list(_RIGID)
    points = marks.astype(np.float64)
    camera = np.linalg.lstsq(_DESIGN[rigid], points[rigid], rcond=None)[0]
    left, size, right = np.linalg.svd(camera[:2])
    size = np.maximum(size, max(_MIN_TURNED * float(size[0]), 1e-6))
    turn = (left * size) @ right
    return turn, (points - _DESIGN @ camera) @ np.linalg.inv(turn)


def expression_offsets(target: Points, donor: Points) -> Points:
    """Return the offsets that give the target the donor's expression but not the donor's identity.

    The positions of mouth, eyes and brows, the thickness of lips and the length of lids belong
    to the identity; only motions of the parts about their own position belong to the expression.

    Args:
        target: ``differences`` of the face that receives the expression.
        donor: ``differences`` of the face that shows it.

    Returns:
        ``(68, 2)`` float64; unit: the distance between the eyes.
    """
    apart = donor - target
    offsets = np.zeros((68, 2))
    mouth = apart[MOUTH].copy()
    mouth[:, 1] -= mouth[[2, 3, 4]].mean(axis=0)[1] * _SITE
    mouth[:, 0] -= mouth[:, 0].mean()
    mouth[[2, 3, 4]] += 0.5 * (mouth[[13, 14, 15]] - mouth[[2, 3, 4]])
    mouth[[8, 9, 10]] += 0.5 * (mouth[[17, 18, 19]] - mouth[[8, 9, 10]])
    offsets[MOUTH] = mouth
    for lids in (RIGHT_EYE, LEFT_EYE):
        eye = apart[lids] - apart[lids][[0, 3]].mean(axis=0)
        eye[[0, 3]] = 0
        offsets[lids, 1] = _LIDS * eye[:, 1]
    for brow in (RIGHT_BROW, LEFT_BROW):
        offsets[brow] = _BROW * apart[brow]
        offsets[brow, 0] = _BROW * apart[brow, 0].mean()
    offsets[NOSE_BASE] = 0.5 * apart[NOSE_BASE]
    drop = mouth[18, 1] - mouth[14, 1]
    offsets[JAW, 1] = JAW_FOLLOWS * drop
    length = np.linalg.norm(offsets, axis=1, keepdims=True)
    offsets *= np.minimum(1, _FARTHEST / np.maximum(length, 1e-9))
    return offsets


_SITE = 0.8
_LIDS = 0.8
_BROW = 0.6


def keep_order(marks: Landmarks, way: Points) -> Points:
    """Shorten displacements that would move an upper lid or lip below the lower one.

    Args:
        marks: Landmarks before the motion.
        way: Displacements of the landmarks, ``(68, 2)`` pixels.

    Returns:
        Displacements, with any overlap divided equally between upper and lower.
    """
    up = up_axis(marks).astype(np.float64)
    upper, lower = list(_UPPER), list(_LOWER)
    across = (marks[upper] + way[upper] - marks[lower] - way[lower]) @ up
    before = (marks[upper] - marks[lower]) @ up
    short = np.minimum(across - np.minimum(0.1 * np.maximum(before, 0), before), 0)
    way = way.copy()
    way[upper] -= 0.5 * short[:, None] * up
    way[lower] += 0.5 * short[:, None] * up
    return way


_UPPER = (37, 38, 43, 44, 61, 62, 63)
_LOWER = (41, 40, 47, 46, 67, 66, 65)
