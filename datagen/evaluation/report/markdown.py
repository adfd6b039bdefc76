"""The report as a comment of a pull request."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from datagen.evaluation.evaluate import Evaluation
from datagen.evaluation.gates.judge import PASSED, UNDECIDED, Verdict
from datagen.evaluation.metrics.intervals import Estimate
from datagen.evaluation.words import METHOD, TITLES, change, number, outcome_mark, span, with_span

__all__ = ["headline", "markdown"]

# Groups shown in a comment; metrics.json has all.
_SHOWN = 30
_SHOWN_GATES = 60  # GitHub takes comments of 65,536 characters


def headline(found: Evaluation, verdicts: Sequence[Verdict]) -> str:
    """Return the outcome in a line."""
    auc = found.table.overall["auc"]
    line = (
        f"AUC {with_span(auc)} on split {found.subject.split!r} of {found.subject.release['name']}"
    )
    if not verdicts:
        return line
    bad = [verdict for verdict in verdicts if not verdict.ok]
    if not bad:
        return f"passed all {len(verdicts)} gates: {line}"
    open_ = sum(verdict.outcome == UNDECIDED for verdict in bad)
    which = f" ({open_} of them undecided)" if open_ else ""
    return f"failed {len(bad)} of {len(verdicts)} gates{which}: {line}"


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
    parts.append(_fold("How to read this", METHOD))
    return "\n\n".join(parts) + "\n"


def _gates(verdicts: Sequence[Verdict]) -> str:
    rows = []
    more = len(verdicts) - _SHOWN_GATES
    if more > 0:
        verdicts = sorted(verdicts, key=lambda verdict: (verdict.ok, verdict.outcome == PASSED))
    for verdict in verdicts[:_SHOWN_GATES]:
        excused = " (let pass)" if verdict.ok and verdict.outcome == "undecided" else ""
        rows.append(
            (
                f"{outcome_mark(verdict.outcome)} {verdict.outcome}{excused}",
                verdict.gate,
                verdict.limit,
                number(verdict.value),
                span(verdict.low, verdict.high),
                verdict.detail,
            )
        )
    told = f"\n\n… and {more} more; `metrics.json` has all" if more > 0 else ""
    return _table(("outcome", "gate", "limit", "value", "interval", ""), rows) + told


def _overall(found: Evaluation) -> str:
    names = ["metric", "value", "95 % interval"]
    compared = found.comparison
    if compared is not None:
        names.append("against the baseline")
    rows = []
    for name, one in found.table.overall.items():
        row = [TITLES[name], number(one.value), _interval(one)]
        if compared is not None:
            row.append(change(compared.overall[name]))
        rows.append(row)
    for name, one in found.controls["overall"]["all"].items():
        rows.append([TITLES[name], number(one.value), _interval(one), *([""] if compared else [])])
    return _table(names, rows)


def _interval(found: Estimate) -> str:
    if math.isnan(found.value):
        return str(found.reason)
    return span(found.low, found.high) + (f" ({found.reason})" if found.reason else "")


def _facts(found: Evaluation) -> str:
    reals, fakes, people = found.sample.sizes
    coverage = found.rows.coverage
    told = [
        f"{reals} reals and {fakes} fakes of {people} people",
        f"{coverage.scored} of {coverage.rows} images scored ({100 * coverage.share:.2f} %)",
        f"threshold {found.subject.threshold:g}",
        f"polarity {found.polarity}",
    ]
    if found.delong is not None:
        one = found.delong
        told.append(f"DeLong's interval of the AUC {span(one.low, one.high)} (ignores people)")
    if found.comparison is not None and found.comparison.delong is not None:
        pair = found.comparison.delong
        told.append(f"DeLong's test of the difference: p = {pair.p:.3g} (ignores people)")
    for column, lines in found.slopes.items():
        if column == "overall":
            told.append(f"AUC per step of severity {with_span(lines['all'])}")
    if found.separability is not None:
        lasting, levels = found.separability.lasting, len(found.separability.levels)
        told.append(f"a fake stays above its real for {with_span(lasting)} of {levels} levels")
    return "; ".join(told) + "."


def _worst(found: Evaluation) -> str:
    rows = []
    for column, worst in found.worst.items():
        one = worst.estimate
        rests = f"{one.n_fake} fakes, {one.identities} people"
        rests += f", {one.reason}" if one.reason else ""
        rows.append((column, worst.group, number(one.value), span(one.low, one.high), rests))
    return _table(("by", "worst", "AUC", "interval", "rests on"), rows)


def _groups(found: Evaluation, column: str) -> str:
    groups = found.table.by[column]
    compared = found.comparison.by.get(column, {}) if found.comparison else {}
    names = [column, "AUC", "equal error rate", "hit rate", "false-alarm rate", "people"]
    if compared:
        names += ["AUC against the baseline", "Holm p"]
    rows = []
    for value, metrics in list(groups.items())[:_SHOWN]:
        row = [value, *(with_span(metrics[name]) for name in ("auc", "eer", "tpr", "fpr"))]
        row.append(str(metrics["auc"].identities))
        if compared:
            one = compared[value]["auc"] if value in compared else None
            row += [change(one), f"{one.p_holm:.3g}"] if one else ["-", "-"]
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
    """Keep names of groups and statuses, which users choose, from becoming Markdown or HTML."""
    for sign in "\\`*_|[]":
        text = text.replace(sign, "\\" + sign)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("\n", " ")


def _fold(title: str, body: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{body}\n\n</details>"
