"""The input of the baseline detector: residuals of high-pass filters, and spectra.

No face is detected and nothing is learned here: an image becomes a fixed vector of numbers.

* Residuals of the spatial rich model (Fridrich & Kodovsky, IEEE TIFS 2012): co-occurrences of
  quantized and truncated neighbors, the log energy of the whole and of each cell of a grid
  relative to it, and its spread over the image: a pasted face has a noise level that differs from
  its surroundings.
* Spectra: the azimuthal mean of the log power (Durall et al., CVPR 2020) and its steps, and the
  log energy of each coefficient of the 8x8 DCT (Frank et al., ICML 2020) in the middle of the
  image, around it, and the difference.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Image

__all__ = ["FEATURES_VERSION", "feature_count", "features_of"]

FEATURES_VERSION = 2
"""Raised when the features of an image change: a model trained on other features is refused."""

_Plane: TypeAlias = NDArray[np.float32]

SMALLEST = 32
"""Smallest side, in pixels, of an image that has all features."""

_GRID = 5
_TRUNCATE = 2
_RINGS = 24
_SPECTRUM_SIDE = 128
_EPS = 1e-3
_PLACES = 32
_QUANTILES = (0.0, 0.02, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 1.0)
_FLOOR = 1e-2
_SQUARES = 4  # from this index on the filters have no direction

# Each high-pass filter with its quantization step, the magnitude of its center coefficient.
_FILTERS: tuple[tuple[NDArray[np.float32], float], ...] = tuple(
    (np.asarray(kernel, np.float32), step)
    for kernel, step in (
        ([[0, 0, 0], [0, -1, 1], [0, 0, 0]], 1.0),
        ([[0, 0, 0], [0, -1, 0], [0, 1, 0]], 1.0),
        ([[0, 0, 0], [1, -2, 1], [0, 0, 0]], 2.0),
        ([[0, 1, 0], [0, -2, 0], [0, 1, 0]], 2.0),
        ([[-1, 2, -1], [2, -4, 2], [-1, 2, -1]], 4.0),
        (
            [
                [-1, 2, -2, 2, -1],
                [2, -6, 8, -6, 2],
                [-2, 8, -12, 8, -2],
                [2, -6, 8, -6, 2],
                [-1, 2, -2, 2, -1],
            ],
            12.0,
        ),
    )
)


def features_of(image: Image) -> NDArray[np.float32]:
    """Return the feature vector of an image.

    Args:
        image: An image with sides of at least ``SMALLEST``.

    Returns:
        Array of shape ``(feature_count(),)``, finite.

    Raises:
        ValueError: The image is smaller.
    """
    if min(image.shape[:2]) < SMALLEST:
        raise ValueError(f"expected sides of at least {SMALLEST} pixels, found {image.shape[:2]}")
    light, blue, red = _planes(image)
    parts: list[NDArray[np.float32]] = []
    for number, (kernel, step) in enumerate(_FILTERS):
        residual = _residual(light, kernel, step)
        parts += [_cooccurrence(residual), _energies(residual)]
        if number >= _SQUARES:
            parts.append(_spread(residual))
    for plane in (blue, red):
        square = _residual(plane, *_FILTERS[_SQUARES])
        parts += [_cooccurrence(_residual(plane, *_FILTERS[2])), _energies(square)]
        parts.append(_spread(square))
    parts += [_energies(light - cv2.GaussianBlur(light, (0, 0), 2.0)), _rings(light), _dct(light)]
    return np.concatenate(parts)


def feature_count() -> int:
    """Return the number of features of an image."""
    return len(features_of(np.zeros((SMALLEST, SMALLEST, 3), np.uint8)))


def _planes(image: Image) -> tuple[_Plane, _Plane, _Plane]:
    red, green, blue = (np.asarray(image[..., n], np.float32) for n in range(3))
    light = 0.299 * red + 0.587 * green + 0.114 * blue
    return light, blue - light, red - light


def _residual(plane: _Plane, kernel: NDArray[np.float32], step: float) -> _Plane:
    found = cv2.filter2D(plane, cv2.CV_32F, kernel, borderType=cv2.BORDER_REFLECT)
    return np.asarray(found / step, np.float32)


def _cooccurrence(residual: _Plane) -> NDArray[np.float32]:
    """Return log frequencies of a value with its right and its lower neighbor, signs merged."""
    values = np.clip(np.rint(residual), -_TRUNCATE, _TRUNCATE).astype(np.int64) + _TRUNCATE
    side = 2 * _TRUNCATE + 1
    found = []
    for first, second in ((values[:, :-1], values[:, 1:]), (values[:-1], values[1:])):
        counts = np.bincount((first * side + second).ravel(), minlength=side * side)
        table = counts.reshape(side, side).astype(np.float64)
        table += table.T
        table += table[::-1, ::-1]
        found.append(table[_KEPT] / table.sum())
    return np.asarray(np.log(np.concatenate(found) + _EPS), np.float32)


def _kept() -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return one position for each class that the symmetries make equal."""
    side = 2 * _TRUNCATE + 1
    places = sorted(
        {
            min((a, b), (b, a), (side - 1 - a, side - 1 - b), (side - 1 - b, side - 1 - a))
            for a in range(side)
            for b in range(side)
        }
    )
    rows, columns = zip(*places, strict=True)
    return np.asarray(rows, np.intp), np.asarray(columns, np.intp)


