"""Rows and sentences that several reports share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from datagen.evaluation.evaluate import Evaluation
from datagen.evaluation.gates.judge import UNDECIDED, Verdict
from datagen.evaluation.report.labels import (
    LABELS,
    format_change,
    format_estimate,
    format_interval,
    format_outcome,
    format_range,
    format_value,
)

__all__ = ["headline", "metric_rows", "sample_facts", "verdict_row"]


def headline(found: Evaluation, verdicts: Sequence[Verdict]) -> str:
    """Return the outcome in one line."""
    auc, context = found.table.overall["auc"], found.context
    line = f"AUC {format_estimate(auc)} on split {context.split!r} of {context.release['name']}"
    if not verdicts:
        return line
    bad = [verdict for verdict in verdicts if not verdict.ok]
    if not bad:
        return f"passed all {len(verdicts)} gates: {line}"
    undecided = sum(verdict.outcome == UNDECIDED for verdict in bad)
    which = f" ({undecided} of them undecided)" if undecided else ""
    return f"failed {len(bad)} of {len(verdicts)} gates{which}: {line}"


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
