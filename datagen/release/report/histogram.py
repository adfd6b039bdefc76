"""Histograms of a report: the numbers that a template draws as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datagen.release.report.figures import KINDS, Values

__all__ = ["HEIGHT", "WIDTH", "Curve", "Histogram", "Line", "histogram", "ticks_between"]

WIDTH, HEIGHT = 320, 130
"""Size of a drawing without its axis, in its own units."""

_BINS = (6, 32)  # fewest and most: few images in narrow bins would look like peaks
_ENDS = (1, 99)  # percentiles: what lies beyond is drawn into the outer bars
_TICKS = 5


@dataclass(frozen=True, slots=True)
class Curve:
    """How dense one kind's images are along the axis.

    Attributes:
        kind: The kind.
        path: Outline as the data of an SVG path.
    """

    kind: str
    path: str


@dataclass(frozen=True, slots=True)
class Line:
    """Figures of one kind.

    Attributes:
        kind: The kind.
        count: Number of images.
        median, low, high: Median, 5th and 95th percentile.
    """

    kind: str
    count: int
    median: str
    low: str
    high: str


@dataclass(frozen=True, slots=True)
class Histogram:
    """A distribution by kind.

    Attributes:
        title: What is measured.
        unit: Its unit.
        curves: What is drawn, in this order.
        ticks: Position and text of the marks of the axis.
        lines: The same in figures.
    """

    title: str
    unit: str
    curves: list[Curve]
    ticks: list[tuple[float, str]]
    lines: list[Line]


def histogram(title: str, unit: str, values: Values) -> Histogram | None:
    """Return the distribution of some values, ``None`` without any.

    Args:
        title: What was measured.
        unit: Its unit.
        values: The values by kind.
    """
    known = {kind: values[kind] for kind in KINDS if kind in values and len(values[kind])}
    if not known:
        return None
    low, high = _ends(np.concatenate(list(known.values())))
    parts = {kind: _density(np.clip(own, low, high), low, high) for kind, own in known.items()}
    highest = max(float(part.max()) for part in parts.values())
    drawn = sorted(parts, key=("fake", "real", "control").index)
    return Histogram(
        title,
        unit,
        [Curve(kind, _outline(parts[kind] / highest)) for kind in drawn],
        [
            (round(WIDTH * (tick - low) / (high - low), 1), text)
            for tick, text in ticks_between(low, high)
        ],
        [_line(kind, own) for kind, own in known.items()],
    )


def ticks_between(low: float, high: float) -> list[tuple[float, str]]:
    """Return round numbers between two others, with their texts."""
    rough = (high - low) / _TICKS
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(power * one for one in (1, 2, 5, 10) if power * one >= rough)
    places = max(0, int(-np.floor(np.log10(step) + 1e-9)))
    first, last = int(np.ceil(low / step - 1e-9)), int(np.floor(high / step + 1e-9))
    found = [float(number * step) for number in range(first, last + 1)]
    return [(tick, f"{tick + 0.0:.{places}f}") for tick in found]


def _ends(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = (float(end) for end in np.percentile(values, _ENDS))
    room = 0.5 if high - low <= 1e-9 * max(1.0, abs(high)) else 0.02 * (high - low)
    start = low - room
    return (0.0 if low >= 0 > start else start), high + room


def _density(values: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    bins = int(np.clip(round(3 * len(values) ** (1 / 3)), *_BINS))
    return np.histogram(values, bins, (low, high), density=True)[0]


def _outline(heights: Sequence[float] | NDArray[np.float64]) -> str:
    step = WIDTH / len(heights)
    parts = [f"M0 {HEIGHT}"]
    for number, height in enumerate(heights):
        parts.append(f"V{HEIGHT - (HEIGHT - 8) * float(height):.1f}H{step * (number + 1):.1f}")
    return "".join(parts) + f"V{HEIGHT}Z"


def _line(kind: str, values: NDArray[np.float64]) -> Line:
    low, median, high = np.percentile(values, (5, 50, 95))
    places = 1 if np.abs(values).max() >= 10 else 2
    return Line(kind, len(values), *(f"{one + 0.0:.{places}f}" for one in (median, low, high)))
