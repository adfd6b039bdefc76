"""The findings as plain text, as the command prints them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from datagen.core.text import counted
from datagen.core.text_table import table_lines, wrapped
from datagen.evaluation.compare import Difference
from datagen.evaluation.evaluate import Evaluation
from datagen.evaluation.gates.judge import Verdict
from datagen.evaluation.metrics.intervals import Estimate
from datagen.evaluation.report.facts import headline, worst_groups
from datagen.evaluation.report.labels import (
    TOO_FEW,
    conclusion_of,
    format_outcome,
    format_range,
    format_value,
)

__all__ = ["summary"]


def summary(found: Evaluation, verdicts: Sequence[Verdict], width: int = 80) -> str:
    """Return metrics, worst groups, gates and notes, the outcome last.

    Args:
        found: The findings.
        verdicts: The verdicts on the gates.
        width: Columns of the terminal.
    """
    lines = [part for line in _sentences(found, verdicts) for part in wrapped(line, width)]
    return "\n".join([*_metrics(found, width), *lines])


def _metrics(found: Evaluation, width: int) -> list[str]:
    """Return the table of metrics; with a baseline also the change from it."""
    compared = found.comparison
    head = ["metric", "value", "95 % interval"]
    rows = [_row(name, one) for name, one in found.table.overall.items()]
    if compared is not None:
        head += ["change from baseline", ""]
        changes = [compared.overall[name] for name in found.table.overall]
        rows = [[*row, *_change(one)] for row, one in zip(rows, changes, strict=True)]
    rows += [_row(name, one) for name, one in found.controls["overall"]["all"].items()]
    coverage = found.rows.coverage
    share = f"{coverage.scored} of {coverage.images}"
    rows.append(["coverage", format_value(coverage.share), share])
    return table_lines(head, rows, ("value",), width)


def _row(name: str, one: Estimate) -> list[str]:
    return [name, format_value(one.value), format_range(one.low, one.high)]


def _change(one: Difference) -> list[str]:
    if math.isnan(one.value):
        return ["-", ""]
    return [f"{one.value:+.3f} [{one.low:+.3f} … {one.high:+.3f}]", conclusion_of(one)]


def _sentences(found: Evaluation, verdicts: Sequence[Verdict]) -> Iterator[str]:
    reasons: dict[str, list[str]] = {}
    for name, one in {**found.table.overall, **found.controls["overall"]["all"]}.items():
        if one.reason:
            reasons.setdefault(str(one.reason), []).append(name)
    yield from (f"{', '.join(names)}: {reason}" for reason, names in reasons.items())
    for column, group, one in worst_groups(found):
        word = "worst" if one.reliable else "lowest"
        identities = counted(one.identities, "identity", "identities")
        few = "" if one.reliable else f": {identities}, {TOO_FEW}"
        yield (
            f"{word} {column}: {group}, AUC {format_value(one.value)} "
            f"[{format_range(one.low, one.high)}]{few}"
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
