"""From two tables of scores and a release to everything that the report tells."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from datagen.errors import UserError
from datagen.evaluation.compare import Comparison, compare
from datagen.evaluation.groups import Grouping, groupings
from datagen.evaluation.metrics.controls import Controls, control_rates
from datagen.evaluation.metrics.delong import DeLong, delong
from datagen.evaluation.metrics.intervals import MIN_CLUSTERS, Estimate, Resampler
from datagen.evaluation.metrics.ladder import Separability, separability
from datagen.evaluation.rows import Rows
from datagen.evaluation.sample import Sample, codes_of, sample_of
from datagen.evaluation.table import Table, Worst, slopes, tabulate, worst_group

__all__ = ["Evaluation", "Subject", "evaluate"]


@dataclass(frozen=True, slots=True)
class Subject:
    """What is judged, in words.

    Attributes:
        release: Name, version and digests of the release.
        split: Of it.
        scores, baseline: Files.
        threshold: Of the probability; from here on an image is called fake.
        logits: Whether the scores were given as logits.
    """

    release: dict[str, Any]
    split: str
    scores: str
    baseline: str | None
    threshold: float
    logits: bool


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """All findings about one detector.

    Attributes:
        polarity: ``right``, ``inverted`` (AUC and its interval below 0.5: nothing is flipped) or
            ``undecided``.
        worst: The worst AUC by column.
        absent: Columns that no image states, and why.
        notes: What a reader must know before the numbers.
    """

    subject: Subject
    rows: Rows
    sample: Sample
    table: Table
    controls: Controls
    slopes: dict[str, dict[str, Estimate]]
    separability: Separability | None
    worst: dict[str, Worst]
    delong: DeLong | None
    comparison: Comparison | None
    polarity: str
    absent: dict[str, str]
    notes: tuple[str, ...] = field(default=())


def evaluate(subject: Subject, rows: Rows, baseline: Rows | None = None) -> Evaluation:
    """Judge a detector.

    Args:
        subject: What ``rows`` are.
        rows: The scored images of one split.
        baseline: The same split, scored by the detector to compare with.

    Raises:
        UserError: The baseline has no image in common with ``rows``.
    """
    resampler = Resampler(codes_of(rows.table.column("identity_id")))
    sample, groups, absent = _parts(rows)
    table = tabulate(sample, groups, resampler, subject.threshold)
    comparison = None
    if baseline is not None:
        comparison = _compare(subject, rows, baseline, (sample, table, resampler))
    worst = {
        column: one
        for column, values in table.by.items()
        if len(values) > 1 and (one := worst_group(values, "auc")) is not None
    }
    both = min(sample.sizes[:2]) > 1
    found = Evaluation(
        subject=subject,
        rows=rows,
        sample=sample,
        table=table,
        controls=control_rates(rows, resampler, subject.threshold),
        slopes=slopes(table),
        separability=separability(rows, sample, resampler),
        worst=worst,
        delong=delong(sample.label, sample.raw) if both else None,
        comparison=comparison,
        polarity=_polarity(table.overall["auc"]),
        absent=absent,
    )
    return replace(found, notes=tuple(_notes(found)))


def _parts(rows: Rows) -> tuple[Sample, list[Grouping], dict[str, str]]:
    sample = sample_of(rows)
    groups, absent = groupings(rows.table)
    return sample, [replace(group, code=group.code[sample.row]) for group in groups], absent


def _compare(
    subject: Subject, rows: Rows, baseline: Rows, measured: tuple[Sample, Table, Resampler]
) -> Comparison:
    """Compare on the rows that both have; what was measured already is taken when these are all."""
    both = np.intersect1d(rows.place, baseline.place)
    alone = (len(rows.place) - len(both), len(baseline.place) - len(both))
    old_rows = baseline.take(np.isin(baseline.place, both))
    old_sample, old_groups, _ = _parts(old_rows)
    if not len(old_sample.raw):
        raise UserError(
            f"{subject.baseline}: has scored no real and no fake of split {subject.split!r} that "
            f"{subject.scores} has scored: nothing can be compared"
        )
    sample, table, resampler = measured
    if alone[0]:
        rows = rows.take(np.isin(rows.place, both))
        resampler = Resampler(codes_of(rows.table.column("identity_id")))
        sample, groups, _ = _parts(rows)
        table = tabulate(sample, groups, resampler, subject.threshold)
    old = tabulate(old_sample, old_groups, resampler, subject.threshold)
    return compare(table, old, (sample, old_sample), alone)


def _polarity(auc: Estimate) -> str:
    if auc.high < 0.5:
        return "inverted"
    return "right" if auc.low > 0.5 else "undecided"


def _same(new: Sample, old: Sample) -> bool:
    return np.array_equal(new.row, old.row) and np.array_equal(new.raw, old.raw)


def _notes(found: Evaluation) -> list[str]:
    notes = []
    auc, coverage = found.table.overall["auc"], found.rows.coverage
    if found.polarity == "inverted":
        notes.append(
            f"The scores look inverted: AUC {auc.value:.3f}, and its whole interval is below 0.5. "
            "A higher score must mean fake. Nothing was flipped."
        )
    elif found.polarity == "undecided" and np.isfinite(auc.value):
        notes.append(
            "The scores are not told apart from chance: the interval of the AUC holds 0.5."
        )
    if 0 < auc.identities < MIN_CLUSTERS:
        notes.append(
            f"few_clusters: {auc.identities} people. Intervals by person need {MIN_CLUSTERS} to "
            "be trusted; gates on them are undecided."
        )
    if coverage.scored < coverage.rows:
        told = ", ".join(f"{count} {name}" for name, count in coverage.statuses.items())
        notes.append(
            f"{coverage.rows - coverage.scored} of {coverage.rows} images have no score ({told}) "
            "and are in no metric."
        )
    if found.subject.split == "train":
        notes.append("The split 'train' is there to be learned from: this is not a test.")
    if found.comparison is not None and _same(found.sample, found.comparison.old):
        notes.append(
            "The baseline's scores are the detector's own: nothing is compared. On a first run "
            "there is no other; later it means that the baseline was lost."
        )
    if found.comparison is not None and (found.comparison.new_only or found.comparison.old_only):
        notes.append(
            f"The comparison leaves out {found.comparison.new_only} images that only the new "
            f"detector has scored and {found.comparison.old_only} that only the old one has."
        )
    return notes