_KEPT = _kept()


def _energies(residual: NDArray[Any]) -> NDArray[np.float32]:
    """Return the log of the mean square, then of each cell of a grid relative to it."""
    height, width = residual.shape
    square = np.square(residual, dtype=np.float32)
    rows = np.linspace(0, height, _GRID + 1).astype(int)[:-1]
    columns = np.linspace(0, width, _GRID + 1).astype(int)[:-1]
    sums = np.add.reduceat(np.add.reduceat(square, rows, axis=0), columns, axis=1)
    areas = np.outer(np.diff([*rows, height]), np.diff([*columns, width]))
    whole = np.log(sums.sum() / areas.sum() + _EPS)
    cells = np.log(sums / areas + _EPS) - whole
    return np.asarray([whole, *cells.ravel()], np.float32)


def _spread(residual: _Plane) -> NDArray[np.float32]:
    """Return how much the local energy varies over the image.

    Quantiles of the local log energy, its differences between neighboring blocks, and its
    distance from its mirror image.
    """
    square = np.square(residual)
    local = cv2.resize(square, (_PLACES, _PLACES), interpolation=cv2.INTER_AREA)
    energy = np.log(np.asarray(local, np.float32) + _FLOOR)
    parts = [np.quantile(energy, _QUANTILES)]
    for axis in (0, 1):
        steps = np.abs(np.diff(energy, axis=axis))
        parts.append(np.asarray([steps.mean(), np.quantile(steps, 0.9), steps.max()]))
    parts.append(np.asarray([np.abs(energy - energy[:, ::-1]).mean()]))
    return np.concatenate(parts).astype(np.float32)


def _rings(light: _Plane) -> NDArray[np.float32]:
    """Return the mean log power at ``_RINGS`` radii of the image center, up to Nyquist."""
    side = min(_SPECTRUM_SIDE, *light.shape)
    top, left = (light.shape[0] - side) // 2, (light.shape[1] - side) // 2
    window = np.hanning(side)
    middle = light[top : top + side, left : left + side]
    power = np.abs(np.fft.fft2((middle - middle.mean()) * np.outer(window, window))) ** 2
    frequency = np.fft.fftfreq(side)
    radius = np.hypot(frequency[:, None], frequency[None, :])
    ring = np.minimum((radius * 2 * _RINGS).astype(np.int64), _RINGS)  # one more for the corners
    sums = np.bincount(ring.ravel(), np.log(power + 1).ravel(), minlength=_RINGS + 1)
    counts = np.bincount(ring.ravel(), minlength=_RINGS + 1)
    found = sums / np.maximum(counts, 1)
    return np.concatenate([found, np.diff(found)]).astype(np.float32)


def _dct(light: _Plane) -> NDArray[np.float32]:
    """Return the log of the mean square of the 63 AC coefficients of 8x8 blocks, see the top."""
    rows, columns = (side // 8 for side in light.shape)
    blocks = light[: rows * 8, : columns * 8].reshape(rows, 8, columns, 8).transpose(0, 2, 1, 3)
    energy = np.square(_DCT8 @ blocks @ _DCT8.T).reshape(rows, columns, 64)[..., 1:]
    inside = np.zeros((rows, columns), bool)
    inside[rows // 4 : rows - rows // 4, columns // 4 : columns - columns // 4] = True
    middle, around = (
        np.log(energy[chosen].mean(axis=0, dtype=np.float64) + _EPS) for chosen in (inside, ~inside)
    )
    return np.concatenate([middle, around, middle - around]).astype(np.float32)


def _dct8() -> NDArray[np.float32]:
    k, n = np.arange(8)[:, None], np.arange(8)[None, :]
    basis = np.cos(np.pi * (2 * n + 1) * k / 16) / 2
    basis[0] /= np.sqrt(2)
    return np.asarray(basis, np.float32)


_DCT8 = _dct8()
