"""The report as Markdown, for a comment on a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from datagen.core.terminal import plain
from datagen.evaluation.evaluate import Evaluation
from datagen.evaluation.gates.judge import PASSED, Verdict
from datagen.evaluation.report.facts import (
    VERDICT_HEAD,
    basis_of,
    headline,
    metric_rows,
    sample_facts,
    verdict_row,
    worst_groups,
)
from datagen.evaluation.report.labels import (
    LABELS,
    METHOD_NOTE,
    format_change,
    format_estimate,
    format_interval,
    format_range,
    format_value,
    outcome_mark,
)

__all__ = ["markdown"]

# Maximum number of groups in a comment; metrics.json has all.
_SHOWN = 30
_SIGNS = "\\`*_|[]#~!$"
_LINKED = re.compile(r"@|://|www\.", re.IGNORECASE)
_JOINER = "\u2060"
_SHOWN_GATES = 60  # GitHub limits comments to 65,536 characters


def markdown(found: Evaluation, verdicts: Sequence[Verdict]) -> str:
    """Return Markdown as GitHub and GitLab show it."""
    mark = ""
    if verdicts:
        mark = "✅ " if all(verdict.ok for verdict in verdicts) else "❌ "
    parts = [f"## {mark}Detector evaluation: {_escape(headline(found, verdicts))}"]
    parts += [f"> **Note.** {_escape(note)}" for note in found.notes]
    if verdicts:
        parts += ["### Gates", _gates(verdicts)]
    parts += ["### Overall", _overall(found), _facts(found)]
    if found.worst:
        parts += ["### Worst groups (AUC)", _worst(found)]
    for column in ("method", "degradation", "severity"):
        groups = found.table.by.get(column, {})
        if len(groups) > 1:
            parts.append(_fold(f"By {column}", _groups(found, column)))
    parts.append(_fold("How to read this", METHOD_NOTE))
    return "\n\n".join(parts) + "\n"


def _gates(verdicts: Sequence[Verdict]) -> str:
    more = len(verdicts) - _SHOWN_GATES
    if more > 0:
        verdicts = sorted(verdicts, key=lambda verdict: (verdict.ok, verdict.outcome == PASSED))
    rows = []
    for verdict in verdicts[:_SHOWN_GATES]:
        outcome, *cells = verdict_row(verdict)
        rows.append((f"{outcome_mark(verdict.outcome)} {outcome}", *cells))
    rest = f"\n\n… and {more} more; `metrics.json` has all" if more > 0 else ""
    return _table(VERDICT_HEAD, rows) + rest


def _overall(found: Evaluation) -> str:
    names, compared = ["metric", "value", "95 % interval"], found.comparison is not None
    if compared:
        names.append("change from the baseline")
    rows = list(metric_rows(found))
    for name, one in found.controls["overall"]["all"].items():
        row = [LABELS[name], format_value(one.value), format_interval(one)]
        rows.append([*row, ""] if compared else row)
    return _table(names, rows)


def _facts(found: Evaluation) -> str:
    facts = sample_facts(found)
    if found.comparison is not None and found.comparison.delong is not None:
        p = found.comparison.delong.p
        facts.append(f"DeLong test of the difference, which ignores identities: p = {p:.3g}")
    if "overall" in found.slopes:
        slope = format_estimate(found.slopes["overall"]["all"])
        facts.append(f"change of AUC per severity level: {slope}")
    if found.separability is not None:
        lasting, levels = found.separability.lasting, len(found.separability.levels)
        facts.append(
            f"a fake scores above its real for {format_estimate(lasting)} of {levels} levels"
        )
    return "; ".join(facts) + "."


def _worst(found: Evaluation) -> str:
    rows = [
        (column, group, format_value(one.value), format_range(one.low, one.high), basis_of(one))
        for column, group, one in worst_groups(found)
    ]
    return _table(("by", "worst", "AUC", "interval", "based on"), rows)


def _groups(found: Evaluation, column: str) -> str:
    groups = found.table.by[column]
    compared = found.comparison.by.get(column, {}) if found.comparison else {}
    names = [column, "AUC", "equal error rate", "TPR", "FPR", "identities"]
    if compared:
        names += ["change of AUC from the baseline", "Holm p"]
    rows = []
    for value, metrics in list(groups.items())[:_SHOWN]:
        row = [value, *(format_estimate(metrics[name]) for name in ("auc", "eer", "tpr", "fpr"))]
        row.append(str(metrics["auc"].identities))
        if compared:
            one = compared[value]["auc"] if value in compared else None
            row += [format_change(one), f"{one.p_holm:.3g}"] if one else ["-", "-"]
        rows.append(row)
    more = f"\n\n… and {len(groups) - _SHOWN} more" if len(groups) > _SHOWN else ""
    return _table(names, rows) + more


def _table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(_lines(names, rows))


def _lines(names: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(names) + " |"
    yield "|" + " --- |" * len(names)
    for row in rows:
        yield "| " + " | ".join(_escape(cell) for cell in row) + " |"


def _escape(text: str) -> str:
    """Escape Markdown and HTML: names of groups and statuses are chosen by others.

    A name mentions no one (``@team``) and leads nowhere (``https://…``, ``www.…``): a word joiner,
    which is not seen, keeps them apart from what a forge would make links of.
    """
    text = plain(text, one_line=True)
    for sign in _SIGNS:
        text = text.replace(sign, "\\" + sign)
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _LINKED.sub(lambda found: f"{found.group()}{_JOINER}", text)


def _fold(title: str, body: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{body}\n\n</details>"
