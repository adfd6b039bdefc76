"""What the command prints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from datagen.evaluation.evaluate import Evaluation
from datagen.evaluation.gates.judge import Verdict
from datagen.evaluation.report.markdown import headline
from datagen.evaluation.words import change, number, span, with_span

__all__ = ["summary"]


def summary(found: Evaluation, verdicts: Sequence[Verdict]) -> str:
    """Return the findings in a screen: metrics, worst groups, gates, notes, the outcome last."""
    return "\n".join(_lines(found, verdicts))


def _lines(found: Evaluation, verdicts: Sequence[Verdict]) -> Iterator[str]:
    for name, one in found.table.overall.items():
        line = f"{name:<18}{with_span(one)}"
        if found.comparison is not None:
            line = f"{line:<52}  against the baseline {change(found.comparison.overall[name])}"
        yield line
    for name, one in found.controls["overall"]["all"].items():
        yield f"{name:<18}{with_span(one)}"
    coverage = found.rows.coverage
    yield f"{'coverage':<18}{number(coverage.share)} ({coverage.scored} of {coverage.rows})"
    for column, worst in found.worst.items():
        few = f" ({worst.estimate.reason})" if worst.estimate.reason else ""
        yield (
            f"worst {column}: {worst.group}, AUC {number(worst.estimate.value)} "
            f"[{span(worst.estimate.low, worst.estimate.high)}]{few}"
        )
    for verdict in verdicts:
        excused = " (let pass)" if verdict.ok and verdict.outcome == "undecided" else ""
        detail = f"; {verdict.detail}" if verdict.detail else ""
        yield (
            f"{verdict.outcome}{excused}: {verdict.gate}: {number(verdict.value)} "
            f"[{span(verdict.low, verdict.high)}], want {verdict.limit}{detail}"
        )
    for note in found.notes:
        yield f"note: {note}"
    yield headline(found, verdicts)
