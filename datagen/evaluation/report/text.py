"""The findings as plain text, as the command prints them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from datagen.evaluation.evaluate import Evaluation
from datagen.evaluation.gates.judge import Verdict
from datagen.evaluation.report.facts import headline
from datagen.evaluation.report.labels import (
    format_change,
    format_estimate,
    format_outcome,
    format_range,
    format_value,
)

__all__ = ["summary"]


def summary(found: Evaluation, verdicts: Sequence[Verdict]) -> str:
    """Return metrics, worst groups, gates and notes, the outcome last."""
    return "\n".join(_lines(found, verdicts))


def _lines(found: Evaluation, verdicts: Sequence[Verdict]) -> Iterator[str]:
    for name, one in found.table.overall.items():
        line = f"{name:<18}{format_estimate(one)}"
        if found.comparison is not None:
            change = format_change(found.comparison.overall[name])
            line = f"{line:<52}  change from the baseline {change}"
        yield line
    for name, one in found.controls["overall"]["all"].items():
        yield f"{name:<18}{format_estimate(one)}"
    coverage = found.rows.coverage
    yield f"{'coverage':<18}{format_value(coverage.share)} ({coverage.scored} of {coverage.images})"
    for column, worst in found.worst.items():
        few = f" ({worst.estimate.reason})" if worst.estimate.reason else ""
        yield (
            f"worst {column}: {worst.group}, AUC {format_value(worst.estimate.value)} "
            f"[{format_range(worst.estimate.low, worst.estimate.high)}]{few}"
        )
    for verdict in verdicts:
        detail = f"; {verdict.detail}" if verdict.detail else ""
        yield (
            f"{format_outcome(verdict)}: {verdict.gate}: {format_value(verdict.value)} "
            f"[{format_range(verdict.low, verdict.high)}], expected {verdict.limit}{detail}"
        )
    for note in found.notes:
        yield f"note: {note}"
    yield headline(found, verdicts)
