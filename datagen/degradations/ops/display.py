"""Parts of a photograph of a display that do not depend on the image."""

from __future__ import annotations

from functools import lru_cache
from statistics import NormalDist

import cv2
import numpy as np
from numpy.typing import NDArray

from datagen.degradations.base import Homography, Shape

__all__ = ["draw_reflection", "pixel_cell", "sample_grid", "sensor_noise", "to_display"]

_GAMMA = 2.2
_SMALL = 64


def pixel_cell(texels: int, aperture: float, depth: float) -> NDArray[np.float32]:
    """Return one display pixel as the sensor sees it, ``(texels, texels, 3)``.

    Stripes of red, green and blue between black lines, averaged over a square sensor pixel, with
    mean 1, as factors on gamma-encoded values.

    Args:
        texels: Number of samples along a side, a multiple of 12.
        aperture: Side length of a sensor pixel, in display pixels.
        depth: From 0 for uniform light to 1 for full stripes.
    """
    cell = np.zeros((texels, texels, 3))
    third, line = texels // 3, texels // 12
    for channel in range(3):
        cell[line : texels - line, channel * third : (channel + 1) * third - line, channel] = 1
    cell = 1 - depth + depth * cell / cell.mean(axis=(0, 1))
    waves = np.fft.fftfreq(texels, 1 / texels)
    mean = np.sinc(waves * aperture)
    spectrum = np.fft.fft2(cell, axes=(0, 1)) * np.outer(mean, mean)[:, :, None]
    seen = np.fft.ifft2(spectrum, axes=(0, 1)).real
    return (np.maximum(seen, 0) ** (1 / _GAMMA)).astype(np.float32)


def sample_grid(
    shape: Shape, to_display: Homography, aperture: float, depth: float
) -> NDArray[np.float32]:
    """Sample the display's pixel grid at the pixel centers of the photograph, ``(h, w, 3)``.

    Args:
        shape: Height and width of the photograph.
        to_display: Map from pixels of the photograph to pixels of the display.
        aperture: As for ``pixel_cell``.
        depth: As for ``pixel_cell``.
    """
    if depth == 0:
        return np.ones((*shape, 3), np.float32)
    texels = 24
    over = _ramp(shape, to_display[2])
    places = []
    for row in to_display[:2]:
        place = _ramp(shape, row) / over
        # The position within a display pixel: `remap` has 16 bits, too few for the whole position.
        place -= np.floor(place)
        places.append(place * np.float32(texels))
    cell = pixel_cell(texels, aperture, depth)
    wrapped = cv2.copyMakeBorder(cell, 0, 1, 0, 1, cv2.BORDER_WRAP)
    return np.asarray(cv2.remap(wrapped, places[0], places[1], cv2.INTER_LINEAR), np.float32)


def to_display(
    matrix: Homography, pitch: float, turn: float, phase: tuple[float, float]
) -> Homography:
    """Map pixels of the photograph to pixels of the display.

    Args:
        matrix: Map from the image to the photograph.
        pitch: Pixels of the image per pixel of the display.
        turn: Angle between the rows of the display and the image, in degrees.
        phase: Start of the grid, in pixels of the display.
    """
    angle = np.radians(turn)
    cosine, sine = np.cos(angle) / pitch, np.sin(angle) / pitch
    rows = np.array([[cosine, sine, phase[0]], [-sine, cosine, phase[1]], [0, 0, 1]])
    return np.asarray(rows @ np.linalg.inv(matrix), np.float64)


def draw_reflection(
    shape: Shape, window: tuple[float, float, float, float, float], strength: float
) -> NDArray[np.float32]:
    """Return the light of an out-of-focus window with four panes, ``(h, w)`` from 0 to 1.

    Args:
        shape: Height and width.
        window: Center (x, y), width and height as shares of the sides, and angle in degrees.
        strength: Maximum brightness.
    """
    canvas = np.zeros((_SMALL, _SMALL), np.float32)
    x, y, width, height, angle = window
    turn = np.radians(angle)
    across = np.array([np.cos(turn), np.sin(turn)]) * width / 2
    down = np.array([-np.sin(turn), np.cos(turn)]) * height / 2
    for i in (-1.0, 0.08):
        for j in (-1.0, 0.08):
            sides = [(i, j), (i + 0.92, j), (i + 0.92, j + 0.92), (i, j + 0.92)]
            pane = [np.array([x, y]) + a * across + b * down for a, b in sides]
            fixed = np.rint(np.array(pane) * _SMALL * 16).astype(np.int32)
            cv2.fillPoly(canvas, [fixed], (strength,), shift=4)
    canvas = np.asarray(cv2.GaussianBlur(canvas, (0, 0), 0.04 * _SMALL), np.float32)
    size = (shape[1], shape[0])
    return np.asarray(cv2.resize(canvas, size, interpolation=cv2.INTER_LINEAR), np.float32)


def sensor_noise(shape: Shape, deviation: float, seed: int) -> NDArray[np.float32]:
    """Return normal noise with 256 distinct values, independent per channel, ``(h, w, 3)``."""
    rng = np.random.Generator(np.random.Philox(seed))
    ranks = np.frombuffer(rng.bytes(shape[0] * shape[1] * 3), np.uint8)
    table = (_bell() * deviation).astype(np.float32)
    return np.asarray(cv2.LUT(ranks.reshape(*shape, 3), table[None]), np.float32)


@lru_cache(maxsize=1)
def _bell() -> NDArray[np.float64]:
    values = np.array([NormalDist().inv_cdf((rank + 0.5) / 256) for rank in range(256)])
    return np.asarray(values / values.std(), np.float64)


def _ramp(shape: Shape, row: NDArray[np.float64]) -> NDArray[np.float32]:
    across = (row[0] * np.arange(shape[1])).astype(np.float32)
    down = (row[1] * np.arange(shape[0]) + row[2]).astype(np.float32)
    return np.asarray(np.add.outer(down, across), np.float32)
