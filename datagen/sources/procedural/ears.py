"""Ears: a disc folded into rim, hollow and lobe."""

from __future__ import annotations

import numpy as np

from .arrays import F64
from .patch import SKIN, Patch, make

_AROUND, _OUT = 20, 7
_RIGHT, _LEFT = 234, 454

# Distance from the middle of the ear, and height of the surface there (cm).
_PROFILE = (
    *((0.0, -0.85), (0.22, -0.8), (0.4, -0.45), (0.52, 0.16), (0.64, 0.18), (0.76, -0.18)),
    *((0.88, 0.28), (0.96, 0.28), (1.0, -0.15)),
)


def _disc(size: float) -> tuple[F64, F64, F64]:
    """Backward, upward and outward coordinates of the disc in cm, (out, around) flat."""
    radius = np.linspace(0.0, 1.0, _OUT + 1)[1:] ** 0.8
    angle = np.arange(_AROUND) * 2.0 * np.pi / _AROUND
    r, t = (m.ravel() for m in np.meshgrid(radius, angle, indexing="ij"))
    up = np.sin(t)
    width = 1.65 * (1.0 + 0.16 * up - 0.12 * up**2) * np.where(np.cos(t) < 0.0, 0.85, 1.0)
    back = r * np.cos(t) * width + 0.25 * up * r
    stations = [p[0] for p in _PROFILE]
    height = np.interp(r, stations, [p[1] for p in _PROFILE])
    lobe = np.clip(-up - 0.55, 0.0, 1.0) * 2.0
    height = height * (1.0 - lobe) + 0.05 * lobe
    tragus = np.exp(-(((t - np.pi) / 0.5) ** 2) - ((r - 0.75) / 0.2) ** 2)
    height = height + 0.3 * tragus
    tall = np.sign(up) * np.abs(up) ** np.where(up < 0.0, 0.8, 1.0)
    return back * size, r * tall * 3.1 * size, height * size


def hollows() -> F64:
    """Share of the light that reaches the points of both ears, given their folds: (n,) 0..1."""
    radius = np.linspace(0.0, 1.0, _OUT + 1)[1:] ** 0.8
    reach = np.interp(radius, [0.0, 0.34, 0.52, 0.64, 0.78, 0.9], [0.3, 0.4, 0.95, 0.95, 0.5, 1.0])
    return np.tile(np.repeat(reach, _AROUND), 2)


def build(shape: F64, values: dict[str, float]) -> list[Patch]:
    """Both ears at the sides of these control points, in head coordinates."""
    size = 0.95 + 0.06 * values["ear_size"]
    angle = np.radians(26.0 + 6.0 * values["ear_angle"])
    back, up, out = _disc(size)
    patches = []
    around = np.arange(_AROUND)
    for index, side in ((_RIGHT, -1.0), (_LEFT, 1.0)):
        anchor = shape[index] + np.array([-0.12 * side, 0.45, -0.25])
        along = back + 1.35 * size
        # Tilted back by ten degrees, and away from the head by the ear angle.
        p, q = along * 0.985 - up * 0.16, up * 0.985 + along * 0.16
        points = np.empty((len(p), 3))
        points[:, 0] = anchor[0] + side * (p * np.sin(angle) + out * np.cos(angle))
        points[:, 1] = anchor[1] + q
        points[:, 2] = anchor[2] - p * np.cos(angle) + out * np.sin(angle)
        rows = np.arange(_OUT * _AROUND).reshape(_OUT, _AROUND)
        a, b = rows[:-1].ravel(), np.roll(rows[:-1], -1, 1).ravel()
        d, e = rows[1:].ravel(), np.roll(rows[1:], -1, 1).ravel()
        middle = np.stack(
            [rows[0, 1:-1] * 0 + rows[0, 0], rows[0, around[1:-1]], rows[0, around[2:]]], 1
        )
        triangles = np.concatenate([np.stack([a, d, b], 1), np.stack([b, d, e], 1), middle])
        if side < 0.0:
            triangles = triangles[:, ::-1]
        spread = np.stack([0.06 + back * 0.02, 0.93 + up * 0.012], 1)
        patches.append(make(points, spread, np.ascontiguousarray(triangles), SKIN))
    return patches
