"""Variance of the AUC in closed form, which treats all images as independent.

DeLong, DeLong & Clarke-Pearson, "Comparing the areas under two or more correlated receiver
operating characteristic curves: a nonparametric approach", Biometrics 44 (1988), in the ranks of
Sun & Xu, "Fast implementation of DeLong's algorithm", IEEE Signal Processing Letters 21 (2014).
Images of one identity are not independent, so its intervals are too narrow on most releases.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

__all__ = ["DeLong", "DeLongPair", "delong", "delong_pair"]

Floats = npt.NDArray[np.float64]
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class DeLong:
    """An AUC with its interval, clusters ignored.

    Attributes:
        auc: Area under the ROC curve.
        standard_error: Its standard error.
        low, high: Ends of the interval.
    """

    auc: float
    standard_error: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class DeLongPair:
    """The difference of two AUCs on the same images.

    Attributes:
        difference: First AUC minus second AUC.
        standard_error: Standard error of the difference.
        z: Difference / standard error; 0 when both are 0.
        p: Two-sided p-value.
        low, high: Ends of the difference's interval.
    """

    difference: float
    standard_error: float
    z: float
    p: float
    low: float
    high: float


def delong(label: npt.NDArray[np.bool_], raw: Floats, level: float = 0.95) -> DeLong:
    """Return the AUC of one detector.

    Args:
        label: True for fake; at least two fakes and two reals.
        raw: Scores, higher for fake.
        level: Confidence level of the interval.
    """
    areas, covariance = _components(label, raw[None])
    auc, error = float(areas[0]), float(np.sqrt(covariance[0, 0]))
    margin = _NORMAL.inv_cdf(0.5 + level / 2) * error
    return DeLong(auc, error, max(0.0, auc - margin), min(1.0, auc + margin))


def delong_pair(
    label: npt.NDArray[np.bool_], first: Floats, second: Floats, level: float = 0.95
) -> DeLongPair:
    """Compare two detectors on the same images.

    Args:
        label: True for fake; at least two fakes and two reals.
        first: Scores of the first detector.
        second: Scores of the second detector.
        level: Confidence level of the interval.
    """
    areas, covariance = _components(label, np.stack([first, second]))
    difference = float(areas[0] - areas[1])
    variance = float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    error = float(np.sqrt(max(variance, 0.0)))
    z = difference / error if error > 0 else 0.0
    margin = _NORMAL.inv_cdf(0.5 + level / 2) * error
    p = 2 * _NORMAL.cdf(-abs(z))
    return DeLongPair(difference, error, z, p, difference - margin, difference + margin)


def _components(label: npt.NDArray[np.bool_], raw: Floats) -> tuple[Floats, Floats]:
    from scipy.stats import rankdata  # half a second to import

    fakes, reals = raw[:, label], raw[:, ~label]
    m, n = fakes.shape[1], reals.shape[1]
    among_all = rankdata(np.concatenate([fakes, reals], axis=1), axis=1)
    above = (among_all[:, :m] - rankdata(fakes, axis=1)) / n
    below = 1 - (among_all[:, m:] - rankdata(reals, axis=1)) / m
    covariance = np.atleast_2d(np.cov(above)) / m + np.atleast_2d(np.cov(below)) / n
    return above.mean(axis=1), covariance
