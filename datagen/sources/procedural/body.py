"""Neck and shoulders."""

from __future__ import annotations

import numpy as np

from .arrays import F64
from .patch import BODY, Patch, grid_triangles, make

_AROUND = 38
# Height, half width, half depth, depth of the center (cm), squareness, share of the head's motion.
_ROWS = (
    *((-3.5, 4.7, 3.9, -3.7, 0.0, 1.0), (-6.0, 5.0, 4.6, -4.2, 0.0, 1.0)),
    *((-7.5, 5.1, 5.1, -4.7, 0.0, 0.95), (-9.0, 5.2, 5.45, -5.2, 0.0, 0.8)),
    *((-10.5, 5.3, 5.5, -5.4, 0.0, 0.6), (-12.0, 5.6, 5.7, -5.7, 0.0, 0.4)),
    *((-13.2, 6.4, 6.0, -6.0, 0.0, 0.2), (-14.2, 8.2, 6.6, -6.2, 0.1, 0.08)),
    *((-15.1, 11.0, 7.2, -6.4, 0.2, 0.0), (-16.2, 14.4, 8.0, -6.4, 0.3, 0.0)),
    *((-17.8, 17.5, 8.8, -6.4, 0.3, 0.0), (-20.0, 19.4, 9.6, -6.3, 0.3, 0.0)),
    *((-24.0, 20.6, 10.3, -6.2, 0.3, 0.0), (-31.0, 21.0, 10.8, -6.0, 0.3, 0.0)),
    *((-48.0, 21.0, 11.0, -6.0, 0.3, 0.0),),
)


def _stations() -> F64:
    """The rows of the table, with one interpolated row between each two."""
    rows = np.array(_ROWS)
    at = np.arange(2 * len(rows) - 1) / 2.0
    return np.stack([np.interp(at, np.arange(len(rows)), column) for column in rows.T], 1)


def _relief(height: F64, angle: F64, values: dict[str, float]) -> F64:
    """Relief of the neck muscles and the larynx: (rows, around) in cm."""
    down = np.clip((height + 5.0) / -9.5, 0.0, 1.0)[:, None]
    ridge = np.radians(82.0 - 70.0 * down)
    strength = np.exp(-(((height + 10.5) / 4.0) ** 4))[:, None]
    muscle = np.exp(-(((np.abs(angle)[None] - ridge) / 0.2) ** 2)) * 0.55 * strength
    larynx = np.exp(-((angle[None] / 0.13) ** 2) - ((height[:, None] + 10.5) / 1.3) ** 2)
    return np.asarray(muscle + larynx * (0.3 + 0.12 * values["neck_width"]), np.float64)


def build(values: dict[str, float], chin: float) -> tuple[Patch, F64]:
    """Upright neck and shoulders, and the share of the head's motion at each point (n,).

    ``chin`` is the height of the chin in cm; a longer face pushes the neck down. The patch's
    uv is (angle around the body as 0..1 with 0.5 in front, height in cm).
    """
    rows = _stations()
    neck = rows[:, 5] * (1.0 + 0.055 * values["neck_width"])
    torso = (1.0 - rows[:, 5]) * (1.0 + 0.05 * values["shoulder_width"])
    wide = neck + torso
    angle = np.arange(_AROUND) * 2.0 * np.pi / _AROUND - np.pi
    c, s = np.cos(angle), np.sin(angle)
    power = 1.0 - rows[:, 4, None] * 0.5
    x = np.sign(s) * np.abs(s) ** power * (rows[:, 1] * wide)[:, None]
    z = np.sign(c) * np.abs(c) ** power * (rows[:, 2] * wide)[:, None] + rows[:, 3, None]
    relief = _relief(rows[:, 0], angle, values)
    x, z = x + s * relief, z + c * relief
    lower = np.clip((-9.4 - chin) * 0.8, -1.2, 2.0)
    y = np.repeat((rows[:, 0] - lower)[:, None], _AROUND, 1)
    points = np.stack([x, y, z], axis=2).reshape(-1, 3)
    uv = np.stack([np.repeat((angle / (2.0 * np.pi) + 0.5)[None], len(rows), 0), y], 2)
    triangles = grid_triangles(len(rows), _AROUND, wrap=True)
    patch = make(points, uv.reshape(-1, 2), triangles, BODY)
    return patch, np.repeat(rows[:, 5], _AROUND)


def smoothed(values: F64) -> F64:
    """Values at the points (n, k) averaged with their neighbors, twice."""
    grid = values.reshape(-1, _AROUND, values.shape[1])
    for _ in range(2):
        grid = 0.5 * grid + 0.25 * (np.roll(grid, 1, axis=1) + np.roll(grid, -1, axis=1))
        above = np.concatenate([grid[:1], grid[:-1]])
        below = np.concatenate([grid[1:], grid[-1:]])
        grid = 0.5 * grid + 0.25 * (above + below)
    return np.asarray(grid.reshape(values.shape), np.float64)
