"""Inside of the mouth: teeth, tongue and the dark cavity behind them."""

from __future__ import annotations

import numpy as np

from .arrays import F32, I64
from .figure import Figure
from .light import Light

_IVORY = np.array([0.82, 0.70, 0.56], np.float32)
_TONGUE = np.array([0.20, 0.055, 0.05], np.float32)
_DARK = np.array([0.020, 0.007, 0.006], np.float32)
# Gaps between teeth, from the middle outward, in cm.
_GAPS = np.array([0.0, 0.85, 1.5, 2.2, 2.8, 3.4], np.float32)


def _head_position(rows: I64, columns: I64, figure: Figure, depth: float) -> tuple[F32, F32]:
    """Head coordinates x, y of pixels on the plane z = ``depth``."""
    camera = figure.camera
    turn = camera.rotation.astype(np.float32)
    middle = camera.place(np.array([[0.0, -4.3, depth]]))[0]
    right, up, near = camera.shift
    per_pixel = np.float32((camera.distance - near - middle[2]) / camera.focal)
    x = (columns.astype(np.float32) + 0.5 - np.float32(camera.middle[0])) * per_pixel
    y = -(rows.astype(np.float32) + 0.5 - np.float32(camera.middle[1])) * per_pixel
    x, y = x - np.float32(right), y - np.float32(up)
    w = (np.float32(depth) - x * turn[0, 2] - y * turn[1, 2]) / turn[2, 2]
    return (
        np.asarray(x * turn[0, 0] + y * turn[1, 0] + w * turn[2, 0], np.float32),
        np.asarray(x * turn[0, 1] + y * turn[1, 1] + w * turn[2, 1], np.float32),
    )


def _teeth(x: F32, low: F32, high: F32, y: F32) -> F32:
    """Cover 0..1 of a row of teeth between two heights, darker at gaps and edges."""
    inside = np.clip((y - low) * 14.0, 0.0, 1.0) * np.clip((high - y) * 14.0, 0.0, 1.0)
    nearest = np.abs(np.abs(x)[:, None] - _GAPS[None]).min(axis=1)
    return np.asarray(inside * (0.78 + 0.22 * np.clip(nearest * 14.0, 0.0, 1.0)), np.float32)


def paint(rows: I64, columns: I64, figure: Figure, lamp: Light, sky: F32) -> F32:
    """Light from the open mouth at pixels (n,): (3, n) linear RGB."""
    rest, now = figure.neutral, figure.control
    depth = float(now[13, 2]) - 0.9
    x, y = _head_position(rows, columns, figure, depth)
    x = x - np.float32(0.5 * (rest[13, 0] + rest[14, 0]))
    line = float(0.5 * (rest[13, 1] + rest[14, 1]))
    jaw = float(now[14, 1] - now[13, 1])
    curve = 0.045 * x * x
    upper = _teeth(x, np.float32(line - 0.30) + curve, np.full_like(x, line + 1.2), y)
    edge = np.float32(line - 0.42 + min(0.0, jaw + 0.05) * 0.9)
    lower = 0.8 * _teeth(x * 1.25, edge - 1.2 + 0.0 * x, edge - curve, y)
    gap = np.clip((float(now[13, 1] - now[14, 1]) - 0.08) / 0.3, 0.0, 1.0)
    arch = np.exp(-((x / 1.95) ** 4)) * (0.95 * gap)
    tongue = np.clip((np.float32(line - 0.7) - y) * 1.2, 0.0, 1.0)
    teeth = np.maximum(upper, lower) * arch
    # Exposure is longer for dark skin, which would overexpose the teeth.
    level = 1.0 / (1.0 + 0.4 * figure.identity.values["melanin"])
    # Lips shade the roots; cheeks shade the sides.
    level = level * (1.0 - 0.5 * np.minimum(x * x * 0.3, 1.0))
    level = level * (0.6 + 0.4 * np.clip((np.float32(line + 0.5) - y) * 2.2, 0.0, 1.0))
    teeth = np.asarray(teeth * level, np.float32)
    falls = lamp.key_color * 0.32 + lamp.sky_color * 0.6 + lamp.fill_color * 0.5
    out = np.empty((3, len(x)), np.float32)
    for channel in range(3):
        soft = _DARK[channel] + (_TONGUE[channel] - _DARK[channel]) * tongue * 0.6
        color = soft + (_IVORY[channel] - soft) * teeth
        out[channel] = color * falls[channel] * (0.45 + 0.55 * sky)
    return out
