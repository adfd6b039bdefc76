"""The metrics of a detector: overall, by group, in the worst group, and by severity."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from datagen.evaluation.groups import Grouping
from datagen.evaluation.metrics.intervals import Estimate, Resampler, bonferroni, estimate, nothing
from datagen.evaluation.metrics.measure import ERRORS, measure
from datagen.evaluation.sample import Sample

__all__ = ["Table", "Worst", "slopes", "tabulate", "worst_group"]

Metrics = dict[str, Estimate]


@dataclass(frozen=True, slots=True)
class Table:
    """Estimates of all metrics.

    Attributes:
        overall: Estimates by metric.
        by: The same in every group, as ``by[column][value]``.
    """

    overall: Metrics
    by: dict[str, dict[str, Metrics]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Worst:
    """The group in which a metric is worst.

    Attributes:
        group: Name of the group.
        estimate: Value with an interval that holds for the worst of all groups (Bonferroni).
        unjudged: Reasons by group, for groups without a value or with too few identities.
        lowest: The group with a still worse value that has too few identities to be judged, and
            this value; ``None`` without one.
    """

    group: str
    estimate: Estimate
    unjudged: dict[str, str]
    lowest: tuple[str, Estimate] | None = None


def tabulate(
    sample: Sample, groups: list[Grouping], resampler: Resampler, threshold: float
) -> Table:
    """Measure a sample and all its groups.

    Args:
        sample: All reals and fakes.
        groups: Groupings, with codes in the order of ``sample``.
        resampler: Resampler over all identities.
        threshold: Probability from which on an image is classified as fake.
    """
    overall = measure(sample, resampler, threshold)

    def one(places: npt.NDArray[np.int64]) -> Metrics:
        if len(places) == len(sample.raw):
            return overall
        return measure(sample.take(places), resampler, threshold)

    by: dict[str, dict[str, Metrics]] = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # numpy releases the interpreter lock
        for grouping in groups:
            parts = {name: places for name, places in grouping.places() if len(places)}
            found = pool.map(one, parts.values())
            by[grouping.column] = dict(zip(parts, found, strict=True))
    return Table(overall, by)


def worst_group(groups: dict[str, Metrics], metric: str) -> Worst | None:
    """Return the group with the worst value of a metric; ``None`` if no group has a value."""
    unjudged = {
        name: str(metrics[metric].reason)
        for name, metrics in groups.items()
        if metrics[metric].reason is not None
    }
    known = {
        name: metrics[metric]
        for name, metrics in groups.items()
        if np.isfinite(metrics[metric].value)
    }
    if not known:
        return None
    sign = -1 if metric in ERRORS else 1
    # A group of a few identities is the worst one only if there are no others.
    reliable = {name: found for name, found in known.items() if found.reliable} or known
    name, lowest = (
        min(groups, key=lambda group: (sign * known[group].value, group))
        for groups in (reliable, known)
    )
    return Worst(
        name,
        bonferroni(reliable[name], len(reliable)),
        unjudged,
        None if known[lowest].value == known[name].value else (lowest, known[lowest]),
    )


def slopes(table: Table) -> dict[str, dict[str, Estimate]]:
    """Return the change of AUC per severity level, overall, by method and by degradation.

    Slope of the least-squares line through the AUCs of the levels; negative if degradation hurts.
    """
    found: dict[str, dict[str, Estimate]] = {}
    levels = table.by.get("severity", {})
    if len(levels) > 1:
        found["overall"] = {"all": _slope({int(name): m["auc"] for name, m in levels.items()})}
    for column in ("method", "degradation"):
        lines: dict[str, dict[int, Estimate]] = {}
        for name, metrics in table.by.get(f"{column} x severity", {}).items():
            group, _, level = name.rpartition(" x ")
            lines.setdefault(group, {})[int(level)] = metrics["auc"]
        steep = {group: _slope(line) for group, line in lines.items() if len(line) > 1}
        if steep:
            found[column] = steep
    return found


def _slope(line: dict[int, Estimate]) -> Estimate:
    some = next(iter(line.values()))
    known = {level: auc for level, auc in line.items() if auc.replicates is not None}
    sizes = (
        sum(auc.n_real for auc in line.values()),
        sum(auc.n_fake for auc in line.values()),
        min((auc.identities for auc in known.values()), default=some.identities),
    )
    if len(known) < 2:
        return nothing("fewer than two levels have an AUC", sizes)
    step = np.array(sorted(known), float)
    step -= step.mean()
    step /= np.sum(step**2)
    value = float(step @ [known[level].value for level in sorted(known)])
    drawn = step @ np.stack([np.asarray(known[level].replicates) for level in sorted(known)])
    return estimate(value, np.asarray(drawn), sizes, share=False)
