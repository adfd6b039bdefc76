"""Color and shading of hair."""

from __future__ import annotations

import functools

import cv2
import numpy as np

from datagen.core import rng as streams

from .arrays import F32
from .light import Light
from .sample import sample

_SIZE = 512
# Linear RGB of hair without pigment, and absorption per unit of eu- and pheomelanin.
_BARE = np.array([0.62, 0.56, 0.48], np.float32)
_EUMELANIN = np.array([0.95, 1.30, 1.75], np.float32)
_PHEOMELANIN = np.array([0.22, 0.85, 1.55], np.float32)
_GRAY = np.array([0.44, 0.42, 0.39], np.float32)


def color(values: dict[str, float]) -> F32:
    """Linear RGB (3,) of a person's hair without gray strands."""
    dark = 0.35 + 4.3 * values["hair_black"] ** 1.4
    red = 0.14 + 1.0 * values["hair_red"]
    return np.asarray(_BARE * np.exp(-dark * _EUMELANIN * 0.8 - red * _PHEOMELANIN), np.float32)


def mixed(values: dict[str, float], noise: F32) -> F32:
    """Hair color (3, n) with gray strands where ``noise`` (n,) of 0..1 is low."""
    base = color(values)
    share = values["hair_gray"]
    gray = np.clip(share * 1.15 + (0.5 - noise) * (2.4 * share * (1.0 - 0.75 * share)), 0.0, 1.0)
    # Hair loses red before it is gray.
    base = base + (base.mean() - base) * np.float32(min(0.75, 1.5 * share))
    return np.asarray(base[:, None] + (_GRAY - base)[:, None] * gray, np.float32)


@functools.cache
def strand_map() -> F32:
    """Periodic strand texture (512, 512, 3) float32 0..1: fine, coarse, curls."""
    rng = streams.rng("hair", "strands")
    pad = _SIZE // 2

    def stretched(across: float, along: float) -> F32:
        raw = rng.standard_normal((_SIZE, _SIZE)).astype(np.float32)
        raw = np.pad(raw, pad, mode="wrap")
        soft = cv2.GaussianBlur(raw, (0, 0), sigmaX=across, sigmaY=along)[pad:-pad, pad:-pad]
        soft = (soft - soft.mean()) / soft.std()
        return np.asarray(np.clip(0.5 + soft * 0.25, 0.0, 1.0), np.float32)

    curls = stretched(3.5, 3.5)
    ridge = 1.0 - np.abs(curls - 0.5) * 4.0
    return np.dstack([stretched(0.8, 30.0), stretched(4.0, 60.0), np.clip(ridge, 0.0, 1.0)])


def strands(across: F32, along: F32, curl: float) -> tuple[F32, F32]:
    """Brightness of fine strands and coarse locks, both (n,) 0..1.

    Args:
        across: (n,) position across the strands in cm.
        along: (n,) position along the strands in cm.
        curl: from 0 for straight to 1 for curly.
    """
    table = strand_map()
    wave = curl * 1.1 * np.sin(along * 1.35 + across * 0.6)
    x = np.mod((across + wave) * 9.0, _SIZE).astype(np.float32)
    y = np.mod(along * 6.0, _SIZE).astype(np.float32)
    sampled = sample(table, x, y, cv2.BORDER_WRAP)
    fine, coarse = sampled[:, 0], sampled[:, 1]
    if curl > 0.5:
        fine = 0.35 * fine + 0.65 * sampled[:, 2]
    return fine, coarse


def shaded(base: F32, normal: F32, tangent: F32, light: Light, noise: tuple[F32, F32]) -> F32:
    """Light reflected by hair (3, n), by Kajiya and Kay (SIGGRAPH 1989) with noise.

    Args:
        base: (3, n) color.
        normal: (3, n) unit normals of the shell.
        tangent: (3, n) unit strand directions.
        light: the light.
        noise: fine and coarse strand brightness, (n,) each.
    """
    fine, coarse = noise
    key = np.tensordot(light.key, normal, 1)
    body = np.clip(key * 0.65 + 0.35, 0.0, 1.0)
    along = np.tensordot(light.key, tangent, 1)
    half = light.key + np.array([0.0, 0.0, 1.0], np.float32)
    half = half / np.float32(np.sqrt((half * half).sum()))
    shift = np.tensordot(half, tangent, 1) + (fine - 0.5) * 0.35 + (coarse - 0.5) * 0.2
    lobe = np.maximum(1.0 - shift * shift, 0.0)
    lobe = lobe**8
    wide = np.sqrt(np.maximum(1.0 - along * along, 0.0)) * body
    depth = (0.30 + 0.85 * fine) * (0.55 + 0.75 * coarse)
    # Light passes through light-colored hair, which evens out the shading between strands.
    depth = 0.67 + (depth - 0.67) * (1.0 - 0.55 * np.minimum(base[1] * 2.3, 1.0))
    up = normal[1] * 0.5 + 0.5
    facing = np.clip(normal[2], 0.0, 1.0)
    rim = 0.55 + 0.45 * facing
    out = np.empty_like(base)
    for channel in range(3):
        ambient = light.ground_color[channel] * (1.0 - up) + light.sky_color[channel] * up
        diffuse = light.key_color[channel] * (0.35 * wide + 0.55 * body)
        total = diffuse + ambient + 0.4 * light.fill_color[channel]
        shine = light.key_color[channel] * lobe * body * (0.035 + 0.55 * base[channel]) * fine
        out[channel] = base[channel] * total * depth * rim + shine * rim
    return out
