"""Ink and paper: color separation, screens that break tones into dots, and the sheet."""

from __future__ import annotations

from functools import lru_cache
from statistics import NormalDist
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Image
from datagen.degradations.base import Shape

__all__ = ["Inks", "Screens", "dot_screens", "grain_screens", "paper", "separate"]

_ANGLES = (15.0, 75.0, 0.0, 45.0)  # of cyan, magenta, yellow and black in offset printing
_BLACK = 0.6  # share of the common part of the colors that is printed in black
_DENSEST = 0.92  # share of the light that full ink absorbs
_STEP = 40.0  # intensity levels per standard deviation of the grain


class Inks(NamedTuple):
    """Share of the paper that each ink covers; 255 is all of it.

    Attributes:
        colors: Cyan, magenta and yellow, ``(h, w, 3)``.
        black: Black, ``(h, w)``.
    """

    colors: NDArray[np.uint8]
    black: NDArray[np.uint8]


class Screens(NamedTuple):
    """Thresholds at which each ink covers a pixel; all levels are equally frequent.

    Attributes:
        colors: Screens of cyan, magenta and yellow, ``(h, w, 3)``.
        black: Screen of black, ``(h, w)``.
        period: Period of the dots in pixels.
    """

    colors: NDArray[np.uint8]
    black: NDArray[np.uint8]
    period: float

    def ink(self, inks: Inks, hardness: float) -> Image:
        """Break tones into dots and return the light reflected by ink on white paper."""
        # Dots have edges about as wide as a pixel of the scan, as an area sensor sees them.
        steep = 0.8 * self.period
        # Contrast that such a sensor leaves of a wave with the period of the dots.
        hardness *= float(np.sinc(1 / self.period))
        light = []
        for tone, screen in ((inks.colors, self.colors), (inks.black, self.black)):
            wanted = cv2.LUT(tone, _counter(steep))
            dots = cv2.addWeighted(wanted, steep + 1, screen, -steep, 0)
            light.append(
                cv2.addWeighted(dots, -_DENSEST * hardness, tone, -_DENSEST * (1 - hardness), 255.0)
            )
        return np.asarray(
            cv2.multiply(light[0], cv2.merge([light[1]] * 3), scale=1 / 255), np.uint8
        )


def _counter(steep: float) -> NDArray[np.uint8]:
    """Return the tones for which soft dots have the requested average coverage."""
    cover = np.arange(256) / 255
    mid = steep * cover + 0.5
    small = np.sqrt(2 * steep * cover)  # dots that never reach full ink
    holes = steep + 1 - np.sqrt(2 * steep * (1 - cover))
    edge = 1 / (2 * steep)
    asked = np.where(cover < edge, small, np.where(cover > 1 - edge, holes, mid))
    return np.rint(255 * asked / (steep + 1)).astype(np.uint8)[None]


def separate(image: Image, gain: float) -> Inks:
    """Separate an image into inks, with a dot gain of ``gain`` in the midtones."""
    red, green, blue = cv2.split(image)
    brightest = cv2.max(cv2.max(red, green), blue)
    left = np.arange(256) / 255
    black = cv2.LUT(brightest, _spread(_BLACK * (1 - left), gain))
    under = cv2.LUT(brightest, (255 * (1 - _BLACK + _BLACK * left)).astype(np.float32)[None])
    light = cv2.divide(image, cv2.merge([under] * 3), scale=255, dtype=cv2.CV_8U)
    colors = cv2.LUT(light, _spread(1 - left, gain))
    return Inks(np.asarray(colors, np.uint8), np.asarray(black, np.uint8))


def _spread(cover: NDArray[np.float64], gain: float) -> NDArray[np.uint8]:
    spread = cover + 4 * gain * cover * (1 - cover)
    return np.rint(255 * np.clip(spread, 0, 1)).astype(np.uint8)[None]


