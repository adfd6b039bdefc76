"""Charts of the report as inline SVG: no library, no script, no request."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

__all__ = [
    "BASELINE_COLOR",
    "COLOR",
    "Line",
    "det_chart",
    "forest_chart",
    "heat_map",
    "reliability_chart",
    "roc_chart",
]

_SIZE, _LEFT, _BOTTOM, _TOP, _RIGHT = 320, 52, 44, 12, 14
COLOR, BASELINE_COLOR, GRAY = "#0b62a4", "#c2571a", "#bbb"
_WIDE = 0.3  # longer axes have ticks every 0.1, shorter ones every 0.05
_NORMAL = NormalDist()
_DET_TICKS = (0.001, 0.01, 0.05, 0.2, 0.5, 0.8)
_DET_LOW, _DET_HIGH = 0.0005, 0.9

Scale = Callable[[float], float]


@dataclass(frozen=True, slots=True)
class Line:
    """A curve of one detector.

    Attributes:
        name: Name in the legend.
        x, y: Coordinates in [0, 1].
        color: CSS color.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    color: str = COLOR


def roc_chart(lines: Sequence[Line], point: tuple[float, float] | None) -> str:
    """Draw ROC curves; ``point`` is the FPR and TPR at the threshold."""
    ticks = [(tick / 4, f"{tick / 4:g}") for tick in range(5)]
    body = [_path([(0, 0), (1, 1)], _identity, GRAY, dashed=True)]
    body += [_path(zip(line.x, line.y, strict=True), _identity, line.color) for line in lines]
    body += _dot(point, _identity)
    return _frame("ROC", ("FPR", "TPR"), ticks, _identity, body, lines)


def det_chart(lines: Sequence[Line], point: tuple[float, float] | None) -> str:
    """Draw DET curves: FNR over FPR on normal-deviate axes."""
    ticks = [(tick, f"{100 * tick:g} %") for tick in _DET_TICKS]
    body = [_path([(_DET_LOW, _DET_LOW), (_DET_HIGH, _DET_HIGH)], _probit, GRAY, dashed=True)]
    for line in lines:
        inside = (
            (x, y)
            for x, y in zip(line.x, line.y, strict=True)
            if min(x, y) >= _DET_LOW and max(x, y) <= _DET_HIGH
        )
        body.append(_path(inside, _probit, line.color))
    if point is not None and min(point) >= _DET_LOW and max(point) <= _DET_HIGH:
        body += _dot(point, _probit)
    return _frame("DET", ("FPR", "FNR"), ticks, _probit, body, lines)


def reliability_chart(bins: Sequence[dict[str, float | int]]) -> str:
    """Draw the share of fakes over the probability; gray bars show the number of images."""
    ticks = [(tick / 4, f"{tick / 4:g}") for tick in range(5)]
    largest = max((entry["n"] for entry in bins), default=1)
    body = []
    for entry in bins:
        x, width = _x(entry["low"]), _x(entry["high"]) - _x(entry["low"]) - 1
        height = (_y(0) - _y(1)) * 0.25 * entry["n"] / largest
        body.append(
            f'<rect x="{x:.1f}" y="{_y(0) - height:.1f}" width="{width:.1f}" '
            f'height="{height:.1f}" fill="#ddd"/>'
        )
    body.append(_path([(0, 0), (1, 1)], _identity, GRAY, dashed=True))
    points = [(entry["probability"], entry["share_fake"]) for entry in bins]
    body.append(_path(points, _identity, COLOR))
    for point in points:
        body += _dot(point, _identity, 2.5)
    names = ("predicted probability", "share of fakes")
    return _frame("Reliability", names, ticks, _identity, body, [])


def forest_chart(
    rows: Sequence[tuple[str, float, float, float, str]], overall: float, ends: tuple[float, float]
) -> str:
    """Draw values with intervals, one per row.

    Args:
        rows: Name, value, low, high and remark; NaN draws nothing.
        overall: Position of the reference line.
        ends: Ends of the axis.
    """
    low, high = ends
    height, width, left, right = 20 * len(rows) + 30, 880, 210, 330
    span = max(high - low, 0.05)

    def x(value: float) -> float:
        return left + (width - left - right) * (value - low) / span

    parts = [f'<svg viewBox="0 0 {width} {height}" width="{width}" role="img">']
    per_unit = 10 if span > _WIDE else 20
    for step in range(
        math.ceil(low * per_unit - 0.1), math.floor((low + span) * per_unit + 0.1) + 1
    ):
        tick = step / per_unit
        parts.append(
            f'<line x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="4" y2="{height - 22}" '
            f'stroke="#eee"/>{_text(x(tick), height - 8, f"{tick:g}", "middle")}'
        )
    parts.append(
        f'<line x1="{x(overall):.1f}" x2="{x(overall):.1f}" y1="4" y2="{height - 22}" '
        f'stroke="{GRAY}" stroke-dasharray="4 3"/>'
    )
    for number, (name, value, start, end, remark) in enumerate(rows):
        y = 20 * number + 14
        parts.append(_text(left - 10, y + 4, name, "end"))
        parts.append(_text(width - right + 12, y + 4, remark, "start", "#666"))
        if not math.isnan(value):
            parts.append(
                f'<line x1="{x(start):.1f}" x2="{x(end):.1f}" y1="{y}" y2="{y}" stroke="{COLOR}" '
                f'stroke-width="2"/><circle cx="{x(value):.1f}" cy="{y}" r="4" fill="{COLOR}"/>'
            )
    return "".join(parts) + "</svg>"


