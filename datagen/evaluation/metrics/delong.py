"""Variance of the AUC in closed form: a second opinion that takes every image as independent.

DeLong, DeLong & Clarke-Pearson, "Comparing the areas under two or more correlated receiver
operating characteristic curves: a nonparametric approach", Biometrics 44 (1988), in the ranks of
Sun & Xu, "Fast implementation of DeLong's algorithm", IEEE Signal Processing Letters 21 (2014).
Images of one person are not independent, so its intervals are too narrow on most releases.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from datagen.core.stats import midranks

__all__ = ["DeLong", "DeLongPair", "delong", "delong_pair"]

Floats = npt.NDArray[np.float64]
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class DeLong:
    """An AUC with its standard error and interval, clusters ignored."""

    auc: float
    error: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class DeLongPair:
    """The difference of two AUCs on the same images.

    Attributes:
        difference: First less second.
        error: Its standard error.
        z: Difference / error; 0 when both are 0.
        p: Two-sided.
        low, high: Of the difference.
    """

    difference: float
    error: float
    z: float
    p: float
    low: float
    high: float


def delong(label: npt.NDArray[np.bool_], raw: Floats, level: float = 0.95) -> DeLong:
    """Return the AUC of one detector.

    Args:
        label: True for fake; at least two of each.
        raw: Scores, higher for fake.
        level: Of the interval.
    """
    areas, covariance = _components(label, raw[None])
    auc, error = float(areas[0]), float(np.sqrt(covariance[0, 0]))
    reach = _NORMAL.inv_cdf(0.5 + level / 2) * error
    return DeLong(auc, error, max(0.0, auc - reach), min(1.0, auc + reach))


def delong_pair(
    label: npt.NDArray[np.bool_], first: Floats, second: Floats, level: float = 0.95
) -> DeLongPair:
    """Compare two detectors on the same images.

    Args:
        label: True for fake; at least two of each.
        first: Scores of the one.
        second: Scores of the other.
        level: Of the interval.
    """
    areas, covariance = _components(label, np.stack([first, second]))
    difference = float(areas[0] - areas[1])
    variance = float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    error = float(np.sqrt(max(variance, 0.0)))
    z = difference / error if error > 0 else 0.0
    reach = _NORMAL.inv_cdf(0.5 + level / 2) * error
    p = 2 * _NORMAL.cdf(-abs(z))
    return DeLongPair(difference, error, z, p, difference - reach, difference + reach)


def _components(label: npt.NDArray[np.bool_], raw: Floats) -> tuple[Floats, Floats]:
    fakes, reals = raw[:, label], raw[:, ~label]
    m, n = fakes.shape[1], reals.shape[1]
    among_all = [midranks(np.concatenate([f, r])) for f, r in zip(fakes, reals, strict=True)]
    above = np.stack(
        [(rank[:m] - midranks(own)) / n for rank, own in zip(among_all, fakes, strict=True)]
    )
    below = np.stack(
        [1 - (rank[m:] - midranks(own)) / m for rank, own in zip(among_all, reals, strict=True)]
    )
    covariance = np.atleast_2d(np.cov(above)) / m + np.atleast_2d(np.cov(below)) / n
    return above.mean(axis=1), covariance