def dot_screens(shape: Shape, period: float, turn: float) -> Screens:
    """Return clustered dots at the four angles of offset printing, rotated by ``turn`` degrees."""
    planes = []
    for angle in _ANGLES:
        radians = np.radians(angle - turn)
        a, b = 2 * np.pi / period * np.array([np.cos(radians), np.sin(radians)])
        x, y = np.arange(shape[1]), np.arange(shape[0])
        # cos(ax + by) + cos(ay - bx), as a product of two thin matrices.
        down = np.stack([np.cos(b * y), np.sin(b * y), np.cos(a * y), np.sin(a * y)], axis=1)
        across = np.stack([np.cos(a * x), -np.sin(a * x), np.cos(b * x), np.sin(b * x)])
        waves = down.astype(np.float32) @ across.astype(np.float32)
        levels = cv2.convertScaleAbs(waves, alpha=127.5 / 2, beta=127.5)
        planes.append(cv2.LUT(levels, _even_dots()))
    return Screens(
        np.asarray(cv2.merge(planes[:3]), np.uint8), np.asarray(planes[3], np.uint8), period
    )


@lru_cache(maxsize=1)
def _even_dots() -> NDArray[np.uint8]:
    """Return a table that makes the levels of a sum of two waves equally frequent, crests first."""
    wave = np.cos(np.pi * (np.arange(512) + 0.5) / 512)
    levels = np.rint(np.add.outer(wave, wave) * 127.5 / 2 + 127.5).astype(int)
    below = np.cumsum(np.bincount(levels.ravel(), minlength=256)) / levels.size
    return np.rint(255 * (1 - below)).astype(np.uint8)[None]


def grain_screens(shape: Shape, period: float, seed: int) -> Screens:
    """Return drops that keep apart without order, like error diffusion, from a tile of noise."""
    side, edge = max(128, round(40 * period)), round(4 * period) + 2
    rng = np.random.Generator(np.random.Philox([seed, 1]))
    noise = rng.standard_normal((side, side, 4), np.float32)
    wide = cv2.copyMakeBorder(noise, edge, edge, edge, edge, cv2.BORDER_WRAP)
    fine = cv2.GaussianBlur(wide, (0, 0), 0.3 * period)
    # Without what is coarser than a drop: neighboring drops keep their distance.
    band = cv2.subtract(fine, cv2.GaussianBlur(wide, (0, 0), 0.6 * period))
    tile = np.asarray(band)[edge : edge + side, edge : edge + side]
    levels = np.clip(128 + _STEP / float(tile.std()) * tile, 0, 255).astype(np.uint8)
    even = np.asarray(cv2.LUT(levels, _even_grain()), np.uint8)
    times = (-(-shape[0] // side), -(-shape[1] // side), 1)
    full = np.tile(even, times)[: shape[0], : shape[1]]
    return Screens(
        np.ascontiguousarray(full[:, :, :3]), np.ascontiguousarray(full[:, :, 3]), period
    )


@lru_cache(maxsize=1)
def _even_grain() -> NDArray[np.uint8]:
    bell = NormalDist(128, _STEP)
    return np.array([round(255 * bell.cdf(level + 0.5)) for level in range(256)], np.uint8)[None]


def paper(shape: Shape, texture: float, shade: float, seed: int) -> NDArray[np.float32]:
    """Return the paper as factors on the light, ``(h, w, 3)``: fibers on a warm white.

    Args:
        shape: Height and width.
        texture: Standard deviation in 8-bit intensity levels.
        shade: Share of blue light that is absorbed; half of it for green, a third for red.
        seed: Seed of the fibers.
    """
    rng = np.random.Generator(np.random.Philox([seed, 2]))
    sheet = np.ones(shape, np.float32)
    for share, finest in ((0.8, 2.0), (0.6, 6.0)):
        small = (max(2, round(shape[0] / finest)), max(2, round(shape[1] / finest)))
        noise = rng.standard_normal(small, np.float32)
        # 1.5 compensates for the smoothing by interpolation.
        grown = cv2.resize(noise, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
        cv2.scaleAdd(grown, 1.5 * share * texture / 255, sheet, dst=sheet)
    white = [1 - shade / 3, 1 - shade / 2, 1 - shade]
    return np.asarray(cv2.merge([sheet * np.float32(level) for level in white]), np.float32)
