"""Key light, fill light and sky, and how much of each reaches a point of the head."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from datagen.core import rng as streams

from .arrays import F32, F64
from .sample import sample

# Height field of the head: cells per side, centimeters per cell, and its middle.
_CELLS, _CELL = 72, 0.36
_FAR = -30.0
_SKY = (
    *((0.0, 0.0, 1.0), (0.0, 0.85, 0.53), (0.78, 0.15, 0.61), (-0.78, 0.15, 0.61)),
    *((0.0, -0.7, 0.71),),
)


@dataclass(frozen=True, slots=True)
class Light:
    """The light of one image, rounded so that it is the same on every machine.

    Attributes:
        key: (3,) unit direction toward the key light, camera axes.
        key_color, fill_color, sky_color, ground_color: (3,) linear RGB strengths.
        fill: (3,) unit direction of the fill light.
        softness: 0.08 (hard) to 0.8 (very soft), the tangent of the light's half angle.
        exposure: factor on linear light.
    """

    key: F32
    key_color: F32
    fill: F32
    fill_color: F32
    sky_color: F32
    ground_color: F32
    softness: float
    exposure: float


def _direction(azimuth: float, elevation: float) -> F32:
    a, e = np.radians([azimuth, elevation])
    vector = np.array([np.sin(a) * np.cos(e), np.sin(e), np.cos(a) * np.cos(e)])
    return np.round(vector, 4).astype(np.float32)


def _warmth(amount: float) -> F64:
    """Color of a light, from -1 for bluish to 1 for tungsten."""
    return np.array([1.0 + 0.14 * amount, 1.0, 1.0 - 0.20 * amount])


def draw_values(seed: int, person: int, image_number: int) -> dict[str, float]:
    """Parameters of the light: angles in degrees, strengths, softness, warmth and exposure."""
    rng = streams.rng(seed, person, image_number, "light")
    azimuth = float(np.clip(rng.normal(0.0, 36.0), -70.0, 70.0))
    values = {
        "key_azimuth": azimuth,
        "key_elevation": rng.uniform(8.0, 55.0),
        "key": rng.uniform(0.75, 1.35),
        "fill": rng.uniform(0.14, 0.45),
        "sky": rng.uniform(0.14, 0.48),
        "softness": 0.18 * 5.0 ** rng.uniform(0.0, 1.0),
        "key_warmth": float(np.clip(rng.normal(0.12, 0.4), -0.8, 1.0)),
        "sky_warmth": float(np.clip(rng.normal(-0.1, 0.35), -0.9, 0.9)),
        "exposure": float(np.exp(rng.normal(0.0, 0.13))),
    }
    return {name: round(float(value), 4) for name, value in values.items()}


def make(values: dict[str, float], melanin: float) -> Light:
    """The light of these parameters; exposure is slightly longer for darker skin."""
    side = -np.sign(values["key_azimuth"]) if values["key_azimuth"] else 1.0
    sky = _warmth(values["sky_warmth"]) * values["sky"]
    adapted = values["exposure"] * (1.0 + 0.5 * melanin)
    total = 0.62 * values["key"] + 0.3 * values["fill"] + 0.8 * values["sky"]
    return Light(
        _direction(values["key_azimuth"], values["key_elevation"]),
        (_warmth(values["key_warmth"]) * values["key"]).astype(np.float32),
        _direction(float(side) * 48.0, 12.0),
        (_warmth(values["sky_warmth"] * 0.6) * values["fill"]).astype(np.float32),
        sky.astype(np.float32),
        (sky * np.array([0.68, 0.58, 0.50])).astype(np.float32),
        values["softness"],
        round(float(adapted / total * 0.74), 4),
    )


def height_field(points: F64, front: F64) -> F32:
    """Depth of the head seen from the front, on a grid in head coordinates.

    Args:
        points: (n, 3) points of the head in cm.
        front: (n,) z component of each point's normal; points that do not face forward are ignored.
    """
    keep = front > 0.05
    used = points[keep]
    column = np.clip((used[:, 0] / _CELL + _CELLS / 2).astype(np.int64), 0, _CELLS - 1)
    row = np.clip((used[:, 1] / _CELL + _CELLS / 2).astype(np.int64), 0, _CELLS - 1)
    cell = row * _CELLS + column
    count = np.bincount(cell, minlength=_CELLS**2).reshape(_CELLS, _CELLS)
    total = np.bincount(cell, used[:, 2], _CELLS**2).reshape(_CELLS, _CELLS)
    near = cv2.GaussianBlur(count.astype(np.float32), (0, 0), 0.9)
    depth = cv2.GaussianBlur(total.astype(np.float32), (0, 0), 0.9)
    return np.where(near > 0.02, depth / np.maximum(near, 1e-6), _FAR).astype(np.float32)


def shadow(field: F32, points: F64, toward: F64, softness: float, steps: int = 11) -> F64:
    """Share of a distant light that reaches each point past the head, 0 to 1.

    Ray-marches the height field; a ray that passes close above it is in half shadow.

    Args:
        field: from ``height_field``.
        points: (n, 3) head coordinates in cm.
        toward: (3,) unit direction of the light, head coordinates.
        softness: tangent of the light's half angle.
        steps: number of samples along the ray.
    """
    distance = np.concatenate([[0.0], np.geomspace(0.55, 9.0, steps)]).astype(np.float32)
    distance = distance[:, None]
    start, step = points.astype(np.float32).T, toward.astype(np.float32)
    middle, last = np.float32(_CELLS / 2 - 0.5), np.float32(_CELLS - 1.001)
    across, up, deep = (start[k] + distance * step[k] for k in range(3))
    column = np.clip(across * np.float32(1.0 / _CELL) + middle, 0.0, last)
    row = np.clip(up * np.float32(1.0 / _CELL) + middle, 0.0, last)
    height = sample(field, column.ravel(), row.ravel()).reshape(column.shape)
    over = height - deep
    above = (over - np.float32(0.12)) / (distance * np.float32(softness) + np.float32(0.2))
    # Below the jaw, a point is under the field from the start: only what is farther away can block
    # the light.
    below = over[0] > 0.6
    above[1:][below & (distance[1:] < 2.4)] = -9.0
    reached = 1.0 - np.clip(above[1:].max(axis=0) * 0.5 + 0.5, 0.0, 1.0)
    return np.asarray(reached * np.where(below, 0.6, 1.0), np.float64)


def openness(field: F32, points: F64, normals: F64) -> F64:
    """Share of the sky that each point sees, 0 to 1 (ambient occlusion)."""
    seen, total = np.zeros(len(points)), np.full(len(points), 1e-6)
    for direction in np.array(_SKY):
        weight = np.maximum(normals @ direction, 0.0)
        seen += weight * shadow(field, points, direction, 0.55, steps=6)
        total += weight
    share = np.clip(seen / total, 0.0, 1.0)
    return np.asarray(share**1.4, np.float64)
