"""The skin texture of one person."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np

from datagen.core import rng as streams

from . import brows
from .arrays import F32
from .complexion import SIZE, Maps, maps
from .identity import Identity


@dataclass(frozen=True, slots=True)
class Texture:
    """Maps of the skin.

    Attributes:
        pigment: (SIZE, SIZE, 3) float32: melanin, blood, cover by hair 0..1.
        relief: (SIZE, SIZE, 3) float32: slope along u, slope along v, gloss.
    """

    pigment: F32
    relief: F32


def _beard_cover(values: dict[str, float], kind: str, shared: Maps, dots: F32) -> F32:
    """Hair on cheeks, chin and lip: dots for stubble, near-solid for a beard."""
    density = np.float32(values["beard_density"])
    full = {
        "full": shared.beard,
        "goatee": np.maximum(shared.goatee, shared.mustache),
        "mustache": shared.mustache,
    }.get(kind)
    shadow = shared.beard * density * np.float32(0.34 if kind == "stubble" else 0.12)
    cover = shadow * (0.55 + 0.9 * dots)
    if full is not None:
        grain = np.clip(0.78 + 0.16 * shared.pores, 0.0, 1.0)
        cover = np.maximum(cover, full * grain * (0.62 + 0.33 * density))
    return np.asarray(cover, np.float32)


def _pigment(values: dict[str, float], shared: Maps, freckles: F32) -> tuple[F32, F32]:
    mottle = np.roll(shared.mottle, int(values["redness"] * SIZE), axis=1)
    melanin = values["melanin"] + (0.014 * mottle + 0.012 * shared.pores) * (
        1.0 + values["melanin"]
    )
    melanin = melanin + freckles * (0.25 + 0.3 * values["melanin"])
    tired = 0.03 + 0.05 * values["melanin"] + 0.12 * values["eye_bags"]
    melanin = melanin + shared.sockets * tired
    melanin = melanin + shared.lips * (-0.02 + 0.06 * values["melanin"])
    melanin = melanin + shared.cavity * 1.5 + shared.fold * 0.28
    blood = values["hemoglobin"] * (1.0 + 0.09 * mottle + 0.05 * shared.pores)
    blood = blood + shared.cheeks * (0.12 + 0.38 * values["redness"])
    blood = blood + shared.lips * (0.55 + 0.75 * values["lip_color"])
    blood = blood + shared.sockets * 0.16 + shared.cavity * 1.6 + 0.22 * shared.fold
    return np.asarray(melanin, np.float32), np.asarray(blood, np.float32)


def _height(values: dict[str, float], shared: Maps, hairs: F32) -> F32:
    depth = shared.fold * 0.5 + shared.fold_age * (values["wrinkles"] * 1.0)
    depth = depth + shared.wrinkle * (0.05 + 0.8 * values["wrinkles"])
    height = -1.5 * depth + 0.075 * values["pores"] * shared.pores
    height = height + 1.6 * values["eye_bags"] * shared.bags
    height = height + 0.35 * hairs * shared.pores
    return np.asarray(height + shared.lips * 0.4, np.float32)


def of(identity: Identity, seed: int, person: int) -> Texture:
    """The texture of a person; seed and number determine freckles, pores and brow hairs."""
    return _painted(seed, person, identity.beard, tuple(identity.values.items()))


@functools.lru_cache(maxsize=2)
def _painted(seed: int, person: int, kind: str, numbers: tuple[tuple[str, float], ...]) -> Texture:
    """The texture, cached for all images of one person."""
    rng, values = streams.rng(seed, person, "texture"), dict(numbers)
    shared = maps()
    dots = np.roll(shared.dots, tuple(rng.integers(0, SIZE, 2).tolist()), axis=(0, 1))
    freckles = dots * shared.sunny * values["freckles"]
    freckles = freckles + np.roll(shared.spots, int(rng.integers(SIZE)), axis=1) * values["spots"]
    melanin, blood = _pigment(values, shared, np.asarray(freckles, np.float32))
    beard = _beard_cover(values, kind, shared, np.roll(dots, 57, axis=1))
    brow = brows.strokes(SIZE, values["brow_thickness"], values["brow_density"], rng)
    height = _height(values, shared, beard)
    slope = (cv2.Sobel(height, cv2.CV_32F, 1, 0), cv2.Sobel(height, cv2.CV_32F, 0, 1))
    gloss = shared.gloss * (0.85 * values["oil"]) * (1.0 - 0.8 * np.maximum(beard, brow))
    return Texture(
        np.asarray(cv2.merge([melanin, blood, np.maximum(brow, beard)]), np.float32),
        np.asarray(cv2.merge([slope[0] * 0.125, slope[1] * 0.125, gloss]), np.float32),
    )
