"""The report as one HTML file that needs nothing else."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Sequence

import numpy as np

from datagen.evaluation.evaluate import Evaluation
from datagen.evaluation.gates.judge import Verdict
from datagen.evaluation.metrics.curves import det_points, roc_points
from datagen.evaluation.metrics.intervals import Estimate
from datagen.evaluation.metrics.measure import exact_counts
from datagen.evaluation.metrics.moments import reliability
from datagen.evaluation.report.charts import (
    NEW,
    OLD,
    Line,
    det_chart,
    forest_chart,
    heat_map,
    reliability_chart,
    roc_chart,
)
from datagen.evaluation.report.images import false_alarms, image_cards, missed_fakes
from datagen.evaluation.report.markdown import headline
from datagen.evaluation.sample import Sample
from datagen.evaluation.words import METHOD, TITLES, change, number, span, with_span
from datagen.release.reader import Release

__all__ = ["html_page"]

_CHART_ROWS = 40

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ font: 14px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 1080px;
  padding: 0 1rem; color: #222; background: #fff }}
h1 {{ font-size: 1.5rem; margin-bottom: .2rem }} h2 {{ font-size: 1.15rem; margin-top: 2.2rem }}
h3 {{ font-size: 1rem; margin: 1.2rem 0 .3rem }}
table {{ border-collapse: collapse }} td, th {{ padding: .25rem .8rem .25rem 0; text-align: left;
  vertical-align: top }} tr + tr td, tbody tr:first-child td {{ border-top: 1px solid #ddd }}
td.n {{ font-variant-numeric: tabular-nums; white-space: nowrap }}
summary {{ cursor: pointer; margin: .8rem 0 }}
.sub {{ color: #666; margin-top: 0 }} .note {{ border-left: 4px solid #d9a400; background: #fff9e5;
  padding: .5rem .8rem; margin: .6rem 0 }}
.passed {{ color: #1a7f37 }} .failed {{ color: #c0271d }} .undecided {{ color: #9a6700 }}
.charts {{ display: flex; flex-wrap: wrap; gap: 1rem }} svg text {{ font-family: inherit }}
svg {{ max-width: 100%; height: auto }} .charts div {{ flex: 0 0 auto }}
.images {{ display: flex; flex-wrap: wrap; gap: .8rem }} figure {{ margin: 0; width: 160px }}
figure img {{ width: 160px; display: block }}
figcaption {{ font-size: 12px; overflow-wrap: anywhere }}
code {{ font-size: 11px; color: #666 }} .wrap {{ white-space: normal }}
.how {{ color: #555; max-width: 50rem }}
</style>
{body}
</html>
"""


def html_page(release: Release, found: Evaluation, verdicts: Sequence[Verdict]) -> str:
    """Return the page; the worst images are read from the release and are inside."""
    subject = found.subject
    name = f"{subject.release['name']}, version {subject.release['version']}"
    parts = [
        f"<h1{_color(verdicts)}>{_e(headline(found, verdicts))}</h1>",
        f'<p class="sub">{_e(name)}, split {_e(subject.split)}; scores {_e(subject.scores)}'
        + (f"; baseline {_e(subject.baseline)}" if subject.baseline else "")
        + "</p>",
        *(f'<p class="note">{_e(note)}</p>' for note in found.notes),
        _gates(verdicts) if verdicts else "",
        "<h2>Overall</h2>",
        _overall(found),
        _facts(found),
        "<h2>Curves</h2>",
        _curves(found),
        "<h2>Where it is strong and weak</h2>",
        *_groups(found),
        _heat(found),
        *_degradation(found),
        *_controls(found),
        *_images(release, found),
        "<h2>How to read this</h2>",
        f'<p class="how">{_e(METHOD)}</p>',
    ]
    return _PAGE.format(
        title=_e(f"Detector evaluation: {name}"), body="\n".join(filter(None, parts))
    )


def _e(text: object) -> str:
    return html.escape(str(text))


def _color(verdicts: Sequence[Verdict]) -> str:
    if not verdicts:
        return ""
    return f' class="{"passed" if all(verdict.ok for verdict in verdicts) else "failed"}"'


def _table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{_e(name)}" for name in names)
    body = "".join("<tr>" + "".join(f'<td class="n">{cell}' for cell in row) for row in rows)
    return f"<table><thead><tr>{head}<tbody>{body}</table>"