def heat_map(
    rows: Sequence[str],
    columns: Sequence[str],
    cell: Callable[[str, str], tuple[float, str]],
    axis: str,
) -> str:
    """Draw AUC by row and column: white at 0.5 or below, blue at 1.

    Args:
        rows: Names of the rows.
        columns: Names of the columns.
        cell: Returns the value of a cell and a remark below it; NaN is an empty cell.
        axis: Title of the columns.
    """
    left, side, down = 170, max(64, min(110, 560 // max(len(columns), 1))), 38
    width, height = left + side * len(columns) + 4, down * len(rows) + 44
    parts = [f'<svg viewBox="0 0 {width} {height}" width="{width}" role="img">']
    parts.append(_text(left - 10, 16, axis, "end", "#666"))
    for number, name in enumerate(columns):
        parts.append(_text(left + side * (number + 0.5), 16, name, "middle"))
    for down_number, row in enumerate(rows):
        y = 26 + down * down_number
        parts.append(_text(left - 10, y + down / 2 + 4, row, "end"))
        for number, column in enumerate(columns):
            value, remark = cell(row, column)
            x = left + side * number
            parts.append(
                f'<rect x="{x}" y="{y}" width="{side - 2}" height="{down - 2}" '
                f'fill="{_heat(value)}" stroke="#ccc"/>'
            )
            text_color = "#fff" if value > 0.85 else "#222"
            shown = "-" if math.isnan(value) else f"{value:.3f}"
            parts.append(_text(x + side / 2 - 1, y + 16, shown, "middle", text_color))
            parts.append(_text(x + side / 2 - 1, y + 29, remark, "middle", text_color, 9))
    return "".join(parts) + "</svg>"


def _heat(value: float) -> str:
    if math.isnan(value):
        return "#f4f4f4"
    part = min(max((value - 0.5) / 0.5, 0.0), 1.0)
    red, green, blue = (round(255 - part * (255 - end)) for end in (11, 98, 164))
    return f"rgb({red},{green},{blue})"


def _identity(value: float) -> float:
    return value


def _probit(value: float) -> float:
    value = min(max(value, _DET_LOW), _DET_HIGH)
    low, high = _NORMAL.inv_cdf(_DET_LOW), _NORMAL.inv_cdf(_DET_HIGH)
    return (_NORMAL.inv_cdf(value) - low) / (high - low)


def _x(part: float) -> float:
    return _LEFT + part * (_SIZE - _LEFT - _RIGHT)


def _y(part: float) -> float:
    return _SIZE - _BOTTOM - part * (_SIZE - _BOTTOM - _TOP)


def _path(points: Any, scale: Scale, color: str, dashed: bool = False) -> str:
    drawn = " ".join(f"{_x(scale(x)):.1f},{_y(scale(y)):.1f}" for x, y in points)
    dash = ' stroke-dasharray="4 3"' if dashed else ""
    wide = 1 if dashed else 2
    return f'<polyline points="{drawn}" fill="none" stroke="{color}" stroke-width="{wide}"{dash}/>'


def _dot(point: tuple[float, float] | None, scale: Scale, radius: float = 4) -> list[str]:
    if point is None:
        return []
    x, y = _x(scale(point[0])), _y(scale(point[1]))
    return [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{COLOR}"/>']


def _frame(
    title: str,
    names: tuple[str, str],
    ticks: Sequence[tuple[float, str]],
    scale: Scale,
    body: Sequence[str],
    lines: Sequence[Line],
) -> str:
    parts = [
        f'<svg viewBox="0 0 {_SIZE} {_SIZE}" width="{_SIZE}" role="img"><title>{title}</title>'
    ]
    for tick, words in ticks:
        x, y = _x(scale(tick)), _y(scale(tick))
        parts.append(
            f'<path d="M{x:.1f},{_y(1)}V{_y(0)}M{_x(0)},{y:.1f}H{_x(1)}" stroke="#eee"/>'
            + _text(x, _y(0) + 15, words, "middle", size=10)
            + _text(_LEFT - 5, y + 4, words, "end", size=10)
        )
    parts += body
    parts.append(_text((_x(0) + _x(1)) / 2, _SIZE - 10, names[0], "middle"))
    parts.append(
        f'<g transform="translate(12,{(_y(0) + _y(1)) / 2:.1f}) rotate(-90)">'
        f"{_text(0, 0, names[1], 'middle')}</g>"
    )
    for number, line in enumerate(lines if len(lines) > 1 else []):
        y = _y(0) - 12 - 16 * (len(lines) - 1 - number)
        parts.append(_text(_x(1) - 6, y, line.name, "end", line.color))
    return "".join(parts) + "</svg>"


def _text(x: float, y: float, words: str, anchor: str, color: str = "#222", size: int = 12) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" '
        f'fill="{color}">{html.escape(words)}</text>'
    )
