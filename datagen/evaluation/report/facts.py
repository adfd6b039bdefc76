"""Rows and sentences that several reports share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from datagen.core.text import counted
from datagen.evaluation.evaluate import Evaluation
from datagen.evaluation.gates.judge import FAILED, PASSED, UNDECIDED, Verdict
from datagen.evaluation.metrics.intervals import Estimate
from datagen.evaluation.report.labels import (
    LABELS,
    TOO_FEW,
    format_change,
    format_estimate,
    format_interval,
    format_outcome,
    format_range,
    format_value,
)

__all__ = [
    "VERDICT_HEAD",
    "basis_of",
    "headline",
    "metric_rows",
    "sample_facts",
    "verdict_row",
    "worst_groups",
]

VERDICT_HEAD = ("outcome", "gate", "limit", "value", "interval", "details")
"""Heads of the columns of ``verdict_row``."""


def headline(found: Evaluation, verdicts: Sequence[Verdict]) -> str:
    """Return the outcome in one line."""
    auc, context = found.table.overall["auc"], found.context
    line = f"AUC {format_estimate(auc)} on split {context.split!r} of {context.release['name']}"
    if not verdicts:
        return line
    word = "passed" if all(verdict.ok for verdict in verdicts) else "not passed"
    return f"{word} ({_counts(verdicts)}): {line}"


def _counts(verdicts: Sequence[Verdict]) -> str:
    """Return how many gates have each outcome; each gate is counted once."""
    parts = []
    for outcome in (PASSED, FAILED, UNDECIDED):
        of_it = [verdict for verdict in verdicts if verdict.outcome == outcome]
        allowed = sum(verdict.ok for verdict in of_it) if outcome == UNDECIDED else 0
        if of_it:
            which = (
                "" if not allowed else " and" if allowed == len(of_it) else f", {allowed} of them"
            )
            parts.append(f"{len(of_it)} {outcome}" + (f"{which} allowed" if allowed else ""))
    return f"{counted(len(verdicts), 'gate')}: {', '.join(parts)}"


def worst_groups(found: Evaluation) -> Iterator[tuple[str, str, Estimate]]:
    """Yield column, group and AUC of each worst group.

    A group of too few identities that has a lower value follows; its ``reliable`` is false.
    """
    for column, worst in found.worst.items():
        yield column, worst.group, worst.estimate
        if worst.lowest is not None:
            yield column, *worst.lowest


def basis_of(found: Estimate) -> str:
    """Return what an estimate is based on, and the mark of one that cannot be judged."""
    identities = counted(found.identities, "identity", "identities")
    basis = f"{counted(found.n_real, 'real')}, {counted(found.n_fake, 'fake')}, {identities}"
    return basis if found.reliable else f"{basis}: {TOO_FEW}"


def metric_rows(found: Evaluation) -> Iterator[list[str]]:
    """Yield label, value and interval of every metric and, with a baseline, the change."""
    compared = found.comparison
    for name, one in found.table.overall.items():
        row = [LABELS[name], format_value(one.value), format_interval(one)]
        if compared is not None:
            row.append(format_change(compared.overall[name]))
        yield row


def verdict_row(verdict: Verdict) -> tuple[str, str, str, str, str, str]:
    """Return outcome, gate, limit, value, interval and detail of a verdict."""
    return (
        format_outcome(verdict),
        verdict.gate,
        verdict.limit,
        format_value(verdict.value),
        format_range(verdict.low, verdict.high),
        verdict.detail,
    )


def sample_facts(found: Evaluation) -> list[str]:
    """Return what the metrics are based on."""
    reals, fakes, identities = found.sample.sizes
    coverage = found.rows.coverage
    facts = [
        f"{reals} reals and {fakes} fakes of {identities} identities",
        f"{coverage.scored} of {coverage.images} {found.context.what}s scored "
        f"({100 * coverage.share:.2f} %)",
        f"threshold {found.context.threshold:g}",
        f"polarity {found.polarity}",
    ]
    if found.delong is not None:
        interval = format_range(found.delong.low, found.delong.high)
        facts.append(f"DeLong interval of the AUC, which ignores identities: {interval}")
    return facts
