"""The head: face mesh, skull behind it, and ears."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import ears
from .arrays import F64
from .identity import Identity
from .patch import Patch, join, vertex_normals
from .template import template

# Share of the way from the border of the face to the back pole, ring by ring.
_RINGS = (0.04, 0.09, 0.15, 0.21, 0.28, 0.36, 0.45, 0.55, 0.67, 0.82, 1.0)
_POLE = np.array([0.0, -0.10, -0.995])
_TOP, _RIGHT_TEMPLE, _LEFT_TEMPLE = 10, 162, 389


@dataclass(frozen=True, slots=True)
class Skull:
    """An ellipsoid with its own radius in front and behind, fitted to the forehead.

    Attributes:
        center: (3,) in cm.
        across, up, front, back: radii in cm.
    """

    center: F64
    across: float
    up: float
    front: float
    back: float

    def radius(self, direction: F64) -> F64:
        """Distance from the center to the surface along unit directions (n, 3)."""
        depth = np.where(direction[:, 2] > 0.0, self.front, self.back)
        scaled = (
            (direction[:, 0] / self.across) ** 2
            + (direction[:, 1] / self.up) ** 2
            + (direction[:, 2] / depth) ** 2
        )
        return np.asarray(1.0 / np.sqrt(scaled), np.float64)


def skull_of(shape: F64, values: dict[str, float]) -> Skull:
    """The skull that continues the forehead of these control points."""
    center = np.array([0.0, 3.3, -4.0])
    up = 9.3 + 0.35 * values["skull_height"] + 0.3 * (shape[_TOP, 1] - 8.26)
    top = shape[_TOP] - center
    front = top[2] / np.sqrt(max(0.2, 1.0 - (top[1] / up) ** 2))
    across = 0.5 * (shape[_LEFT_TEMPLE, 0] - shape[_RIGHT_TEMPLE, 0]) + 0.28
    back = 9.6 + 0.5 * values["skull_length"]
    return Skull(center, float(across), float(up), float(front), float(back))


def _rings(border: F64, skull: Skull) -> list[F64]:
    offset = border - skull.center
    start = np.sqrt((offset**2).sum(axis=1))
    first = offset / start[:, None]
    angle = np.arccos(np.clip(first @ _POLE, -0.9999, 0.9999))
    rings = []
    for share in _RINGS:
        a = np.sin((1.0 - share) * angle) / np.sin(angle)
        b = np.sin(share * angle) / np.sin(angle)
        direction = a[:, None] * first + b[:, None] * _POLE
        direction /= np.sqrt((direction**2).sum(axis=1, keepdims=True))
        t = np.clip(share / 0.42, 0.0, 1.0)
        blend = t * t * (3.0 - 2.0 * t)
        radius = (1.0 - blend) * start + blend * skull.radius(direction)
        rings.append(skull.center + radius[:, None] * direction)
    return rings


def _loft_uv(border_uv: F64, share: float) -> F64:
    outward = border_uv - np.array([0.5, 0.54])
    length = np.sqrt((outward**2).sum(axis=1, keepdims=True))
    return np.asarray(border_uv + outward / length * 0.3 * share, np.float64)


def build(control: F64, neutral: F64, identity: Identity) -> tuple[Patch, Skull]:
    """Face, skull and ears for posed control points (468, 3), in head coordinates.

    The first 1833 points are the fine face, the first 468 of them MediaPipe's points.
    The skull is that of the ``neutral`` control points: no expression moves it.
    """
    base = template()
    skull = skull_of(neutral, identity.values)
    fine = base.refine(control)
    rings = _rings(fine[base.border], skull)
    uv = [base.fine_uv] + [_loft_uv(base.fine_uv[base.border], share) for share in _RINGS]
    points = np.concatenate([fine, *rings])
    count = len(base.border)
    rows = np.concatenate(
        [base.border[None], len(fine) + np.arange(len(_RINGS) * count).reshape(-1, count)]
    )
    a, d = rows[:-1].ravel(), rows[1:].ravel()
    b, e = np.roll(rows[:-1], -1, axis=1).ravel(), np.roll(rows[1:], -1, axis=1).ravel()
    loft = np.concatenate([np.stack([a, b, d], 1), np.stack([b, e, d], 1)])
    triangles = np.concatenate([base.triangles, loft])
    material = np.concatenate([base.material, np.zeros(len(loft), np.int64)])
    normals = vertex_normals(points, triangles)
    whole = Patch(points, normals, np.concatenate(uv), triangles, material)
    return join([whole, *ears.build(neutral, identity.values)]), skull
