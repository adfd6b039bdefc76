"""Columns that look like an age although nothing reads them: refused until the card says what."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from pydantic import Field

from datagen.core.schema import Frozen
from datagen.core.spelling import latin
from datagen.core.text import shortened
from datagen.errors import SourceError

__all__ = [
    "IgnoredColumns",
    "looks_like_age",
    "names_an_age",
    "refuse_no_years",
    "refuse_unread_ages",
]

_OLDEST = 120
_SHOWN = 40
_LONGEST = 200  # of a name or a cell: normalizing takes the square of what is left
_DEEPEST = 8
_LONGEST_JSON = 10_000

# Parts of a name, in lower case and without accents, by what they say.
_NAMES = {
    "age": "age ages aged alter edad eta idade leeftijd alder wiek vek ika yas umur возраст вік "
    "年龄 年齡 年齢 나이 연령 lebensalter altersgruppe altersklasse ηλικια عمر उमर tuoi "
    "yo howold",
    "years": "year years yr yrs jahr jahre lebensjahre ans annees anos anni jaar",
    "months": "months monate mois meses",
    "born": "dob yob bday bdate bdat born geb gebdat gebdatum geboren naissance nacimiento nac "
    "fechanac ddn nascita nascimento nasc fodt fodd geboortedatum jahrgang 生日 出生 生年月日 "
    "생년월일 рождения",
    "minor": "minor minors child children kid kids adult adults isadult isminor ischild underage "
    "juvenile teen teenager infant toddler baby u18",
    "school": "grade grades school schoolgrade schoolyear schoolclass schuljahr schulklasse klasse "
    "schule kindergarten k12",
}
_PARTS_OF_NAMES = {kind: frozenset(words.split()) for kind, words in _NAMES.items()}
_NO_YEARS = re.compile(r"months?|mos?|monat|mes|weeks?|wochen?|days?|tage|jours")
_JOINED = re.compile(
    r"(face|person|people|subject|apparent|real|estimated|est|actual|patient|user|model|donor|"
    r"approx|mean|min|max|true|predicted|pred|stated|self|reported|human|photo|img)ages?"
    r"|age(?!n)\w*"  # agency, agent, agenda
    r"|\w*(birth|geburt|geboorte|naissance|nacimiento|nascita|nascimento|fodsel|urodzen|рожд)\w*"
)
_ADULT_BY_NAME = re.compile(r"(is|over|under|above|below)18(plus)?|18plus")
_WHOLE = frozenset(["agegroup", "agerange", "agebracket", "agegrp", "ageclass", "agecategory"])
_PARTS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_A-Za-z]+")
_NOTHING = ("nan", "none", "<na>", "nat", "na", "n/a", "null", "#n/a", "#na", "-nan")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_WORDS = re.compile(
    r"\b(child\w*|kids?|teen\w*|minors?|bab(y|ies)|infants?|toddlers?|young|adults?|middle|senior\w*|"
    r"elderly|old)\b"
)
_NUMBERS_IN_WORDS = re.compile(
    r"\b(one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|"
    r"(thir|four|fif|six|seven|eigh|nine)teen|(for|fif|six|seven|eigh|nine)ty)\b"
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


def names_an_age(name: str) -> bool:
    """Return whether a column's name is one that an age, or a date of birth, may have."""
    return bool(_kinds(_cut(name)))


def looks_like_age(name: str, value: object) -> bool:
    """Return whether a cell may be an age, by the name of its column and by what it holds.

    A year in a column ``years`` is none, nor is a text without any number or word of age.
    """
    text = "" if value is None else str(value)[:_LONGEST]
    text = unicodedata.normalize("NFKC", text).strip().lower()
    if not text or text in _NOTHING:
        return False
    numbers = [float(number) for number in _NUMBER.findall(text)]
    kinds = _kinds(_cut(name))
    if kinds & {"age", "born", "minor"} and numbers:
        return True
    if "months" in kinds and any(number <= 12 * _OLDEST for number in numbers):
        return True
    if "years" in kinds and any(number <= _OLDEST for number in numbers):
        return True
    if "school" in kinds and (
        any(number <= _LAST_GRADE for number in numbers) or _GRADES.search(text)
    ):
        return True
    if kinds & {"minor", "only age"}:
        return True  # yes and no count, and so does any word for them or for an age
    if "age" not in kinds:
        return False
    return any(words.search(text) for words in (_WORDS, _NUMBERS_IN_WORDS))