def _gates(verdicts: Sequence[Verdict]) -> str:
    rows = []
    for verdict in verdicts:
        excused = " (let pass)" if verdict.ok and verdict.outcome == "undecided" else ""
        rows.append(
            (
                f'<b class="{verdict.outcome}">{verdict.outcome}</b>{excused}',
                _e(verdict.gate),
                _e(verdict.limit),
                number(verdict.value),
                span(verdict.low, verdict.high),
                _wrapped(verdict.detail),
            )
        )
    return "<h2>Gates</h2>" + _table(("outcome", "gate", "limit", "value", "interval", ""), rows)


def _overall(found: Evaluation) -> str:
    names, compared = ["metric", "value", "95 % interval"], found.comparison
    if compared is not None:
        names.append("against the baseline")
    rows = []
    for name, one in found.table.overall.items():
        row = [TITLES[name], number(one.value), _interval(one)]
        if compared is not None:
            row.append(_e(change(compared.overall[name])))
        rows.append(row)
    return _table(names, rows)


def _interval(found: Estimate) -> str:
    if math.isnan(found.value):
        return _wrapped(str(found.reason))
    few = f" ({_e(found.reason)})" if found.reason else ""
    return span(found.low, found.high) + few


def _wrapped(text: str) -> str:
    return f'<span class="wrap">{_e(text)}</span>'


def _facts(found: Evaluation) -> str:
    reals, fakes, people = found.sample.sizes
    coverage = found.rows.coverage
    told = (
        f"{reals} reals and {fakes} fakes of {people} people; {coverage.scored} of {coverage.rows} "
        f"images scored ({100 * coverage.share:.2f} %); threshold {found.subject.threshold:g}; "
        f"polarity {found.polarity}."
    )
    if found.delong is not None:
        told += (
            f" DeLong's interval of the AUC, which takes images as independent: "
            f"{span(found.delong.low, found.delong.high)}."
        )
    return f"<p>{_e(told)}</p>"


def _curves(found: Evaluation) -> str:
    if not min(found.sample.sizes[:2]):
        return "<p>No curves without both reals and fakes.</p>"
    samples = [("this detector", found.sample, NEW)]
    if found.comparison is not None:
        samples.append(("baseline", found.comparison.old, OLD))
    roc, det = [], []
    for name, sample, color in samples:
        counts = exact_counts(sample)
        roc.append(_line(name, roc_points(counts), color))
        det.append(_line(name, det_points(counts), color))
    fpr, tpr = (found.table.overall[name].value for name in ("fpr", "tpr"))
    charts = [
        ("ROC", roc_chart(roc, (fpr, tpr))),
        ("DET", det_chart(det, (fpr, 1 - tpr))),
        ("Reliability", reliability_chart(_reliability(found.sample))),
    ]
    body = "".join(f"<div><h3>{name}</h3>{chart}</div>" for name, chart in charts)
    dot = f"The dot in ROC and DET is the threshold {found.subject.threshold:g}."
    return f'<div class="charts">{body}</div><p class="sub">{dot}</p>'


def _line(name: str, points: tuple[np.ndarray, np.ndarray], color: str) -> Line:
    x, y = points
    return Line(name, [float(value) for value in x], [float(value) for value in y], color)


def _reliability(sample: Sample) -> list[dict[str, float | int]]:
    return reliability(sample.label, sample.probability)


def _groups(found: Evaluation) -> Iterator[str]:
    if found.worst:
        rows = [
            (_e(column), _e(worst.group), number(worst.estimate.value), _interval(worst.estimate),
             f"{worst.estimate.n_real} reals, {worst.estimate.n_fake} fakes, "
             f"{worst.estimate.identities} people")
            for column, worst in found.worst.items()
        ]  # fmt: skip
        yield "<h3>Worst group of each kind (AUC)</h3>"
        yield _table(("by", "worst", "AUC", "interval for the worst of all", "rests on"), rows)
    overall = found.table.overall["auc"].value
    ends = _ends(found)
    for column, groups in found.table.by.items():
        if len(groups) < 2 or math.isnan(overall):
            continue
        ranked = sorted(groups.items(), key=lambda entry: _order(entry[1]["auc"]))
        if column in ("severity", "age_band"):
            ranked = list(groups.items())
        shown = [
            (name, one["auc"].value, one["auc"].low, one["auc"].high, _remark(found, column, name))
            for name, one in ranked[:_CHART_ROWS]
        ]
        title = f"AUC by {column}"
        if len(ranked) > _CHART_ROWS:
            title += f": the {_CHART_ROWS} worst of {len(ranked)}"
        chart = forest_chart(shown, overall, ends)
        if " x " in column:
            yield f"<details><summary>{_e(title)}</summary>{chart}</details>"
        else:
            yield f"<h3>{_e(title)}</h3>{chart}"
    if found.absent:
        told = "; ".join(f"{column}: {why}" for column, why in found.absent.items())
        yield f'<p class="sub">Left out: {_e(told)}.</p>'


