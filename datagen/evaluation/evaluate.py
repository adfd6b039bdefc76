"""From two sets of scored images to all findings about a detector."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from datagen.core.text import counted
from datagen.errors import ScoresError
from datagen.evaluation.compare import Comparison, compare
from datagen.evaluation.groups import Grouping, groupings
from datagen.evaluation.metrics.controls import Controls, control_rates
from datagen.evaluation.metrics.delong import DeLong, delong
from datagen.evaluation.metrics.intervals import MIN_CLUSTERS, Estimate, Resampler
from datagen.evaluation.metrics.ladder import Separability, separability
from datagen.evaluation.rows import Rows
from datagen.evaluation.sample import Sample, codes_of, sample_of
from datagen.evaluation.table import Table, Worst, slopes, tabulate, worst_group
from datagen.release.score_doubts import doubts_of_logits, doubts_of_scores

__all__ = ["INVERTED", "Context", "Evaluation", "evaluate", "polarity"]

INVERTED, UNDECIDED = "inverted", "undecided"


@dataclass(frozen=True, slots=True)
class Context:
    """What is evaluated.

    Attributes:
        release: Name, version and recipe digest of the release.
        split: The evaluated split.
        scores, baseline: Where the scores come from.
        threshold: Probability from which on an image is classified as fake.
        logits: Whether the scores were given as logits.
        what: What a score is of: ``image`` or ``clip``.
        pooling: How scores of frames became those of clips, as far as it is known; else ``None``.
    """

    release: dict[str, Any]
    split: str
    scores: str
    baseline: str | None
    threshold: float
    logits: bool
    what: str = "image"
    pooling: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """All findings about one detector.

    Attributes:
        context: What is evaluated.
        rows: The scored images.
        sample: The reals and fakes.
        table: Metrics overall and by group.
        controls: Rates on controls.
        slopes: Change of AUC per severity level.
        separability: Separability on a severity ladder; ``None`` without a ladder.
        worst: Worst AUC by column.
        delong: DeLong's interval of the AUC; ``None`` without reals or fakes.
        comparison: Comparison with the baseline; ``None`` without one.
        polarity: ``correct``, ``inverted`` (the AUC and its whole interval are below 0.5; nothing
            is flipped) or ``undecided``.
        absent: Reasons by column, for columns without any value.
        notes: What a reader must know before reading the numbers.
    """

    context: Context
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


def evaluate(context: Context, rows: Rows, baseline: Rows | None = None) -> Evaluation:
    """Evaluate a detector.

    Args:
        context: Description of ``rows``.
        rows: The scored images of one split.
        baseline: The same split, scored by the detector to compare with.

    Raises:
        ScoresError: The baseline has no image in common with ``rows``.
    """
    resampler = Resampler(codes_of(rows.table.column("identity_id")))
    sample, groups, absent = _parts(rows)
    table = tabulate(sample, groups, resampler, context.threshold)
    comparison = None
    if baseline is not None:
        comparison = _compare(context, rows, baseline, (sample, table, resampler))
    worst = {
        column: one
        for column, values in table.by.items()
        if len(values) > 1 and (one := worst_group(values, "auc")) is not None
    }
    both_classes = min(sample.sizes[:2]) > 1
    found = Evaluation(
        context=context,
        rows=rows,
        sample=sample,
        table=table,
        controls=control_rates(rows, resampler, context.threshold),
        slopes=slopes(table),
        separability=separability(rows, sample, resampler),
        worst=worst,
        delong=delong(sample.label, sample.raw) if both_classes else None,
        comparison=comparison,
        polarity=polarity(table.overall["auc"]),
        absent=absent,
    )
    return replace(found, notes=tuple(_notes(found)))


def _parts(rows: Rows) -> tuple[Sample, list[Grouping], dict[str, str]]:
    sample = sample_of(rows)
    groups, absent = groupings(rows.table)
    return sample, [replace(group, code=group.code[sample.row]) for group in groups], absent


def _compare(
    context: Context, rows: Rows, baseline: Rows, measured: tuple[Sample, Table, Resampler]
) -> Comparison:
    """Compare on the common rows; ``measured`` is reused if these are all."""
    both = np.intersect1d(rows.place, baseline.place)
    alone = (len(rows.place) - len(both), len(baseline.place) - len(both))
    old_rows = baseline.take(np.isin(baseline.place, both))
    old_sample, old_groups, _ = _parts(old_rows)
    if not len(old_sample.raw):
        raise ScoresError(
            f"{context.baseline}: scores no real and no fake of split {context.split!r} that "
            f"{context.scores} scores: there is nothing to compare"
        )
    sample, table, resampler = measured
    if alone[0]:
        rows = rows.take(np.isin(rows.place, both))
        resampler = Resampler(codes_of(rows.table.column("identity_id")))
        sample, groups, _ = _parts(rows)
        table = tabulate(sample, groups, resampler, context.threshold)
    old = tabulate(old_sample, old_groups, resampler, context.threshold)
    return compare(table, old, (sample, old_sample), alone)


def polarity(auc: Estimate) -> str:
    """Return ``correct``, ``inverted`` or ``undecided``; see ``Evaluation``.

    Args:
        auc: AUC of all fakes against all reals, with its interval.
    """
    if auc.high < 0.5:
        return INVERTED
    return "correct" if auc.low > 0.5 else UNDECIDED


def _notes(found: Evaluation) -> Iterator[str]:
    auc, coverage = found.table.overall["auc"], found.rows.coverage
    if found.polarity == INVERTED:
        yield (
            f"The scores seem to be inverted: the AUC is {auc.value:.3f} and its whole interval is "
            "below 0.5. A higher score must mean fake. Nothing was flipped."
        )
    elif found.polarity == UNDECIDED and np.isfinite(auc.value):
        yield "The detector is not distinguishable from chance: the AUC interval contains 0.5."
    yield from doubts_of_scores(found.rows.probability)
    if found.context.logits:
        yield from doubts_of_logits(found.rows.raw)
    if 0 < auc.identities < MIN_CLUSTERS:
        yield (
            f"Only {counted(auc.identities, 'identity', 'identities')}: intervals need "
            f"{MIN_CLUSTERS} to be reliable, and gates on them are undecided."
        )
    what = found.context.what
    if found.context.pooling is not None:
        yield f"The score of a clip is the {_pooled(found.context.pooling)}."
    if coverage.scored < coverage.images:
        yield (
            f"{coverage.images - coverage.scored} of {coverage.images} {what}s have no score "
            f"({coverage.reasons()}) and are in no metric."
        )
    if found.context.split == "train":
        yield "The split 'train' is training data: this is not a test."
    if found.comparison is not None:
        yield from _comparison_notes(found.sample, found.comparison, what)


def _pooled(pooling: str) -> str:
    rule, _, share = pooling.partition(":")
    if rule == "top":
        return f"mean of the highest {100 * float(share):.4g} % of its frames' scores"
    return f"{'highest' if rule == 'max' else rule} of its frames' scores"


def _comparison_notes(sample: Sample, found: Comparison, what: str) -> Iterator[str]:
    old = found.sample
    if np.array_equal(sample.row, old.row) and np.array_equal(sample.raw, old.raw):
        yield (
            "The baseline's scores equal the detector's: nothing is compared. This is normal for a "
            "first run; later it means that the baseline was lost."
        )
    if found.only_new or found.only_baseline:
        yield (
            f"The comparison leaves out {found.only_new} {what}s that only the new detector has "
            f"scored and {found.only_baseline} that only the baseline has scored."
        )
