"""From linear light to the image: lens, sensor and tone curve."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np

from datagen.core import rng as streams

from .arrays import F32, U8

_STEPS, _BRIGHTEST = 65536, 4.0


def tone(linear: F32) -> F32:
    """Linear light to display values 0..1 with a soft shoulder, using only square roots.

    The sRGB curve is approximated to within 0.002 by a polynomial of roots (I. Taylor and
    others), because roots are exact on every machine and powers are not.
    """
    # Linear up to 0.55, then compressed toward 1.
    over = np.maximum(linear - np.float32(0.55), 0.0)
    x = np.clip(linear, 0.0, 0.55)
    over /= over * np.float32(1.0 / 0.45) + np.float32(1.0)
    x += over
    root = np.sqrt(x)
    out = root * np.float32(0.662002687)
    out -= x * np.float32(0.0225411470)
    np.sqrt(root, out=root)
    out += root * np.float32(0.684122060)
    np.sqrt(root, out=root)
    out -= root * np.float32(0.323583601)
    return np.asarray(out, np.float32)


@functools.cache
def _curve() -> F32:
    """``tone`` as a table over linear light from 0 to 4, in 8-bit intensity levels."""
    steps = np.arange(_STEPS, dtype=np.float32) * np.float32(_BRIGHTEST / _STEPS)
    return tone(steps) * np.float32(255.0)


def _grain(rng: np.random.Generator, size: int) -> F32:
    """Nearly normal noise (size, size) of unit standard deviation: the sum of four bytes."""
    raw = np.frombuffer(rng.bytes(4 * size * size), np.uint32)
    low = (raw & 0x00FF00FF) + ((raw >> 8) & 0x00FF00FF)
    total = ((low & 0xFFFF) + (low >> 16)).astype(np.float32)
    total -= np.float32(510.0)
    total *= np.float32(1.0 / 147.8)
    return np.asarray(total.reshape(size, size), np.float32)


@dataclass(frozen=True, slots=True)
class Film:
    """Lens and sensor of one image or video.

    Attributes:
        blur: deviation of the lens's blur in pixels.
        noise: deviation of the sensor's noise in levels.
    """

    blur: float
    noise: float

    def expose(self, linear: F32, exposure: float) -> F32:
        """Levels (h, w, 3) without noise of linear light."""
        soft = cv2.GaussianBlur(linear, (5, 5), self.blur)
        step = soft * np.float32(exposure * _STEPS / _BRIGHTEST)
        return np.asarray(np.take(_curve(), step.astype(np.intp), mode="clip"), np.float32)

    def grained(self, shown: F32, rng: np.random.Generator) -> U8:
        """The image of levels (size, size, 3) with noise from ``rng``; changes ``shown``."""
        grain = _grain(rng, shown.shape[0]) * np.float32(self.noise)
        tint = np.roll(grain, (7, 5), axis=(0, 1)) * np.float32(0.5)
        shown += cv2.merge([grain + tint, grain, grain - tint])
        shown += np.float32(0.5)
        return np.asarray(np.clip(shown, 0.0, 255.0, out=shown), np.uint8)


def draw(number: tuple[int, int, int], size: int) -> tuple[Film, np.random.Generator]:
    """The film of an image or video, and the stream of a still's grain.

    Args:
        number: seed, person and number of the image.
        size: side of the image in pixels.
    """
    rng = streams.rng(*number, "film")
    blur = rng.uniform(0.5, 0.85) * size / 512.0
    return Film(max(blur, 0.3), rng.uniform(0.3, 3.2)), rng


def develop(linear: F32, exposure: float, number: tuple[int, int, int]) -> U8:
    """The image (size, size, 3) uint8 of a still's linear light (size, size, 3)."""
    film, rng = draw(number, linear.shape[0])
    return film.grained(film.expose(linear, exposure), rng)