def _ends(found: Evaluation) -> tuple[float, float]:
    """Return one axis for all charts, in twentieths."""
    known = [
        end
        for groups in found.table.by.values()
        for metrics in groups.values()
        for end in (metrics["auc"].low, metrics["auc"].high)
        if not math.isnan(end)
    ]
    low, high = min(known, default=0.0), max(known, default=1.0)
    return max(0.0, math.floor(low * 20) / 20), min(1.0, math.ceil(high * 20) / 20)


def _order(found: Estimate) -> float:
    return 2.0 if math.isnan(found.value) else found.value


def _remark(found: Evaluation, column: str, name: str) -> str:
    one = found.table.by[column][name]["auc"]
    if math.isnan(one.value):
        return str(one.reason)
    told = f"{one.value:.3f}; {one.identities} people"
    if found.comparison is not None and name in found.comparison.by.get(column, {}):
        told += f"; {found.comparison.by[column][name]['auc'].value:+.3f}"
    return told + (f"; {one.reason}" if one.reason else "")


def _heat(found: Evaluation) -> str:
    for other in ("severity", "degradation"):
        cells = found.table.by.get(f"method x {other}")
        if not cells:
            continue
        rows, columns = found.table.by["method"], found.table.by[other]

        def cell(
            row: str, column: str, cells: dict[str, dict[str, Estimate]] = cells
        ) -> tuple[float, str]:
            metrics = cells.get(f"{row} x {column}")
            if metrics is None:
                return math.nan, ""
            one = metrics["auc"]
            return one.value, f"{one.n_fake} fakes" + ("; few people" if one.reason else "")

        title = f"<h3>AUC by method and {other}</h3>"
        return title + heat_map(list(rows), list(columns), cell, other)
    return ""


def _degradation(found: Evaluation) -> Iterator[str]:
    rows = [
        (_e(column), _e(name), with_span(slope))
        for column, lines in found.slopes.items()
        for name, slope in lines.items()
    ]
    if rows:
        yield "<h3>What a step of severity costs in AUC</h3>" + _table(("by", "", "slope"), rows)
    ladder = found.separability
    if ladder is not None:
        shares = [(str(level), with_span(share)) for level, share in ladder.share.items()]
        yield (
            "<h3>Separability on the ladder</h3>"
            f"<p>Of {ladder.pairs} pairs, the share whose fake scores above its own real at this "
            f"level and all before; a pair lasts {with_span(ladder.lasting)} levels of "
            f"{len(ladder.levels)}.</p>" + _table(("severity", "share"), shares)
        )


def _controls(found: Evaluation) -> Iterator[str]:
    yield "<h2>Controls: false alarms on processed reals</h2>"
    everything = found.controls["overall"]["all"]["control_fpr"]
    if math.isnan(everything.value):
        yield f"<p>{_e(everything.reason)}.</p>"
        return
    rows = [
        (_e(column), _e(name), with_span(rates["control_fpr"]), with_span(rates["control_gap"]),
         str(rates["control_fpr"].n_real))
        for column, groups in found.controls.items()
        for name, rates in groups.items()
    ]  # fmt: skip
    yield _table(("by", "", TITLES["control_fpr"], TITLES["control_gap"], "controls"), rows)


def _images(release: Release, found: Evaluation) -> Iterator[str]:
    for title, places in (
        ("Fakes it is surest are real", missed_fakes(found)),
        ("Reals it is surest are fake", false_alarms(found)),
    ):
        yield f"<h2>{title}</h2>"
        if len(places):
            yield f'<div class="images">{image_cards(release, found, places)}</div>'
        else:
            yield f"<p>None at the threshold {found.subject.threshold:g}.</p>"
