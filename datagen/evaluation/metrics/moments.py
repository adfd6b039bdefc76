"""Metrics that are functions of sums over images: a bootstrap adds up the sums of identities."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

__all__ = ["BINS", "COLUMNS", "MOMENT_METRICS", "moment_sums", "reliability"]

Array = npt.NDArray[np.float64]

# Naeini et al. (2015) and nearly all after them use 10 or 15 equal bins of the probability.
BINS = 15

COLUMNS = (
    "reals", "fakes", "false_positives", "true_positives", "squares", "pairs", "ordered",
)  # fmt: skip


def moment_sums(
    label: npt.NDArray[np.bool_],
    probability: Array,
    threshold: float,
    ordered: Array,
    cluster: npt.NDArray[np.int64],
    clusters: int,
) -> Array:
    """Return the sums of each cluster, one row per cluster.

    Args:
        label: True for fake.
        probability: Probability of fake in [0, 1].
        threshold: Probability from which on an image is classified as fake.
        ordered: For a fake 1 if it scores above its own real, 0.5 if equal, 0 if below; NaN for
            reals and for fakes whose real has no score.
        cluster: Cluster of each image, below ``clusters``.
        clusters: Number of clusters.

    Returns:
        (clusters, 7 + BINS): ``COLUMNS``, then the sums of probability minus label by bin.
    """
    positive = probability >= threshold
    paired = ~np.isnan(ordered)
    columns = (
        ~label,
        label,
        positive & ~label,
        positive & label,
        (probability - label) ** 2,
        paired,
        np.where(paired, ordered, 0.0),
    )
    sums = [np.bincount(cluster, column, clusters) for column in columns]
    cell = cluster * BINS + _bin(probability)
    gaps = np.bincount(cell, probability - label, clusters * BINS).reshape(clusters, BINS)
    return np.asarray(np.column_stack([*sums, gaps]), np.float64)


def _bin(probability: Array) -> npt.NDArray[np.int64]:
    return np.asarray(np.minimum(probability * BINS, BINS - 1), np.int64)


def _ratio(part: Array, whole: Array) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(whole > 0, part / whole, np.nan))


def _named(sums: Array) -> dict[str, Array]:
    return {name: sums[..., place] for place, name in enumerate(COLUMNS)}


def accuracy(sums: Array) -> Array:
    """Share of images on the correct side of the threshold."""
    s = _named(sums)
    return _ratio(s["true_positives"] + s["reals"] - s["false_positives"], s["reals"] + s["fakes"])


def f1(sums: Array) -> Array:
    """Harmonic mean of precision and recall at the threshold, with fake as the positive class."""
    s = _named(sums)
    return _ratio(2 * s["true_positives"], s["true_positives"] + s["false_positives"] + s["fakes"])


def fpr(sums: Array) -> Array:
    """Share of the reals that are classified as fake at the threshold."""
    s = _named(sums)
    return _ratio(s["false_positives"], s["reals"])


def tpr(sums: Array) -> Array:
    """Share of the fakes that are classified as fake at the threshold."""
    s = _named(sums)
    return _ratio(s["true_positives"], s["fakes"])


def brier(sums: Array) -> Array:
    """Mean squared difference of probability and label (Brier, Monthly Weather Review 1950)."""
    s = _named(sums)
    return _ratio(s["squares"], s["reals"] + s["fakes"])


def calibration_error(sums: Array) -> Array:
    """Expected calibration error over 15 equal bins.

    Naeini et al., "Obtaining well calibrated probabilities using Bayesian binning", AAAI (2015).
    """
    s = _named(sums)
    return _ratio(np.abs(sums[..., len(COLUMNS) :]).sum(axis=-1), s["reals"] + s["fakes"])


def pair_order(sums: Array) -> Array:
    """Share of the fakes that score above their own real, ties counted half."""
    s = _named(sums)
    return _ratio(s["ordered"], s["pairs"])


MOMENT_METRICS: dict[str, Callable[[Array], Array]] = {
    "accuracy": accuracy,
    "f1": f1,
    "fpr": fpr,
    "tpr": tpr,
    "brier": brier,
    "ece": calibration_error,
    "pair_order": pair_order,
}


def reliability(label: npt.NDArray[np.bool_], probability: Array) -> list[dict[str, float | int]]:
    """Return the mean probability and the share of fakes in each bin with images."""
    number_of = _bin(probability)
    count = np.bincount(number_of, minlength=BINS)
    total = np.bincount(number_of, probability, BINS)
    fakes = np.bincount(number_of, label.astype(np.float64), BINS)
    return [
        {
            "low": number / BINS,
            "high": (number + 1) / BINS,
            "n": int(count[number]),
            "probability": float(total[number] / count[number]),
            "share_fake": float(fakes[number] / count[number]),
        }
        for number in range(BINS)
        if count[number]
    ]
