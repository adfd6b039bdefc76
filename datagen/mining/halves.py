"""The fakes of one entry of a recipe, halved by what was drawn for them, and how halves differ."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from datagen.mining.contrast import Contrast, Judged, contrast
from datagen.mining.drawn import Span

__all__ = ["MIN_IMAGES", "MIN_PEOPLE", "Halved", "Halves", "Images"]

MIN_IMAGES, MIN_PEOPLE = 30, 20
"""Fakes of a half, and reals, of which fewer say nothing that holds."""

_VALUES_FOR_A_MIDDLE = 8  # so many different ones before the middle is told from the ends
_BINS = 8
_ROUNDING = 1e-6  # drawn values have six decimals

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Halves:
    """One way to halve.

    Attributes:
        first: What the first half holds, e.g. ``up to 0.03``.
        second: What the other holds.
        contrast: Of the two.
    """

    first: str
    second: str
    contrast: Contrast


@dataclass(frozen=True, slots=True)
class Halved:
    """A range with what its drawn values say.

    Attributes:
        low: The lower half against the upper; ``None``: too few.
        middle: The middle half against both ends; ``None``: too few, or too few values.
    """

    span: Span
    low: Halves | None
    middle: Halves | None


class Images:
    """Judged images of train and val.

    Args:
        rows: As in ``Weakness.rows``.
    """

    def __init__(self, rows: pd.DataFrame) -> None:
        self._rows = rows
        self._score = rows["score"].to_numpy(np.float64)
        self._person = pd.factorize(rows["identity_id"])[0].astype(np.int64)
        self._degradation = pd.factorize(rows["degradation"])[0].astype(np.int64)
        self._fake = (rows["label"] == 1).to_numpy()

    def of_method(self, use: str, spans: Sequence[Span]) -> list[Halved]:
        """Halve the fakes of a method; each is compared with all reals under its damage."""
        fakes = np.flatnonzero(self._fake & (self._rows["method"] == use).to_numpy())
        texts = self._rows["method_params"].iloc[fakes]
        values = _read((json.loads(text) for text in texts), spans)
        reals = self._judged(np.flatnonzero(~self._fake), self._degradation[~self._fake])
        halved = []
        for span, column in zip(spans, values.T, strict=True):
            within = _within(span, column)
            own = fakes[within]
            halved.append(
                _halved(span, column[within], self._judged(own, self._degradation[own]), reals)
            )
        return halved

    def of_degradation(self, use: str, spans: Sequence[Span]) -> list[Halved]:
        """Halve the fakes under a damage; each is compared with reals as damaged as itself."""
        here = np.flatnonzero((self._rows["degradation"] == use).to_numpy())
        told = self._rows.iloc[here]
        if [span.name for span in spans] == ["severity"]:
            values = told[["severity"]].to_numpy(np.float64, na_value=np.nan)
        else:
            values = _read((_executed(text, use) for text in told["degradation_params"]), spans)
        halved = []
        for span, column in zip(spans, values.T, strict=True):
            within = _within(span, column)
            places, drawn = here[within], column[within]
            fake = self._fake[places]
            bins = _bins(drawn, drawn[fake])
            fakes = self._judged(places[fake], bins[fake])
            reals = self._judged(places[~fake], bins[~fake])
            halved.append(_halved(span, drawn[fake], fakes, reals))
        return halved

    def _judged(self, places: Whole, strata: Whole) -> Judged:
        return Judged(self._score[places], self._person[places], strata)


def _halved(span: Span, drawn: Floats, fakes: Judged, reals: Judged) -> Halved:
    comparable = np.isin(fakes.stratum, np.unique(reals.stratum))
    drawn, fakes = drawn[comparable], fakes.at(comparable)
    if not len(drawn):
        return Halved(span, None, None)

    def halves(first: Flags, words: tuple[str, str]) -> Halves | None:
        sides = (fakes.person[first], fakes.person[~first], reals.person)
        if not all(_is_enough(people) for people in sides):
            return None
        return Halves(*words, contrast(fakes._replace(first=first), reals))

    part = _even_part(drawn)
    low = halves(drawn <= part, (f"up to {part:.3g}", f"above {part:.3g}"))
    if len(np.unique(drawn)) < _VALUES_FOR_A_MIDDLE:
        return Halved(span, low, None)
    ends = np.quantile(drawn, [0.25, 0.75])
    inner = (drawn >= ends[0]) & (drawn <= ends[1])
    words = (f"from {ends[0]:.3g} to {ends[1]:.3g}", "outside")
    return Halved(span, low, halves(inner, words))


def _within(span: Span, values: Floats) -> Flags:
    return (values >= span.low - _ROUNDING) & (values <= span.high + _ROUNDING)


def _is_enough(people: Whole) -> bool:
    return len(people) >= MIN_IMAGES and len(np.unique(people)) >= MIN_PEOPLE


def _bins(values: Floats, drawn: Floats) -> Whole:
    """Return strata of like values: each by itself, or eight with equally many."""
    edges = np.unique(drawn)
    if len(edges) > _BINS:
        edges = np.quantile(drawn, np.arange(1, _BINS) / _BINS)
    return np.searchsorted(edges, values).astype(np.int64)


def _read(drawn: Iterable[Mapping[str, Any] | None], spans: Sequence[Span]) -> Floats:
    """Return ``(images, spans)``, NaN where nothing was drawn."""
    rows = [[_value(params, span) for span in spans] for params in drawn]
    return np.array(rows, np.float64).reshape(len(rows), len(spans))


def _value(params: Mapping[str, Any] | None, span: Span) -> float:
    if params is None:
        return math.nan
    try:
        value = span.drawn(params)
    except KeyError:  # drawn by a version that had no such param
        return math.nan
    return math.nan if value is None else value


def _executed(text: Any, use: str) -> Mapping[str, Any] | None:
    operations = json.loads(text)["operations"] if isinstance(text, str) else []
    if len(operations) != 1 or operations[0]["use"] != use:
        return None
    params: Mapping[str, Any] = operations[0]["params"]
    return params


def _even_part(values: Floats) -> float:
    """Return the value up to which there are as nearly half of all as equal values allow."""
    distinct, counts = np.unique(values, return_counts=True)
    reached = np.cumsum(counts)[:-1] - len(values) / 2
    return float(distinct[np.argmin(np.abs(reached))] if len(reached) else distinct[0])
