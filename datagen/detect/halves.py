"""The fakes of one entry of a recipe, halved by what was drawn for them, and how halves differ."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from datagen.detect.contrast import Contrast, Judged, contrast
from datagen.detect.drawn import Span

__all__ = ["LEAST_FAKES", "LEAST_PEOPLE", "Halved", "Halves", "Pictures"]

LEAST_FAKES, LEAST_PEOPLE = 30, 20
"""A half with fewer says nothing that holds."""

_VALUES_FOR_A_MIDDLE = 8  # so many different ones before the middle is told from the ends
_ROUNDING = 1e-6  # drawn values have six decimals

Floats = NDArray[np.float64]
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
        fakes: With a drawn value within the range, and reals to compare with.
        low: The lower half against the upper; ``None``: too few.
        middle: The middle half against both ends; ``None``: too few, or too few values.
    """

    span: Span
    fakes: int
    low: Halves | None
    middle: Halves | None


class Pictures:
    """Judged pictures of train and val.

    Args:
        rows: As in ``Weakness.rows``.
    """

    def __init__(self, rows: pd.DataFrame) -> None:
        self._rows = rows
        self._score = rows["score"].to_numpy(np.float64)
        self._person = pd.factorize(rows["identity_id"])[0].astype(np.int64)
        self._stratum = pd.factorize(rows["degradation"])[0].astype(np.int64)
        self._fake = (rows["label"] == 1).to_numpy()

    def of_method(self, use: str, spans: Sequence[Span]) -> list[Halved]:
        """Halve the fakes of a method; each is compared with all reals under its damage."""
        strata = np.unique(self._stratum[~self._fake])
        fakes = self._fake & (self._rows["method"] == use).to_numpy()
        fakes &= np.isin(self._stratum, strata)
        texts = self._rows.loc[fakes, "method_params"]
        values = _read((json.loads(text) for text in texts), spans)
        return [
            self._halved(span, np.flatnonzero(fakes), column)
            for span, column in zip(spans, values.T, strict=True)
        ]

    def of_degradation(self, use: str, spans: Sequence[Span]) -> list[Halved]:
        """Halve all pictures under a damage; fakes are compared with the reals of their half."""
        here = np.flatnonzero((self._rows["degradation"] == use).to_numpy())
        told = self._rows.iloc[here]
        if [span.name for span in spans] == ["severity"]:
            values = told[["severity"]].to_numpy(np.float64, na_value=np.nan)
        else:
            values = _read((_executed(text, use) for text in told["degradation_params"]), spans)
        return [
            self._halved(span, here, column, by_half=True)
            for span, column in zip(spans, values.T, strict=True)
        ]

    def _halved(
        self, span: Span, places: NDArray[np.int64], values: Floats, by_half: bool = False
    ) -> Halved:
        within = (values >= span.low - _ROUNDING) & (values <= span.high + _ROUNDING)
        places, values = places[within], values[within]
        drawn = values[self._fake[places]]
        if not len(drawn):
            return Halved(span, 0, None, None)

        def halves(first: Flags, words: tuple[str, str]) -> Halves | None:
            found = self._contrast(places, first, by_half)
            return Halves(*words, found) if found else None

        part = _even_part(drawn)
        low = halves(values <= part, (f"up to {part:g}", f"above {part:g}"))
        if len(np.unique(drawn)) < _VALUES_FOR_A_MIDDLE:
            return Halved(span, len(drawn), low, None)
        ends = np.quantile(drawn, [0.25, 0.75])
        words = f"within {ends[0]:g} and {ends[1]:g}"
        inner = (values >= ends[0]) & (values <= ends[1])
        return Halved(span, len(drawn), low, halves(inner, (words, "outside")))

    def _contrast(self, places: NDArray[np.int64], first: Flags, by_half: bool) -> Contrast | None:
        fake = self._fake[places]
        fakes = self._judged(places[fake], first[fake])
        reals = (
            self._judged(places[~fake], first[~fake])
            if by_half
            else self._judged(np.flatnonzero(~self._fake), None)
        )
        if not all(_is_enough(fakes, half) for half in (first[fake], ~first[fake])):
            return None
        if by_half and not all(_is_enough(reals, half) for half in (first[~fake], ~first[~fake])):
            return None
        return contrast(fakes, reals)

    def _judged(self, places: NDArray[np.int64], first: Flags | None) -> Judged:
        return Judged(self._score[places], self._person[places], self._stratum[places], first)


def _is_enough(judged: Judged, half: Flags) -> bool:
    return int(half.sum()) >= LEAST_FAKES and len(np.unique(judged.person[half])) >= LEAST_PEOPLE


def _read(drawn: Iterable[Mapping[str, Any] | None], spans: Sequence[Span]) -> Floats:
    """Return ``(pictures, spans)``, NaN where nothing was drawn."""
    rows = [[_value(params, span) for span in spans] for params in drawn]
    return np.array(rows, np.float64).reshape(-1, len(spans))


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
