"""How the report groups images: by method, degradation, source and attributes of the identity.

Every manifest row carries the method, degradation and attributes of its pair, so a group holds
fakes *and their own reals*. The fakes of a group are therefore compared with reals of the same
identities, with the same crop and the same degradation: they differ only by the manipulation.
Compared with all reals, a detector that merely recognizes blur would seem to detect blurred fakes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["BANDS", "BY", "CROSSINGS", "Grouping", "groupings"]

Integers = npt.NDArray[np.int64]

BY = ("method", "family", "degradation", "severity", "source", "sex", "age_band", "ethnicity")
CROSSINGS = (
    ("method", "degradation"),
    ("method", "severity"),
    ("degradation", "severity"),
    ("sex", "age_band"),
    ("sex", "ethnicity"),
    ("age_band", "ethnicity"),
)
# Here null means that the image is not degraded; elsewhere it means unknown: no group.
_CLEAN = {"degradation": "none"}
_MOST = 1000  # groups of a column: each has intervals of its own, and a release may be a stranger's
BANDS = (("under 18", 18), ("18-29", 30), ("30-44", 45), ("45-59", 60), ("60+", 1000))


@dataclass(frozen=True, slots=True, eq=False)
class Grouping:
    """One way to group images.

    Attributes:
        column: Manifest column, or two for a crossing, e.g. ``sex x ethnicity``.
        values: Names of the groups, in order.
        code: Group number of each image; -1 for none.
    """

    column: str
    values: tuple[str, ...]
    code: Integers

    def places(self) -> Iterator[tuple[str, Integers]]:
        """Yield the name of each group and the ascending positions of its images."""
        order = np.argsort(self.code, kind="stable")
        ends = np.searchsorted(self.code[order], np.arange(len(self.values) + 1))
        for number, name in enumerate(self.values):
            yield name, order[ends[number] : ends[number + 1]]


def groupings(table: Any) -> tuple[list[Grouping], dict[str, str]]:
    """Return the groupings of a table's images, and why other columns are left out.

    Args:
        table: Arrow table with the columns of ``rows.COLUMNS``.
    """
    single: dict[str, Grouping] = {}
    absent: dict[str, str] = {}
    for column in BY:
        found = _single(table, column)
        if not found.values:
            absent[column] = "not known for any image"
        elif len(found.values) > _MOST:
            absent[column] = _too_many(found)
        else:
            single[column] = found
    crossed = [
        _cross(single[one], single[other])
        for one, other in CROSSINGS
        if len(single[one].values if one in single else ()) > 1
        and len(single[other].values if other in single else ()) > 1
    ]
    absent |= {one.column: _too_many(one) for one in crossed if len(one.values) > _MOST}
    return [one for one in (*single.values(), *crossed) if one.column not in absent], absent


def _too_many(found: Grouping) -> str:
    return f"{len(found.values):,} groups, at most {_MOST:,} are compared"


def _single(table: Any, column: str) -> Grouping:
    if column == "age_band":
        values = _bands(table.column("age").to_pandas())
    else:
        values = table.column(column).to_pandas().astype("object")
    if column in _CLEAN and values.notna().any():
        values = values.fillna(_CLEAN[column])
    code, names = pd.factorize(values, sort=False)
    words = [str(int(name)) if isinstance(name, float) else str(name) for name in names]
    order = _rank(column, words)
    place = np.empty(len(order) + 1, np.int64)
    place[order] = np.arange(len(order))
    place[-1] = -1  # code -1 stays in no group
    return Grouping(column, tuple(words[number] for number in order), place[code])


def _rank(column: str, words: list[str]) -> list[int]:
    bands = [name for name, _ in BANDS]
    if column == "age_band":
        return sorted(range(len(words)), key=lambda number: bands.index(words[number]))
    if column == "severity":
        return sorted(range(len(words)), key=lambda number: int(words[number]))
    return sorted(range(len(words)), key=lambda number: words[number])


def _bands(age: pd.Series[float]) -> pd.Series[Any]:
    edges = [-np.inf, *(float(end) for _, end in BANDS)]
    names = [name for name, _ in BANDS]
    return pd.Series(pd.cut(age, edges, right=False, labels=names)).astype("object")


def _cross(one: Grouping, other: Grouping) -> Grouping:
    both = np.where(
        (one.code >= 0) & (other.code >= 0), one.code * len(other.values) + other.code, -1
    )
    used = np.unique(both[both >= 0])
    place = np.full(len(one.values) * len(other.values) + 1, -1)
    place[used] = np.arange(len(used))
    values = tuple(
        f"{one.values[cell // len(other.values)]} x {other.values[cell % len(other.values)]}"
        for cell in used
    )
    return Grouping(f"{one.column} x {other.column}", values, place[both])
