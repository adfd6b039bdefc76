"""Localized deformations of the neutral face, defined as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .arrays import F64
from .template import template


@dataclass(frozen=True, slots=True)
class Field:
    """A smooth displacement of the control points, for one unit of its parameter.

    Attributes:
        name: the parameter that controls it.
        at: MediaPipe indices of its center, on the viewer's left or in the middle; the mirrored
            center is added.
        spread: standard deviation of the Gaussian window in cm; 0 applies it everywhere.
        vector: (x, y, z) in cm (``move``) or as a relative change (``scale``); x > 0 points
            away from the middle of the face. For ``turn`` only x is used: radians about z,
            outer side up.
        kind: ``move``, ``scale`` (about the center of ``at``) or ``turn``.
        male: mean shift of the parameter for men; the negative for women.
    """

    name: str
    at: tuple[int, ...]
    spread: float
    vector: tuple[float, float, float]
    kind: str = "move"
    male: float = 0.0


def _window(centers: F64, spread: float, points: F64) -> F64:
    distance = ((points[:, None, :] - centers[None]) ** 2).sum(axis=2)
    return np.asarray(
        1.0 - np.prod(1.0 - np.exp(-distance / (2.0 * spread**2)), axis=1), np.float64
    )


def _local(field: Field, offset: F64, side: float) -> F64:
    """Displacement at offsets (n, 3) from the center, before the window."""
    x, y, z = field.vector
    if field.kind == "move":
        return np.broadcast_to(np.array([x * side, y, z]), offset.shape)
    if field.kind == "scale":
        return np.asarray(offset * np.array(field.vector), np.float64)
    turned = np.zeros_like(offset)
    turned[:, 0] = -offset[:, 1] * x * side
    turned[:, 1] = offset[:, 0] * x * side
    return turned


def displacement(field: Field) -> F64:
    """The field at the 468 control points: (468, 3) float64 in cm."""
    points = template().position
    if field.spread == 0.0:
        center = points[list(field.at)].mean(axis=0) * np.array([0.0, 1.0, 1.0])
        return np.array(_local(field, points - center, 1.0))
    total = np.zeros_like(points)
    middle = all(abs(points[index, 0]) < 1e-6 for index in field.at)
    for side in (1.0,) if middle else (-1.0, 1.0):
        centers = points[list(field.at)] * np.array([-side, 1.0, 1.0])
        center = centers.mean(axis=0)
        window = _window(centers, field.spread, points)
        total += window[:, None] * _local(field, points - center, side)
    return total


def stack(fields: Sequence[Field]) -> F64:
    """All fields at once: (len(fields), 468, 3)."""
    return np.stack([displacement(field) for field in fields])


def combine(basis: F64, amounts: Sequence[float]) -> F64:
    """Sum of ``amounts`` times the fields of ``basis`` in a fixed order: (468, 3)."""
    total = np.zeros(basis.shape[1:])
    for field, amount in zip(basis, amounts, strict=True):
        total += amount * field
    return total
