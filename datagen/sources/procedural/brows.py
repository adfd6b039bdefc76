"""Eyebrows as strokes in the texture of the face."""

from __future__ import annotations

import cv2
import numpy as np

from .arrays import F32, F64, U8
from .template import template

_UPPER = ((70, 63, 105, 66, 107), (300, 293, 334, 296, 336))
_LOWER = ((46, 53, 52, 65, 55), (276, 283, 282, 295, 285))
_STROKES = 210
_SHIFT = 4


def _band(size: int, side: int, thickness: float) -> tuple[F64, F64]:
    """Upper and lower edge of a brow from tail to head: (5, 2) texels each."""
    uv = template().uv * size
    upper, lower = uv[list(_UPPER[side])], uv[list(_LOWER[side])]
    middle = upper * 0.57 + lower * 0.43
    # Arched over the outer third and low at the head: the reverse looks worried.
    middle = middle + (lower - upper) * np.array([0.05, -0.18, -0.14, -0.02, 0.06])[:, None]
    half = (lower - upper) * 0.5 * np.array([0.25, 0.62, 0.82, 0.92, 0.82])[:, None]
    half = half * (0.86 + 0.16 * float(np.clip(thickness, -1.8, 2.0)))
    return middle - half, middle + half


def strokes(size: int, thickness: float, density: float, rng: np.random.Generator) -> F32:
    """Cover of the skin by brow hairs, (size, size) float32 0..1.

    Args:
        size: side of the texture in texels.
        thickness: thickness in standard deviations from the average.
        density: share of the hairs, 0..1.
        rng: generator of the positions of hairs.
    """
    canvas: U8 = np.zeros((size, size), np.uint8)
    count = int(_STROKES * (0.45 + 0.75 * density))
    stations = np.linspace(0.0, 1.0, 5)
    ground: U8 = np.zeros((size, size), np.uint8)
    for side in (0, 1):
        upper, lower = _band(size, side, thickness)
        outline = np.concatenate([upper, lower[::-1]])
        cv2.fillPoly(ground, [np.round(outline * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
        along = rng.random(count) ** 0.9
        across = np.clip(0.5 + 0.34 * rng.normal(size=count), -0.3, 1.3)
        length = size * rng.uniform(0.011, 0.022, count)
        tilt = rng.normal(0.0, 0.14, count)
        shade = rng.integers(90, 256, count) * np.clip(1.25 - np.abs(across - 0.5), 0.4, 1.0)
        top = np.stack([np.interp(along, stations, upper[:, k]) for k in (0, 1)], 1)
        low = np.stack([np.interp(along, stations, lower[:, k]) for k in (0, 1)], 1)
        start = top + (low - top) * across[:, None]
        outward = 1.0 if side else -1.0
        # Hairs stand up at the head of the brow and lie flat and point down at its tail.
        angle = 1.25 * along**1.5 - 0.15 + (across - 0.5) * -0.9 + tilt
        step = np.stack([np.cos(angle) * outward, -np.sin(angle)], 1) * length[:, None]
        ends = np.round(np.stack([start - step * 0.35, start + step * 0.65], 1) * 16)
        for line, value in zip(ends.astype(np.int32), shade.astype(np.int64).tolist(), strict=True):
            cv2.line(canvas, line[0], line[1], value, 1, cv2.LINE_AA, _SHIFT)
    # Blur only the rows that contain the brows.
    rows = np.flatnonzero(np.maximum(canvas, ground).any(axis=1))
    reach = size // 24
    band = slice(max(0, int(rows[0]) - reach), int(rows[-1]) + reach)
    fine = cv2.GaussianBlur(canvas[band], (0, 0), 0.55).astype(np.float32)
    soft = cv2.GaussianBlur(ground[band], (0, 0), size / 95.0).astype(np.float32)
    cover = fine * np.float32(1.25 / 255.0)
    cover += soft * np.float32((0.16 + 0.30 * density) / 255.0)
    out = np.zeros((size, size), np.float32)
    out[band] = np.minimum(cover * np.float32(0.55 + 0.45 * density), 0.96)
    return out
