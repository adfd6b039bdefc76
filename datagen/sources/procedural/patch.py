"""Surface patches and their materials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .arrays import F64, I64

SKIN, RIGHT_EYE, LEFT_EYE, MOUTH_HOLE, BODY, HAIR, FRAME = range(7)


@dataclass(frozen=True, slots=True)
class Patch:
    """A triangle mesh in centimeters.

    Attributes:
        points: (n, 3).
        normals: (n, 3), unit, outward.
        uv: (n, 2), with a meaning that depends on the material.
        triangles: (m, 3), counter-clockwise seen from outside.
        material: (m,).
    """

    points: F64
    normals: F64
    uv: F64
    triangles: I64
    material: I64


def vertex_normals(points: F64, triangles: I64) -> F64:
    """Area-weighted unit normals (n, 3) of the points of a mesh."""
    a, b, c = (points[triangles[:, k]] for k in range(3))
    face = np.cross(b - a, c - a)
    total = np.zeros_like(points)
    for k in range(3):
        for axis in range(3):
            total[:, axis] += np.bincount(triangles[:, k], face[:, axis], len(points))
    length = np.sqrt((total**2).sum(axis=1, keepdims=True))
    return np.asarray(total / np.maximum(length, 1e-9), np.float64)


def grid_triangles(rows: int, columns: int, wrap: bool) -> I64:
    """Triangles of a row-major grid of points; the outside is to the left of the row direction."""
    across = columns if wrap else columns - 1
    r, c = np.meshgrid(np.arange(rows - 1), np.arange(across), indexing="ij")
    a = (r * columns + c).ravel()
    b = (r * columns + (c + 1) % columns).ravel()
    d, e = a + columns, b + columns
    return np.concatenate([np.stack([a, d, b], 1), np.stack([b, d, e], 1)]).astype(np.int64)


def make(points: F64, uv: F64, triangles: I64, material: int) -> Patch:
    """A patch of one material with its normals computed."""
    normals = vertex_normals(points, triangles)
    return Patch(points, normals, uv, triangles, np.full(len(triangles), material, np.int64))


def join(patches: Sequence[Patch]) -> Patch:
    """Several patches as one; points are not merged."""
    starts = np.cumsum([0] + [len(p.points) for p in patches])
    return Patch(
        np.concatenate([p.points for p in patches]),
        np.concatenate([p.normals for p in patches]),
        np.concatenate([p.uv for p in patches]),
        np.concatenate([p.triangles + s for p, s in zip(patches, starts, strict=False)]),
        np.concatenate([p.material for p in patches]),
    )
