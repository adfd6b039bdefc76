"""The background: a plain wall, a gradient or a scene out of focus."""

from __future__ import annotations

import cv2
import numpy as np

from datagen.core import rng as streams

from .arrays import F32
from .light import Light

_SMALL = 64


def _hue(rng: np.random.Generator, saturation: float, value: float) -> F32:
    """A linear RGB color (3,), mostly on the axis from warm to cool."""
    warm = rng.normal(0.1, 0.8) * saturation
    green = rng.normal(0.0, 0.4) * saturation
    color = np.array([1.0 + warm, 1.0 + green + 0.25 * warm, 1.0 - warm])
    return np.asarray(value * np.clip(color, 0.15, 2.0), np.float32)


def _gradient(rng: np.random.Generator, light: Light) -> F32:
    angle, near = rng.uniform(0.0, 2.0 * np.pi), rng.uniform(0.15, 0.75)
    first = _hue(rng, rng.uniform(0.0, 0.35), near)
    second = _hue(rng, rng.uniform(0.0, 0.35), near * rng.uniform(0.25, 1.0))
    y, x = np.mgrid[0:_SMALL, 0:_SMALL].astype(np.float32) / _SMALL - 0.5
    slope = np.clip(0.5 + x * np.cos(angle) + y * np.sin(angle), 0.0, 1.0)[..., None]
    halo = np.exp(-((x - light.key[0] * 0.3) ** 2 + (y + 0.1) ** 2) * 5.0)[..., None]
    return np.asarray((first + (second - first) * slope) * (0.75 + 0.4 * halo), np.float32)


def _scene(rng: np.random.Generator) -> F32:
    """Rectangles, a horizon and points of light, blurred."""
    level = rng.uniform(0.1, 0.5)
    canvas = np.full((_SMALL, _SMALL, 3), _hue(rng, 0.15, level), np.float32)
    horizon = int(rng.uniform(0.35, 0.8) * _SMALL)
    canvas[horizon:] = _hue(rng, 0.25, level * rng.uniform(0.3, 0.9))
    for _ in range(int(rng.integers(5, 16))):
        x, y = rng.integers(-8, _SMALL, 2).tolist()
        w, h = rng.integers(4, 26, 2).tolist()
        fill = _hue(rng, rng.uniform(0.0, 0.5), level * rng.uniform(0.2, 2.2)).tolist()
        cv2.rectangle(canvas, (x, y), (x + w, y + h), fill, -1)
    for _ in range(int(rng.integers(0, 9))):
        x, y = rng.integers(0, _SMALL, 2).tolist()
        fill = _hue(rng, 0.3, rng.uniform(0.8, 2.2)).tolist()
        cv2.circle(canvas, (x, y), int(rng.integers(1, 4)), fill, -1, cv2.LINE_AA)
    return np.asarray(cv2.GaussianBlur(canvas, (0, 0), rng.uniform(2.2, 6.0)), np.float32)


def make(seed: int, person: int, image_number: int, size: int, light: Light) -> F32:
    """Linear RGB background (size, size, 3) of an image."""
    rng = streams.rng(seed, person, image_number, "background")
    kind = rng.random()
    if kind < 0.2:
        small = np.full((_SMALL, _SMALL, 3), _hue(rng, 0.25, rng.uniform(0.06, 0.75)), np.float32)
    elif kind < 0.5:
        small = _gradient(rng, light)
    else:
        small = _scene(rng)
    large = cv2.resize(small, (size, size), interpolation=cv2.INTER_CUBIC)
    return np.asarray(large, np.float32)
