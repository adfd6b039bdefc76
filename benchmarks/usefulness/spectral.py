"""The fixed spectral detector: SRM and DCT features with gradient boosting.

Independent of ``datagen.detectors``, so that an instrument stays the same when the baseline
detector is improved.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from .geometry import Array

__all__ = ["SPECTRAL_VERSION", "Boosted", "features"]

SPECTRAL_VERSION = 1
"""Raised when features or training change: cached scores are then made anew."""

_GRID = 6
_RINGS = 20
_KERNELS = tuple(
    np.asarray(kernel, np.float32) / scale
    for kernel, scale in (
        ([[0, 0, 0], [0, -1, 1], [0, 0, 0]], 1),
        ([[0, 0, 0], [0, -1, 0], [0, 1, 0]], 1),
        ([[0, 0, 0], [1, -2, 1], [0, 0, 0]], 2),
        ([[0, 1, 0], [0, -2, 0], [0, 1, 0]], 2),
        ([[-1, 2, -1], [2, -4, 2], [-1, 2, -1]], 4),
        (np.outer([1, -4, 6, -4, 1], [1, -4, 6, -4, 1]), 36),
    )
)
_LEVELS = 2
_EPSILON = 1e-3


def features(image: Array) -> Array:
    """Return the features of an image, ``float32``.

    Of each high-pass residual the joint histogram of neighbors (Fridrich and Kodovsky 2012), the
    log energy by cell of a grid relative to the whole, and quantiles of the local energy; of the
    image the log energy of DCT coefficients (Frank et al. 2020) in the middle and at the border,
    their difference, and the azimuthal spectrum (Durall et al. 2020).
    """
    light, blue, red = _planes(image)
    parts: list[Array] = []
    for number, kernel in enumerate(_KERNELS):
        residual = cv2.filter2D(light, cv2.CV_32F, kernel, borderType=cv2.BORDER_REFLECT)
        parts += [_neighbors(residual), *_local(residual)]
        if number >= len(_KERNELS) - 2:
            for plane in (blue, red):
                other = cv2.filter2D(plane, cv2.CV_32F, kernel, borderType=cv2.BORDER_REFLECT)
                parts += [_neighbors(other), *_local(other)]
    parts += [*_dct(light), _rings(light)]
    return np.concatenate([np.ravel(part) for part in parts]).astype(np.float32)


def _planes(image: Array) -> tuple[Any, Any, Any]:
    whole = image.astype(np.float32)
    light = whole @ np.array([0.299, 0.587, 0.114], np.float32)
    return light, whole[..., 2] - light, whole[..., 0] - light


def _neighbors(residual: Array) -> Array:
    levels = np.clip(np.rint(residual), -_LEVELS, _LEVELS).astype(np.int64) + _LEVELS
    side = 2 * _LEVELS + 1
    found = []
    for first, second in ((levels[:, :-1], levels[:, 1:]), (levels[:-1], levels[1:])):
        table = np.bincount((first * side + second).ravel(), minlength=side * side)
        table = table.reshape(side, side)
        table = (table + table[::-1, ::-1])[np.triu_indices(side)]
        found.append(np.log(table / residual.size + _EPSILON))
    return np.concatenate(found)


def _local(residual: Array) -> list[Array]:
    square = np.square(residual)
    cells = cv2.resize(square, (_GRID, _GRID), interpolation=cv2.INTER_AREA)
    fine = np.log(cv2.resize(square, (32, 32), interpolation=cv2.INTER_AREA) + _EPSILON)
    whole = np.log(square.mean() + _EPSILON)
    steps = [np.abs(np.diff(fine, axis=axis)) for axis in (0, 1)]
    return [
        np.array([whole]),
        np.log(cells + _EPSILON) - whole,
        np.quantile(fine, (0.02, 0.1, 0.5, 0.9, 0.98)) - whole,
        np.array([value for step in steps for value in (step.mean(), step.max())]),
        np.array([np.abs(fine - fine[:, ::-1]).mean()]),
    ]


def _dct(light: Array) -> list[Array]:
    height, width = (side // 8 for side in light.shape)
    blocks = light[: height * 8, : width * 8].reshape(height, 8, width, 8).transpose(0, 2, 1, 3)
    basis = np.cos(np.pi * (2 * np.arange(8)[None] + 1) * np.arange(8)[:, None] / 16) / 2
    basis[0] /= np.sqrt(2)
    energy = np.square(basis @ blocks @ basis.T).reshape(height, width, 64)[..., 1:]
    inner = np.zeros((height, width), bool)
    inner[height // 4 : -(height // 4), width // 4 : -(width // 4)] = True
    middle = np.log(energy[inner].mean(axis=0) + _EPSILON)
    border = np.log(energy[~inner].mean(axis=0) + _EPSILON)
    return [middle, border, middle - border]


def _rings(light: Array) -> Array:
    side = min(light.shape)
    window = np.hanning(side)
    part = light[:side, :side]
    power = np.abs(np.fft.fft2((part - part.mean()) * np.outer(window, window))) ** 2
    frequency = np.fft.fftfreq(side)
    radius = np.hypot(frequency[:, None], frequency[None])
    ring = np.minimum((radius * 2 * _RINGS).astype(int), _RINGS).ravel()
    sums = np.bincount(ring, np.log(power.ravel() + 1), minlength=_RINGS + 1)
    found = sums / np.maximum(np.bincount(ring, minlength=_RINGS + 1), 1)
    return np.concatenate([found, np.diff(found)])


class Boosted:
    """Gradient boosting over ``features``, one thread.

    Args:
        seed: Seed of the training.
    """

    def __init__(self, seed: int) -> None:
        from sklearn.ensemble import HistGradientBoostingClassifier

        self._model = HistGradientBoostingClassifier(
            learning_rate=0.06,
            max_iter=250,
            max_leaf_nodes=12,
            min_samples_leaf=15,
            l2_regularization=2.0,
            max_features=0.2,
            early_stopping=False,
            random_state=seed,
        )

    def fit(self, rows: Array, labels: Array) -> None:
        """Train on features ``(n, features)`` and labels of 0 and 1."""
        self._model.fit(rows, labels)

    def scores(self, rows: Array) -> Array:
        """Return the log odds of fake."""
        return np.asarray(self._model.decision_function(rows), np.float64)
