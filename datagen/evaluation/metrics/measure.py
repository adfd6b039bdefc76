"""All metrics of one set of reals and fakes, each with its interval."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from datagen.evaluation.metrics.curves import CURVE_METRICS, Counts, counts_of
from datagen.evaluation.metrics.intervals import Estimate, Resampler, estimate, nothing
from datagen.evaluation.metrics.moments import MOMENT_METRICS, moment_sums
from datagen.evaluation.sample import Sample, distinct

__all__ = ["ERRORS", "METRICS", "exact_counts", "measure"]

METRICS = (*CURVE_METRICS, *MOMENT_METRICS)
# Metrics for which smaller is better.
ERRORS = frozenset({"eer", "brier", "ece", "fpr"})

# An FPR of r rests on about r x n reals: at least ten of them are required.
_RATES = {"tpr_at_fpr_1pct": 0.01, "tpr_at_fpr_01pct": 0.001}
_MIN_FALSE_POSITIVES = 10
# More distinct scores than this are pooled for the bootstrap (not for the value), in the smallest
# cells where the FPR is small.
CELLS = 1024
_BLOCK = 64
# Metrics that need one class only.
_NEEDS_ONLY = {"fpr": "real", "tpr": "fake", "pair_order": "fake"}

Integers = npt.NDArray[np.int64]


def measure(part: Sample, resampler: Resampler, threshold: float) -> dict[str, Estimate]:
    """Return every metric of ``METRICS``.

    Args:
        part: Reals and fakes.
        resampler: Resampler over the identities of the whole split.
        threshold: Probability from which on an image is classified as fake.
    """
    sizes = part.sizes
    found: dict[str, Estimate] = {}
    cluster = resampler.cluster(part.identity)
    if sizes[0] and sizes[1]:
        found |= _curves(part, cluster, resampler, sizes)
    sums = moment_sums(
        part.label, part.probability, threshold, part.ordered, cluster, resampler.clusters
    )
    total, drawn = sums.sum(axis=0), resampler.sums(sums)
    for name, metric in MOMENT_METRICS.items():
        value = float(metric(total))
        if not np.isnan(value):
            found[name] = estimate(value, metric(drawn), sizes, reflected=name == "ece")
    return {name: _checked(name, found, sizes, part) for name in METRICS}


def exact_counts(part: Sample) -> Counts:
    """Return the ROC curve with one cell per distinct score."""
    cell = _distinct(part.raw)
    cells = int(cell[-1]) + 1 if len(cell) else 0
    fakes = np.bincount(cell[part.label], minlength=cells).astype(np.float64)
    reals = np.bincount(cell[~part.label], minlength=cells).astype(np.float64)
    return counts_of(reals, fakes)


def _curves(
    part: Sample, cluster: Integers, resampler: Resampler, sizes: tuple[int, int, int]
) -> dict[str, Estimate]:
    exact = exact_counts(part)
    cell = _cells(part)
    cells = int(cell[-1]) + 1
    fake, real = part.label, ~part.label
    drawn = _drawn(
        resampler.cells(cell[real], cluster[real], cells),
        resampler.cells(cell[fake], cluster[fake], cells),
    )
    pooled = counts_of(
        np.bincount(cell[real], minlength=cells).astype(np.float64),
        np.bincount(cell[fake], minlength=cells).astype(np.float64),
    )
    found = {}
    for name, metric in CURVE_METRICS.items():
        value = float(metric(exact))
        shift = value - float(metric(pooled))  # the effect of pooling; 0 with few distinct scores
        replicates = np.clip(drawn[name] + shift, 0.0, 1.0)
        found[name] = estimate(value, replicates, sizes)
    return found


def _drawn(
    reals: npt.NDArray[np.float32], fakes: npt.NDArray[np.float32]
) -> dict[str, npt.NDArray[np.float64]]:
    """Return each metric of all replicates, in blocks that fit into the CPU cache."""
    blocks: dict[str, list[npt.NDArray[np.float64]]] = {name: [] for name in CURVE_METRICS}
    for first in range(0, len(reals), _BLOCK):
        counts = counts_of(reals[first : first + _BLOCK], fakes[first : first + _BLOCK])
        for name, metric in CURVE_METRICS.items():
            blocks[name].append(metric(counts))
    return {name: np.concatenate(found) for name, found in blocks.items()}


def _distinct(raw: npt.NDArray[np.float64]) -> Integers:
    cell = np.zeros(len(raw), np.int64)
    np.cumsum(raw[1:] != raw[:-1], out=cell[1:])
    return cell


def _cells(part: Sample) -> Integers:
    exact = _distinct(part.raw)
    if exact[-1] < CELLS:
        return exact
    reals, fakes = (np.flatnonzero(part.label == label) for label in (False, True))
    ends = [
        reals[_spread(len(reals), CELLS // 2)],
        reals[_tail(len(reals), CELLS // 4)],
        fakes[_spread(len(fakes), CELLS // 4)],
    ]
    first = np.zeros(len(part.raw), np.bool_)
    first[exact.searchsorted(exact[np.concatenate(ends)])] = True  # equal scores stay together
    first[0] = False
    return np.cumsum(first)


def _spread(count: int, max_cells: int) -> Integers:
    return np.unique(np.linspace(0, count - 1, max_cells).astype(np.int64))


def _tail(count: int, max_cells: int) -> Integers:
    return np.unique(np.geomspace(1, count, max_cells).astype(np.int64)) - 1


def _checked(
    name: str, found: dict[str, Estimate], sizes: tuple[int, int, int], part: Sample
) -> Estimate:
    reals, fakes, _ = sizes
    only = _NEEDS_ONLY.get(name)
    if not reals and only in (None, "real"):
        return nothing("no reals", sizes)
    if not fakes and only in (None, "fake"):
        return nothing("no fakes", sizes)
    if name not in found:
        return nothing("no fake whose own real is scored", sizes)
    if name in _RATES:
        wanted = round(_MIN_FALSE_POSITIVES / _RATES[name])
        reals = distinct(part.source_image[~part.label])
        if reals < wanted:
            return nothing(
                f"not resolvable: {reals} distinct real source images, {wanted} required", sizes
            )
    return found[name]
