"""Two detectors on the same images: differences with intervals, overall and by group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from datagen.evaluation.metrics.delong import DeLongPair, delong_pair
from datagen.evaluation.metrics.intervals import Estimate, interval
from datagen.evaluation.metrics.measure import ERRORS, METRICS
from datagen.evaluation.sample import Sample
from datagen.evaluation.table import Metrics, Table

__all__ = ["Comparison", "Difference", "compare", "gain_p", "holm"]

_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """A metric of the new detector minus that of the baseline, on the same images.

    Attributes:
        new, baseline: The metric of each detector.
        value, low, high: Difference with its interval; NaN if there is none.
        p: Two-sided p-value of no difference, by the bootstrap standard error.
        p_holm: The same, Holm-adjusted over the groups of a column.
        n_real, n_fake, identities: Number of reals, fakes and identities that it is based on.
        reason: See ``Estimate``.
        replicates: Bootstrap replicates of the difference.
        sign: 1 if larger is better, -1 if smaller is better.
    """

    new: float
    baseline: float
    value: float
    low: float
    high: float
    p: float
    p_holm: float
    n_real: int
    n_fake: int
    identities: int
    reason: str | None
    replicates: npt.NDArray[np.float64] | None
    sign: int


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Differences between two detectors.

    Attributes:
        images: Number of images that both detectors have scored.
        only_new, only_baseline: Number of images that one detector alone has scored; left out.
        overall: Differences by metric.
        by: The same in every group, as ``by[column][value]``.
        delong: DeLong's test of the AUCs; ``None`` without reals or fakes.
        sample: The images with the scores of the baseline.
    """

    images: int
    only_new: int
    only_baseline: int
    overall: dict[str, Difference]
    by: dict[str, dict[str, dict[str, Difference]]]
    delong: DeLongPair | None
    sample: Sample


def compare(
    new: Table, old: Table, samples: tuple[Sample, Sample], alone: tuple[int, int]
) -> Comparison:
    """Compare two tables that were measured on the same rows with the same resampler.

    Args:
        new: Metrics of the new detector.
        old: Metrics of the baseline.
        samples: Images with the scores of the new detector and of the baseline.
        alone: Number of images that only the new detector, and only the baseline, has scored.
    """
    by = {
        column: _holm_over(
            {name: _differences(found, old.by[column][name]) for name, found in groups.items()}
        )
        for column, groups in new.by.items()
    }
    return Comparison(
        len(samples[0].raw), *alone, _differences(new.overall, old.overall), by,
        _delong(*samples), samples[1],
    )  # fmt: skip


def holm(p: Sequence[float]) -> list[float]:
    """Return p-values adjusted for their number; NaN stays NaN and is not counted.

    Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
    Statistics 6 (1979).
    """
    values = np.asarray(p, float)
    known = np.flatnonzero(np.isfinite(values))
    adjusted = np.full(len(values), np.nan)
    order = known[np.argsort(values[known], kind="stable")]
    steps = values[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(steps)) if len(order) else steps
    return [float(value) for value in adjusted]


def gain_p(found: Difference, gain: float) -> float:
    """Return the two-sided p-value of the gain being ``gain``.

    Args:
        found: A difference; its gain is positive if the new detector is better.
        gain: The gain to test, e.g. -0.005 for a drop of 0.005.
    """
    if found.replicates is None:
        return float("nan")
    finite = found.replicates[np.isfinite(found.replicates)]
    if len(finite) < 2:
        return float("nan")
    error = float(np.std(finite, ddof=1))
    distance = found.sign * found.value - gain
    if error == 0:
        return 1.0 if distance == 0 else 0.0
    return 2 * _NORMAL.cdf(-abs(distance / error))


def _differences(new: Metrics, old: Metrics) -> dict[str, Difference]:
    return {name: _difference(name, new[name], old[name]) for name in METRICS}


def _difference(name: str, new: Estimate, old: Estimate) -> Difference:
    value = new.value - old.value
    low = high = p = float("nan")
    replicates = None
    sign = -1 if name in ERRORS else 1
    if new.replicates is not None and old.replicates is not None:
        replicates = new.replicates - old.replicates
        low, high = interval(replicates, new.identities)
    found = Difference(
        new.value, old.value, value, low, high, p, p, new.n_real, new.n_fake, new.identities,
        new.reason or old.reason, replicates, sign,
    )  # fmt: skip
    p = gain_p(found, 0.0)
    return replace(found, p=p, p_holm=p)


def _holm_over(groups: dict[str, dict[str, Difference]]) -> dict[str, dict[str, Difference]]:
    adjusted: dict[str, dict[str, Difference]] = {name: {} for name in groups}
    for metric in METRICS:
        found = [differences[metric] for differences in groups.values()]
        for name, one, p in zip(groups, found, holm([d.p for d in found]), strict=True):
            adjusted[name][metric] = replace(one, p_holm=p)
    return adjusted


def _delong(new: Sample, old: Sample) -> DeLongPair | None:
    if min(new.sizes[:2]) < 2:
        return None
    order_new, order_old = np.argsort(new.row), np.argsort(old.row)
    return delong_pair(new.label[order_new], new.raw[order_new], old.raw[order_old])
