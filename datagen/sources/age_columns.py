"""Columns that look like an age although nothing reads them: refused until the card says what."""

from __future__ import annotations

import re
import unicodedata
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from pydantic import Field

from datagen.core.schema import Frozen
from datagen.core.text import shortened
from datagen.errors import SourceError
from datagen.sources.age_names import LONGEST, kinds_of, names_an_age, speaks_of_no_years
from datagen.sources.text_values import listed_names, named_values

__all__ = ["IgnoredColumns", "looks_like_age", "refuse_no_years", "refuse_unread_ages"]

_OLDEST = 120
_SHOWN = 40
_DEEPEST = 8
_MOST_INNER = 2_000_000  # values inside of columns
_MOST_NAMES = 100_000
_NOTHING = ("nan", "none", "<na>", "nat", "na", "n/a", "null", "#n/a", "#na", "-nan")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_NUMBERS_IN_WORDS = re.compile(
    r"\b(one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|"
    r"(thir|four|fif|six|seven|eigh|nine)teen|(for|fif|six|seven|eigh|nine)ty|first|second|third|"
    r"(four|fif|six|seven|eigh|nin|ten|eleven|twelf)th|[ivx]{1,5})\b"
)
_LAST_GRADE = 13
_GRADES = re.compile(
    r"\b(k|pre-?k|kindergarten|preschool|elementary|primary|secondary|middle|high|freshm[ae]n|"
    r"sophomore|junior|senior)\b"
)


class IgnoredColumns(Frozen):
    """Options of every layout that reads a table.

    Attributes:
        ignore: Columns that look like an age and are not that of the person in the image.
    """

    ignore: tuple[str, ...] = Field(default=())


def looks_like_age(name: str, value: object) -> bool:
    """Return whether a cell may be an age, by the name of its column and by what it holds.

    A year in a column ``years`` is none. In a column that names an age, any word is one: ``no`` in
    ``legal_age``, ``months`` in ``age_unit``.
    """
    text = "" if value is None else str(value).strip()[:LONGEST]
    text = unicodedata.normalize("NFKC", text).strip().lower()
    if not text or text in _NOTHING:
        return False
    kinds = kinds_of(_cut(name))
    if kinds & {"age", "minor"}:
        return True
    if "born" in kinds and any(sign.isnumeric() for sign in text):
        return True
    numbers = [float(number) for number in _NUMBER.findall(text)]
    words = _NUMBERS_IN_WORDS.search(text)
    if "months" in kinds and (words or any(number <= 12 * _OLDEST for number in numbers)):
        return True
    if "years" in kinds and (words or any(number <= _OLDEST for number in numbers)):
        return True
    if "unit" in kinds and speaks_of_no_years(text):
        return True
    if "school" in kinds:
        low = any(number <= _LAST_GRADE for number in numbers)
        return bool(low or words or _GRADES.search(text))
    return False


def _cut(name: str) -> str:
    name = name.strip()
    return name if len(name) <= LONGEST else name[: LONGEST // 2] + name[-(LONGEST // 2) :]


def refuse_no_years(name: str, where: str) -> None:
    """Refuse to read a column as ages in years whose name says that it holds something else.

    Read as years, the 30 months of a child would be the age of an adult.

    Args:
        name: Name of the column that the card maps to the age.
        where: Source and table, for the message.

    Raises:
        SourceError: The name speaks of months, days, or a date of birth, and not of years.
    """
    if speaks_of_no_years(_cut(name)):
        raise SourceError(
            f"{where}: the column {shortened(name)} is mapped to the age, which is read in years, "
            "and its name speaks of something else. Add a column with the age in years",
            key="options.columns.age",
        )


def refuse_unread_ages(
    rows: Iterable[Mapping[Any, Any]],
    read: Collection[str],
    ignored: Collection[str],
    where: str,
    advice: str,
) -> None:
    """Refuse a table with a column that looks like an age and that nothing reads.

    The age of a minor would otherwise stand in the table, and their images would be used.

    Args:
        rows: Rows of the table, by name of the column.
        read: Columns that are read as the age, or whose names the layout itself gives.
        ignored: Columns that the card names as no ages: the option ``ignore``.
        where: Source and table, for the message.
        advice: How the column can be read as the age, e.g. ``map it in columns.age``.

    Raises:
        SourceError: Of the first such column; the message quotes one of its cells. Or a name, or
            what is inside of a column, is too long to look through.
    """
    passed = {*read, *ignored}
    doubted: dict[str, bool] = {}
    for name, cell in _cells(rows, frozenset(read), passed, where):
        if name not in doubted:
            doubted[name] = name not in passed and names_an_age(_cut(name))
            _refuse_more(len(doubted), _MOST_NAMES, "names", where)
        if doubted[name] and looks_like_age(name, cell):
            raise SourceError(
                f"{where}: the column {shortened(name)} looks like an age (it holds "
                f"{str(cell)[:_SHOWN]!r}), and the card does not say that it is one: {advice}. If "
                "it is not the age of the person in the image, name it in the card: "
                f"options: {{ignore: [{_cut(name)}]}}",
                key=f"options.ignore.{_cut(name)}",
            )


def _refuse_more(count: int, most: int, what: str, where: str) -> None:
    if count > most:
        raise SourceError(
            f"{where}: more than {most:,} {what} inside of its columns, and each may be an age. "
            "Leave the columns out that hold other tables"
        )


def _cells(
    rows: Iterable[Mapping[Any, Any]], read: Collection[str], passed: Collection[str], where: str
) -> Iterator[tuple[str, Any]]:
    """Yield the cells of rows, those of nested columns and of texts as ``column.name``."""
    inside = 0
    for row in rows:
        waiting = deque((str(name), cell, 0) for name, cell in row.items())
        while waiting:
            name, cell, depth = waiting.popleft()
            if len(name.strip()) > LONGEST and name not in passed:
                raise SourceError(
                    f"{where}: the name of a column has {len(name)} characters, and at most "
                    f"{LONGEST} are read: {shortened(name)}"
                )
            yield name, cell
            if (name in read and not depth) or (name in passed and isinstance(cell, str | bytes)):
                continue
            for key, value in _inner(cell):
                inside += 1
                _refuse_more(inside, _MOST_INNER, "values", where)
                if depth == _DEEPEST:
                    raise SourceError(
                        f"{where}: the column {shortened(name)} is nested deeper than {_DEEPEST}, "
                        "and what is inside may be an age. Leave it out of the table"
                    )
                waiting.append((f"{name}.{key[:LONGEST]}" if key else name, value, depth + 1))


def _inner(cell: Any) -> Iterable[tuple[str, Any]]:
    """Return what a cell holds by name: a struct, a map, a list of them, or a text of such."""
    if isinstance(cell, bytes):
        cell = cell.decode(errors="ignore")
    if isinstance(cell, str):
        return _ages_in(cell)
    if isinstance(cell, Mapping):
        return [(str(key), value) for key, value in cell.items()]
    if isinstance(cell, np.ndarray) and cell.dtype != object:
        return ()
    if isinstance(cell, list | tuple | np.ndarray):
        pairs = [one for one in cell if isinstance(one, tuple) and len(one) == 2]
        return [(str(key), value) for key, value in pairs] or [
            ("", one)
            for one in cell
            if isinstance(one, Mapping | list | tuple | np.ndarray | str | bytes)
        ]
    return ()


def _ages_in(text: str) -> list[tuple[str, str]]:
    found = [(name[-LONGEST:], value) for name, value in named_values(text)]
    named = [(name, value) for name, value in found if names_an_age(name)]
    return named + [one for one in listed_names(text) if "only age" in kinds_of(one[0])]