@lru_cache(maxsize=1024)
def _kinds(name: str) -> frozenset[str]:
    """Return what a name says, also in letters of another script that look like these."""
    plain = unicodedata.normalize("NFKC", name)
    bare = "".join(
        letter
        for letter in unicodedata.normalize("NFKD", plain)
        if not unicodedata.combining(letter) and unicodedata.category(letter) != "Cf"
    )
    composed = unicodedata.normalize("NFC", bare)
    parts = {part.lower() for part in _PARTS.findall(composed)}
    parts |= {part.lower() for part in re.findall(r"[^\W\d_]+", plain)}
    alike = latin(name)
    parts |= set(_PARTS.findall(alike))
    joined = {re.sub(r"[\W_]", "", whole).lower() for whole in (composed, alike)}
    parts |= joined
    found = {kind for kind, words in _PARTS_OF_NAMES.items() if parts & words}
    if any(_JOINED.fullmatch(part) for part in parts):
        found.add("age")
    if any(_ADULT_BY_NAME.fullmatch(part) for part in parts):
        found.add("minor")
    if joined & (_PARTS_OF_NAMES["age"] | _WHOLE):
        found.add("only age")
    return frozenset(found)


def _cut(name: str) -> str:
    half = _LONGEST // 2
    return name if len(name) <= _LONGEST else name[:half] + name[-half:]


def refuse_no_years(name: str, where: str) -> None:
    """Refuse to read a column as ages in years whose name says that it holds something else.

    Read as years, the 30 months of a child would be the age of an adult.

    Args:
        name: Name of the column that the card maps to the age.
        where: Source and table, for the message.

    Raises:
        SourceError: The name speaks of months, days, or a date of birth, and not of years.
    """
    kinds = _kinds(_cut(name))
    units = any(_NO_YEARS.fullmatch(part.lower()) for part in _PARTS.findall(_cut(name)))
    if (units or kinds & {"months", "born"}) and "years" not in kinds:
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
        SourceError: Of the first such column; the message quotes one of its cells.
    """
    passed = {*read, *ignored}
    doubted: dict[str, bool] = {}
    for name, cell in (one for row in rows for one in _cells(row)):
        if name not in doubted:
            doubted[name] = name not in passed and names_an_age(name)
        if doubted[name] and looks_like_age(name, cell):
            called = shortened(name)
            raise SourceError(
                f"{where}: the column {called} looks like an age (it holds "
                f"{str(cell)[:_SHOWN]!r}), and the card does not say that it is one: {advice}. If "
                "it is not the age of the person in the image, name it in the card: "
                f"options: {{ignore: [{_cut(name)}]}}",
                key=f"options.ignore.{_cut(name)}",
            )


def _cells(row: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the cells of a row, those of nested columns as ``column.name``."""
    waiting = deque((str(name), cell, 0) for name, cell in row.items())
    while waiting:
        name, cell, depth = waiting.popleft()
        yield name, cell
        inner = _inner(cell) if depth < _DEEPEST else ()
        waiting.extend((f"{name}.{key}" if key else name, value, depth + 1) for key, value in inner)


def _inner(cell: Any) -> Iterable[tuple[str, Any]]:
    """Return what a cell holds by name: a struct, a map, JSON, or a list of them."""
    if isinstance(cell, str) and cell[:1] in "{[" and 1 < len(cell) <= _LONGEST_JSON:
        try:
            cell = json.loads(cell)
        except (ValueError, RecursionError):
            return ()
    if isinstance(cell, Mapping):
        return [(str(key), value) for key, value in cell.items()]
    if isinstance(cell, list | tuple | np.ndarray):
        pairs = [one for one in cell if isinstance(one, tuple) and len(one) == 2]
        return [(str(key), value) for key, value in pairs] or [
            ("", one) for one in cell if isinstance(one, Mapping | list | np.ndarray)
        ]
    return ()
