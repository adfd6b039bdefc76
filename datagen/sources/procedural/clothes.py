"""Clothes: where they cover the body, and their colors."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np

from datagen.core import rng as streams

from .arrays import F32, smoothstep
from .light import Light
from .sample import sample

_SIZE = 256


@dataclass(frozen=True, slots=True)
class Clothes:
    """What a person wears in an image.

    Attributes:
        main, trim: (3,) linear RGB.
        neckline: height of the collar at the side of the neck in cm, negative.
        drop: how far the neckline drops in front, in cm.
        width: half width of the drop, as a share of the angle around the body.
        pointed: whether the neckline is a V rather than round.
        stripe: strength of stripes, 0 for none.
        trim_width: width of the trim or collar along the neckline in cm.
        jacket: half width of an open jacket, as a share of the angle around the body; 0 for
            none. The trim's color is then that of the shirt below it.
    """

    main: F32
    trim: F32
    neckline: float
    drop: float
    width: float
    pointed: bool
    stripe: float
    trim_width: float
    jacket: float


# Linear RGB of common cloth: white, grays, black, navy, denim, beige, brown, olive, wine,
# red, rust, teal, forest, rose.
_PALETTE = (
    *((0.62, 0.61, 0.58), (0.30, 0.30, 0.30), (0.10, 0.10, 0.11), (0.018, 0.018, 0.02)),
    *((0.016, 0.024, 0.065), (0.07, 0.11, 0.20), (0.45, 0.36, 0.25), (0.10, 0.055, 0.03)),
    *((0.085, 0.09, 0.04), (0.11, 0.015, 0.025), (0.32, 0.03, 0.03), (0.30, 0.09, 0.03)),
    *((0.03, 0.16, 0.17), (0.025, 0.075, 0.04), (0.48, 0.22, 0.24)),
)


def _pick(rng: np.random.Generator) -> F32:
    color = np.array(_PALETTE[int(rng.integers(len(_PALETTE)))])
    return np.asarray(color * np.exp(rng.normal(0.0, 0.18, 3) * 0.4), np.float32)


def draw(seed: int, person: int, image_number: int) -> Clothes:
    """The clothes of one image."""
    rng = streams.rng(seed, person, image_number, "clothes")
    main, other = _pick(rng), _pick(rng)
    same = rng.random() < 0.65
    jacket = rng.random() < 0.16
    pointed = bool(rng.random() < 0.4)
    return Clothes(
        main,
        np.asarray(main * 0.8, np.float32) if same and not jacket else other,
        neckline=rng.uniform(-14.0, -12.2),
        drop=1.0 + rng.uniform(0.0, 1.0) ** 2 * 5.5,
        width=rng.uniform(0.09, 0.17),
        pointed=pointed,
        stripe=0.0 if jacket else float(rng.random() < 0.12),
        trim_width=rng.uniform(1.4, 2.4) if pointed else rng.uniform(0.4, 1.3),
        jacket=rng.uniform(0.05, 0.1) if jacket else 0.0,
    )


@functools.cache
def _weave() -> F32:
    raw = streams.rng("clothes", "weave").standard_normal((_SIZE, _SIZE)).astype(np.float32)
    raw, inner = np.pad(raw, _SIZE // 4, mode="wrap"), slice(_SIZE // 4, -_SIZE // 4)
    fine = cv2.GaussianBlur(raw, (0, 0), 0.8)[inner, inner]
    folds = cv2.GaussianBlur(raw, (0, 0), sigmaX=9.0, sigmaY=20.0)[inner, inner]
    return np.asarray(0.045 * fine / fine.std() + 0.04 * folds / folds.std(), np.float32)


def below_neckline(clothes: Clothes, turn: F32, height: F32) -> F32:
    """Centimeters below the neckline (n,); negative where skin shows."""
    across = np.abs(turn - 0.5) / np.float32(clothes.width)
    fall = np.maximum(1.0 - across, 0.0) if clothes.pointed else np.exp(-across * across)
    return np.asarray(clothes.neckline - clothes.drop * fall - height, np.float32)


def _cut(clothes: Clothes, uv: F32, below: F32) -> tuple[F32, F32]:
    """Share of the trim's color, and shading by seams and edges, (n,) each."""
    seam = 1.0 - 0.35 * np.exp(-(((below - clothes.trim_width) / 0.12) ** 2))
    seam = seam * (0.62 + 0.38 * np.clip(below / 0.25, 0.0, 1.0))
    edge = smoothstep(clothes.trim_width + 0.12, clothes.trim_width, below)
    if clothes.stripe:
        edge = np.maximum(edge, (np.mod(uv[1], 3.0) < 1.2).astype(np.float32))
    if clothes.jacket:
        opening = clothes.jacket * np.clip(1.25 + 0.03 * (uv[1] + 14.0), 0.2, 1.5)
        inside = np.asarray(opening - np.abs(uv[0] - 0.5), np.float32)
        edge = smoothstep(-0.002, 0.002, inside)
        seam = seam * (1.0 - 0.55 * np.exp(-np.abs(inside) * 110.0) * (inside > -0.012))
    return edge, np.asarray(seam, np.float32)


def shaded(clothes: Clothes, uv: F32, below: F32, normal: F32, light: Light, sky: F32) -> F32:
    """Light reflected by cloth, (3, n) linear RGB.

    Args:
        clothes: the clothes.
        uv: (2, n) angle around the body and height.
        below: (n,) distance below the neckline in cm.
        normal: (3, n) unit normals.
        light: the light.
        sky: (2, n) shares of key and sky light that arrive.
    """
    x = np.mod(uv[0] * 1400.0, _SIZE).astype(np.float32)
    y = np.mod(uv[1] * -14.0, _SIZE).astype(np.float32)
    weave = sample(_weave(), x, y, cv2.BORDER_WRAP)
    edge, seam = _cut(clothes, uv, below)
    key = np.maximum(np.tensordot(light.key, normal, 1) * 0.85 + 0.15, 0.0) * sky[0]
    fill = np.maximum(np.tensordot(light.fill, normal, 1), 0.0)
    up = normal[1] * 0.5 + 0.5
    grain = (1.0 + 1.6 * weave) * seam
    out = np.empty_like(normal)
    for channel in range(3):
        base = clothes.main[channel] + (clothes.trim[channel] - clothes.main[channel]) * edge
        ambient = light.ground_color[channel] * (1 - up) + light.sky_color[channel] * up
        falls = light.key_color[channel] * key + light.fill_color[channel] * fill
        out[channel] = base * grain * (falls + ambient * sky[1])
    return out
