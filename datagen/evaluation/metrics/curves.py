"""Ranking metrics: functions of the counts of reals and fakes at descending scores.

``reals`` and ``fakes`` have the shape (..., cells): the number of images with a score in each
cell, from the highest cell to the lowest. Where a cell is one distinct score the values are exact;
a bootstrap passes many rows of counts at once. Scores within a cell count as tied. A row without
reals or without fakes gives NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["CURVE_METRICS", "PAUC_FPR", "Counts", "counts_of", "det_points", "roc_points"]

Array = npt.NDArray[np.float64]

PAUC_FPR = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """The ROC curve of some counts.

    Attributes:
        fpr: Share of the reals at or above each cell, shape (..., cells + 1), starting at 0.
        tpr: Share of the fakes at or above each cell, shape (..., cells + 1), starting at 0.
        reals: Number of reals.
        fakes: Number of fakes.
    """

    fpr: Array
    tpr: Array
    reals: Array
    fakes: Array


def counts_of(reals: npt.NDArray[np.floating], fakes: npt.NDArray[np.floating]) -> Counts:
    """Accumulate counts of shape (..., cells)."""
    return Counts(_shares(reals), _shares(fakes), _totals(reals), _totals(fakes))


def _shares(counts: npt.NDArray[np.floating]) -> Array:
    summed = np.zeros((*counts.shape[:-1], counts.shape[-1] + 1))
    np.cumsum(counts, axis=-1, dtype=np.float64, out=summed[..., 1:])
    with np.errstate(invalid="ignore"):
        summed /= summed[..., -1:].copy()
    return summed


def _totals(counts: npt.NDArray[np.floating]) -> Array:
    return np.asarray(counts.sum(axis=-1, dtype=np.float64))


def auc(counts: Counts) -> Array:
    """Area under the ROC curve: P(fake above real) + P(equal) / 2."""
    return _area(counts.fpr, counts.tpr)


def average_precision(counts: Counts) -> Array:
    """Average precision, as scikit-learn's ``average_precision_score``."""
    true_positives = counts.tpr[..., 1:] * counts.fakes[..., None]
    false_positives = counts.fpr[..., 1:] * counts.reals[..., None]
    positives = true_positives + false_positives
    precision = np.divide(
        true_positives, positives, out=np.zeros_like(positives), where=positives > 0
    )
    value = np.sum(precision * np.diff(counts.tpr, axis=-1), axis=-1)
    return np.where(np.isnan(counts.fpr[..., -1]), np.nan, value)


def equal_error_rate(counts: Counts) -> Array:
    """Rate at which FPR and FNR are equal, interpolated between two thresholds."""
    gap = counts.fpr + counts.tpr - 1.0  # FPR minus FNR, from -1 to 1
    after = np.argmax(gap >= 0, axis=-1)[..., None]
    after = np.maximum(after, 1)
    low, high = _at(gap, after - 1), _at(gap, after)
    with np.errstate(invalid="ignore", divide="ignore"):
        part = np.where(high > low, -low / (high - low), 0.0)
    start = _at(counts.fpr, after - 1)
    value = start + part * (_at(counts.fpr, after) - start)
    return np.where(np.isnan(counts.tpr[..., -1]), np.nan, value)


def tpr_at(counts: Counts, rate: float) -> Array:
    """TPR at an FPR, interpolated between two neighboring thresholds."""
    after = np.argmax(counts.fpr > rate, axis=-1)[..., None]
    low, high = _at(counts.fpr, after - 1), _at(counts.fpr, after)
    with np.errstate(invalid="ignore", divide="ignore"):
        part = (rate - low) / (high - low)
    start = _at(counts.tpr, after - 1)
    value = start + part * (_at(counts.tpr, after) - start)
    return np.where(np.isnan(counts.fpr[..., -1]), np.nan, value)


def partial_auc(counts: Counts) -> Array:
    """Area up to an FPR of 0.1, scaled so that chance is 0.5 and perfect is 1.

    McClish, "Analyzing a portion of the ROC curve", Medical Decision Making 9 (1989).
    """
    fpr = np.minimum(counts.fpr, PAUC_FPR)
    end = tpr_at(counts, PAUC_FPR)
    tpr = np.where(counts.fpr <= PAUC_FPR, counts.tpr, end[..., None])
    chance, perfect = PAUC_FPR**2 / 2, PAUC_FPR
    return np.asarray(0.5 * (1 + (_area(fpr, tpr) - chance) / (perfect - chance)))


def _area(x: Array, y: Array) -> Array:
    return np.asarray(
        np.einsum("...i,...i->...", np.diff(x, axis=-1), y[..., 1:] + y[..., :-1]) / 2
    )


def _at(values: Array, place: npt.NDArray[np.int64]) -> Array:
    return np.asarray(np.take_along_axis(values, place, axis=-1)[..., 0])


def _tpr_at_1pct(counts: Counts) -> Array:
    return tpr_at(counts, 0.01)


def _tpr_at_01pct(counts: Counts) -> Array:
    return tpr_at(counts, 0.001)


CURVE_METRICS: dict[str, Callable[[Counts], Array]] = {
    "auc": auc,
    "ap": average_precision,
    "eer": equal_error_rate,
    "tpr_at_fpr_1pct": _tpr_at_1pct,
    "tpr_at_fpr_01pct": _tpr_at_01pct,
    "pauc": partial_auc,
}


def roc_points(counts: Counts, max_points: int = 300) -> tuple[Array, Array]:
    """Return (FPR, TPR), thinned to a number of points for drawing."""
    moved = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(counts.fpr)) + np.diff(counts.tpr))])
    steps = np.linspace(0, moved[-1], max_points)
    keep = np.unique(np.clip(np.searchsorted(moved, steps), 0, len(moved) - 1))
    return counts.fpr[keep], counts.tpr[keep]


def det_points(counts: Counts, max_points: int = 400) -> tuple[Array, Array]:
    """Return (FPR, FNR), both above 0, with most points where either is small.

    Martin et al., "The DET curve in assessment of detection task performance", Eurospeech (1997).
    """
    fpr, fnr = counts.fpr, 1.0 - counts.tpr
    inside = np.flatnonzero((fpr > 0) & (fnr > 0))
    if not len(inside):
        return np.zeros(0), np.zeros(0)
    bent = np.log(fpr[inside]) - np.log(fnr[inside])
    steps = np.linspace(bent[0], bent[-1], max_points)
    keep = inside[np.unique(np.clip(np.searchsorted(bent, steps), 0, len(inside) - 1))]
    return fpr[keep], fnr[keep]
