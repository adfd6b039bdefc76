"""The report as one HTML page that needs no other file."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from markupsafe import Markup

from datagen.core.html import render_html
from datagen.core.text import counted
from datagen.evaluation.evaluate import Evaluation
from datagen.evaluation.gates.judge import Verdict
from datagen.evaluation.metrics.curves import det_points, roc_points
from datagen.evaluation.metrics.intervals import Estimate
from datagen.evaluation.metrics.measure import exact_counts
from datagen.evaluation.metrics.moments import reliability
from datagen.evaluation.report.charts import (
    BASELINE_COLOR,
    COLOR,
    Line,
    det_chart,
    forest_chart,
    heat_map,
    reliability_chart,
    roc_chart,
)
from datagen.evaluation.report.facts import (
    VERDICT_HEAD,
    basis_of,
    headline,
    metric_rows,
    sample_facts,
    verdict_row,
    worst_groups,
)
from datagen.evaluation.report.images import false_positives, image_cards, missed_fakes
from datagen.evaluation.report.labels import (
    LABELS,
    METHOD_NOTE,
    format_estimate,
    format_range,
    format_value,
)
from datagen.release.reader import Release

__all__ = ["html_page"]

_CHART_ROWS = 40
# Columns whose groups have an order of their own; the others are sorted by AUC.
_ORDERED = ("severity", "age_band")

Rows = Sequence[tuple[str, ...]]


def html_page(release: Release, found: Evaluation, verdicts: Sequence[Verdict]) -> str:
    """Return the page; the images of the worst mistakes are read from the release."""
    return render_html(
        "datagen.evaluation.report",
        "report.html.j2",
        context=found.context,
        headline=headline(found, verdicts),
        outcome=_outcome(verdicts),
        notes=found.notes,
        gate_heads=VERDICT_HEAD,
        gates=[(verdict.outcome, verdict_row(verdict)) for verdict in verdicts],
        metrics=list(metric_rows(found)),
        compared=found.comparison is not None,
        facts="; ".join(sample_facts(found)) + ".",
        curves=_curves(found),
        worst=_worst(found),
        forests=list(_forests(found)),
        absent="; ".join(f"{column}: {reason}" for column, reason in found.absent.items()),
        heat=_heat(found),
        slopes=_slopes(found),
        ladder=_ladder(found),
        controls=_controls(found),
        labels=LABELS,
        mistakes=[
            ("Fakes with the lowest scores", image_cards(release, found, missed_fakes(found))),
            ("Reals with the highest scores", image_cards(release, found, false_positives(found))),
        ],
        method_note=METHOD_NOTE,
    )


def _outcome(verdicts: Sequence[Verdict]) -> str:
    if not verdicts:
        return ""
    return "passed" if all(verdict.ok for verdict in verdicts) else "failed"


def _curves(found: Evaluation) -> list[tuple[str, Markup]]:
    if not min(found.sample.sizes[:2]):
        return []
    samples = [("this detector", found.sample, COLOR)]
    if found.comparison is not None:
        samples.append(("baseline", found.comparison.sample, BASELINE_COLOR))
    roc, det = [], []
    for name, sample, color in samples:
        counts = exact_counts(sample)
        roc.append(_line(name, roc_points(counts), color))
        det.append(_line(name, det_points(counts), color))
    fpr, tpr = (found.table.overall[name].value for name in ("fpr", "tpr"))
    bins = reliability(found.sample.label, found.sample.probability)
    return [
        ("ROC", Markup(roc_chart(roc, (fpr, tpr)))),  # noqa: S704  # our own SVG, escaped there
        ("DET", Markup(det_chart(det, (fpr, 1 - tpr)))),  # noqa: S704
        ("Reliability", Markup(reliability_chart(bins))),  # noqa: S704
    ]


def _line(name: str, points: tuple[Any, Any], color: str) -> Line:
    x, y = points
    return Line(name, [float(value) for value in x], [float(value) for value in y], color)


def _worst(found: Evaluation) -> Rows:
    return [
        (column, group, format_value(one.value), format_range(one.low, one.high), basis_of(one))
        for column, group, one in worst_groups(found)
    ]


def _forests(found: Evaluation) -> Iterator[tuple[str, bool, Markup]]:
    """Yield title, whether it is a crossing, and chart of the AUC by each column."""
    overall, ends = found.table.overall["auc"].value, _axis_ends(found)
    for column, groups in found.table.by.items():
        if len(groups) < 2 or math.isnan(overall):
            continue
        ranked = list(groups.items())
        if column not in _ORDERED:
            ranked.sort(key=lambda entry: _sort_key(entry[1]["auc"]))
        rows = [
            (name, one["auc"].value, one["auc"].low, one["auc"].high, _remark(found, column, name))
            for name, one in ranked[:_CHART_ROWS]
        ]
        title = f"AUC by {column}"
        if len(ranked) > _CHART_ROWS:
            title += f": the {_CHART_ROWS} lowest of {len(ranked)}"
        chart = Markup(forest_chart(rows, overall, ends))  # noqa: S704  # our own SVG
        yield title, " x " in column, chart


def _axis_ends(found: Evaluation) -> tuple[float, float]:
    """Return one axis for all charts, in multiples of 0.05."""
    known = [
        end
        for groups in found.table.by.values()
        for metrics in groups.values()
        for end in (metrics["auc"].low, metrics["auc"].high)
        if not math.isnan(end)
    ]
    low, high = min(known, default=0.0), max(known, default=1.0)
    return max(0.0, math.floor(low * 20) / 20), min(1.0, math.ceil(high * 20) / 20)


def _sort_key(found: Estimate) -> float:
    return 2.0 if math.isnan(found.value) else found.value


def _remark(found: Evaluation, column: str, name: str) -> str:
    one = found.table.by[column][name]["auc"]
    if math.isnan(one.value):
        return str(one.reason)
    parts = [f"{one.value:.3f}", counted(one.identities, "identity", "identities")]
    if not one.reliable:
        parts[-1] += ", too few to judge"
    if found.comparison is not None and name in found.comparison.by.get(column, {}):
        parts.append(f"{found.comparison.by[column][name]['auc'].value:+.3f}")
    return "; ".join(parts)


def _heat(found: Evaluation) -> tuple[str, Markup] | None:
    """Return title and chart of the AUC by method and severity, or else degradation."""
    by = found.table.by
    other = next((name for name in ("severity", "degradation") if by.get(f"method x {name}")), None)
    if other is None:
        return None

    def cell(row: str, column: str) -> tuple[float, str]:
        metrics = by[f"method x {other}"].get(f"{row} x {column}")
        if metrics is None:
            return math.nan, ""
        one = metrics["auc"]
        return one.value, f"{one.n_fake} fakes" + (", too few" if one.reason else "")

    chart = heat_map(list(by["method"]), list(by[other]), cell, other)
    return f"AUC by method and {other}", Markup(chart)  # noqa: S704  # our own SVG


def _slopes(found: Evaluation) -> Rows:
    return [
        (column, name, format_estimate(slope))
        for column, lines in found.slopes.items()
        for name, slope in lines.items()
    ]


def _ladder(found: Evaluation) -> dict[str, Any] | None:
    ladder = found.separability
    if ladder is None:
        return None
    return {
        "pairs": ladder.pairs,
        "levels": len(ladder.levels),
        "lasting": format_estimate(ladder.lasting),
        "shares": [(level, format_estimate(share)) for level, share in ladder.share.items()],
    }


def _controls(found: Evaluation) -> tuple[str, Rows]:
    """Return the reason why there are no rates, or the rates."""
    overall = found.controls["overall"]["all"]["control_fpr"]
    if math.isnan(overall.value):
        return str(overall.reason), []
    rows = [
        (
            column,
            name,
            format_estimate(rates["control_fpr"]),
            format_estimate(rates["control_gap"]),
            str(rates["control_fpr"].n_real),
        )
        for column, groups in found.controls.items()
        for name, rates in groups.items()
    ]
    return "", rows
