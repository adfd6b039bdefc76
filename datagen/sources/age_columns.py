"""Columns that look like an age although nothing reads them: refused until the card says what."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NoReturn

from pydantic import Field

from datagen.core.schema import Frozen
from datagen.core.text import shortened
from datagen.errors import SourceError
from datagen.sources.age_names import (
    LONGEST,
    kinds_of,
    names_an_age,
    names_other_unit,
    speaks_of_no_years,
)
from datagen.sources.inner_names import is_structured, pairs_in, signs_in, text_of

__all__ = [
    "IgnoredColumns",
    "refuse_no_years",
    "refuse_structured",
    "refuse_unread_ages",
]

_OLDEST = 120
_VALUE = 64  # characters of a value that says an age
_SHOWN = 40
_MOST_CHARACTERS = 50_000_000
_MOST_SIGNS = 150_000
_MOST_LETTERS = 600_000  # of different names
_MOST_SAID = 3_000_000  # letters of different values behind them
_NOTHING = ("nan", "none", "<na>", "nat", "na", "n/a", "null", "#n/a", "#na", "-nan")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_NUMBERS_IN_WORDS = re.compile(
    r"\b(one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|"
    r"(thir|four|fif|six|seven|eigh|nine)teen|(for|fif|six|seven|eigh|nine)ty|first|second|third|"
    r"(four|fif|six|seven|eigh|nin|ten|eleven|twelf)th|[ivx]{1,5})\b"
)
_DATES = re.compile(
    r"date|timestamp|year|month|(mon|tues|wednes|thurs|fri|satur|sun)day|"
    r"^(mon|tue|wed|thu|fri|sat|sun)$"
)
_LAST_GRADE = 13
_GRADES = re.compile(
    r"\b(k|pre-?k|kindergarten|preschool|elementary|primary|secondary|middle|high|freshm[ae]n|"
    r"sophomore|junior|senior)\b"
)


class IgnoredColumns(Frozen):
    """Options of every layout that reads a table.

    Attributes:
        ignore: Columns that look like an age, or hold structured values, and state no age of the
            person in the image.
    """

    ignore: tuple[str, ...] = Field(default=())


def _value_of(cell: object) -> str:
    return "" if cell is None else str(cell).strip()[:_VALUE]


def _says_age(kinds: frozenset[str], value: str) -> bool:
    """Return whether a value may be an age, by what its name says and by what it holds itself.

    A year under ``years`` is none. Under a name of an age, any word is one: ``no`` in
    ``legal_age``, ``months`` in ``age_unit``.
    """
    text = unicodedata.normalize("NFKC", value).strip().lower()[:_VALUE]
    if not text or text in _NOTHING:
        return False
    if "age" in kinds or "minor" in kinds:
        return True
    if "born" in kinds and (any(sign.isnumeric() for sign in text) or _DATES.search(text)):
        return True
    numbers = [float(number) for number in _NUMBER.findall(text)]
    words = _NUMBERS_IN_WORDS.search(text)
    if "months" in kinds and (words or any(number <= 12 * _OLDEST for number in numbers)):
        return True
    if "years" in kinds and (words or any(number <= _OLDEST for number in numbers)):
        return True
    if "unit" in kinds and names_other_unit(text):
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
    mapped: Collection[str] = (),
) -> None:
    """Refuse a table with a column that looks like an age, or may hold one, and that nothing reads.

    The age of a minor would otherwise stand in the table, and their images would be used.

    Args:
        rows: Rows of the table, by name of the column.
        read: Columns that are read as the age, or hold prose of strangers: single values.
        ignored: Columns that the card names as no ages, with all that is in them: ``ignore``.
        where: Source and table, for the message.
        advice: How the column can be read as the age, e.g. ``map it in columns.age``.
        mapped: Columns that are read as something else, which may be structured.

    Raises:
        SourceError: Of the first such column; the message quotes what it holds. Or a name, or what
            is inside of the columns, is too long to look through.
    """
    passed, seen, search = set(ignored), set(read), _Search(where)
    for row in rows:
        for key, cell in row.items():
            name = str(key)
            if name in passed or (name in seen and not isinstance(cell, Mapping | list | tuple)):
                continue
            if (found := search.age_in(name, cell)) is not None:
                raise SourceError(
                    f"{where}: the column {shortened(name)} looks like an age (it holds "
                    f"{found[:_SHOWN]!r}), and the card does not say that it is one: {advice}. If "
                    f"it is not the age of the person in the image, {_passing(name)}",
                    key="options.ignore",
                )
            if name not in mapped and is_structured(cell):
                refuse_structured(name, text_of(cell) or str(cell), where, advice)


def refuse_structured(name: str, found: str, where: str, advice: str) -> NoReturn:
    """Refuse a column whose values have names of their own, in which an age would not be read.

    Args:
        name: Name of the column.
        found: What it holds.
        where: Source and table, for the message.
        advice: How an age is read.

    Raises:
        SourceError: Always.
    """
    raise SourceError(
        f"{where}: the column {shortened(name)} holds structured values ({found[:_SHOWN]!r}), and "
        f"an age inside of them would not be read. If one is there, take it out: {advice}. If "
        f"none is, {_passing(name)}",
        key="options.ignore",
    )


def _passing(name: str) -> str:
    listed = json.dumps(name, ensure_ascii=not name.isprintable())
    return f"name the column in the card: options: {{ignore: [{listed}]}}"


class _Search:
    """Looks for ages in cells; remembers the names that it has seen."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._doubted: dict[str, bool] = {}
        self._kinds: dict[str, frozenset[str]] = {}
        self._answers: dict[tuple[frozenset[str], str], bool] = {}
        self._characters = self._signs = self._letters = self._said = 0

    def age_in(self, name: str, cell: Any) -> str | None:
        """Return what looks like an age in a cell, or before a colon or an equals sign in it."""
        if name not in self._doubted:
            self._doubted[name] = self._doubts(name)
        if self._doubted[name] and self._says_age(name, kinds_of(_cut(name)), _value_of(cell)):
            return str(cell)
        if not (text := text_of(cell)):
            return None
        self._characters += len(text)
        self._refuse_more(name, self._characters, _MOST_CHARACTERS, "characters")
        if not (signs := signs_in(text)):
            return None
        self._signs += signs
        self._refuse_more(name, self._signs, _MOST_SIGNS, "colons and equals signs")
        for inner, value in pairs_in(text):
            kinds = self._kinds_of(name, inner)
            # What is not stated of an age may stand behind it: "null, est. 15".
            plain = not value or not kinds.isdisjoint(("age", "born", "minor"))
            if kinds and (plain or self._says_age(name, kinds, value[:_VALUE])):
                return f"{inner}: {value}"
        return None

    def _doubts(self, name: str) -> bool:
        if len(name.strip()) > LONGEST:
            raise SourceError(
                f"{self._where}: the name of a column has {len(name)} characters, and at most "
                f"{LONGEST} are read: rename {shortened(name)}"
            )
        return names_an_age(name.strip())

    def _kinds_of(self, name: str, inner: str) -> frozenset[str]:
        if inner not in self._kinds:
            plain = inner if inner.isascii() else unicodedata.normalize("NFKD", inner)
            self._letters += len(plain) + 10  # what a name costs without any
            self._refuse_more(name, self._letters, _MOST_LETTERS, "letters of different names")
            self._kinds[inner] = kinds_of(inner)
        return self._kinds[inner]

    def _says_age(self, name: str, kinds: frozenset[str], value: str) -> bool:
        known = kinds, value
        if known not in self._answers:
            self._said += (len(value) + 10) * (1 if value.isascii() else 4)
            self._refuse_more(name, self._said, _MOST_SAID, "letters of different values")
            self._answers[known] = _says_age(kinds, value)
        return self._answers[known]

    def _refuse_more(self, name: str, count: int, most: int, what: str) -> None:
        if count > most:
            raise SourceError(
                f"{self._where}: more than {most:,} {what} inside of its columns, and each may be "
                f"an age. If {shortened(name)} holds none, {_passing(name)}",
                key="options.ignore",
            )
