"""Ages from a table provided by the user, for sets that state no ages."""

from __future__ import annotations

import io
import logging
import os
import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from datagen.core.addresses import is_address, problem_of_address
from datagen.core.spelling import folded, spelling
from datagen.core.storage import open_storage
from datagen.core.text import shortened
from datagen.errors import SourceError
from datagen.sources.age_columns import refuse_unread_ages
from datagen.sources.base import MAX_LISTING, Source
from datagen.sources.card import ADULT_AGE
from datagen.sources.cells import (
    below_root,
    columns_of,
    distinct_cells,
    number,
    read_csv,
    rows_of,
    text,
)
from datagen.sources.text_files import decoded

__all__ = ["Ages"]

_log = logging.getLogger(__name__)

_MOST_CHARACTERS, _MOST_FOLDERS = 2000, 15
_ENDING = re.compile(r"\.(?:jpe?g|png|webp|bmp|tiff?|avif|0+)$")


class Ages:
    """An age per image (columns ``image``, ``age``) or identity (``identity``, ``age``).

    Args:
        source: The source whose ages they are.
        name: The CSV table: below the source's root, or an absolute path or URL; empty if there
            is none, and every age is then unknown.

    Raises:
        SourceError: The table is missing, lacks these columns, or has a wrong row.
    """

    def __init__(self, source: Source, name: str) -> None:
        self._where = f"source {source.card.id!r}: ages table {name!r}"
        self._by = ""
        self._ages: dict[str, float] = {}
        self._minors: dict[tuple[str, ...], str] = {}
        self._matched: set[str] = set()
        self._ignored: tuple[str, ...] = getattr(source.config, "ignore", ())
        if name:
            self._fill(read_csv(io.StringIO(_content(source, name, self._where)), self._where))

    def _fill(self, table: pd.DataFrame) -> None:
        keys = [column for column in ("image", "identity") if column in table.columns]
        if len(keys) != 1 or "age" not in table.columns:
            raise SourceError(
                f"{self._where}: expected the columns image, age or the columns identity, age; "
                f"it has {columns_of(table)}"
            )
        self._by = keys[0]
        advice = "give each image or identity one age, in the column 'age'"
        cells = distinct_cells(table)
        refuse_unread_ages(cells, ["age"], self._ignored, self._where, advice, mapped=keys)
        for place, values in rows_of(table):
            where = f"{self._where}, row {place}"
            key = text(values[self._by])
            age = number(values["age"], f"{where}: age")
            if key is None:
                raise SourceError(f"{where}: column {self._by!r} is empty")
            name = self._form(key)
            if len(name) > _MOST_CHARACTERS or name.count("/") > _MOST_FOLDERS:
                raise SourceError(
                    f"{where}: {self._by} {shortened(name)} has more than {_MOST_CHARACTERS:,} "
                    f"characters or {_MOST_FOLDERS} folders"
                )
            if name in self._ages:
                raise SourceError(f"{where}: {self._by} {key!r} occurs twice")
            if age is not None:
                self._ages[name] = age
                self._note_minor(name, age)

    def _note_minor(self, name: str, age: float) -> None:
        if not age >= ADULT_AGE:
            parts = _loose(name)
            for start in range(len(parts)):  # a table may write more folders than the source
                self._minors.setdefault(parts[start:], name)

    def _form(self, name: str) -> str:
        """Return a name as it is looked up, however the system wrote it."""
        return spelling(below_root(name, lambda _: False) if self._by == "image" else name)

    def of(self, images: Sequence[str], identity: str) -> float | None:
        """Return an age in years, or ``None`` if the table does not state it.

        The age of a minor also counts where the case of the name, its folders, its ending or
        leading zeros differ.

        Args:
            images: All names that the table may use for the image.
            identity: Name of the identity.

        Raises:
            SourceError: Two rows refer to the same image.
        """
        names = images if self._by == "image" else [identity]
        asked = dict.fromkeys(map(spelling, names))
        found = [name for name in asked if name in self._ages]
        if len(found) > 1:
            raise SourceError(f"{self._where}: {' and '.join(map(repr, found))} are the same image")
        if not found and self._minors:
            loose = (self._minors.get(_loose(name)) for name in asked)
            found = [name for name in loose if name is not None]
        if not found:
            return None
        self._matched.add(found[0])
        return self._ages[found[0]]

    def check_matched(self, example: str) -> None:
        """Check that some row matched an image: otherwise the table uses other names.

        Where some did not, a warning of the log says how many: a wrong name hides an age.

        Args:
            example: A name that would have matched.

        Raises:
            SourceError: No row matched any image.
        """
        if self._ages and not self._matched:
            raise SourceError(
                f"{self._where}: no row matches an image of this source. The table has {self._by} "
                f"{next(iter(self._ages))!r}; expected names such as {example!r}"
            )
        left = [name for name in self._ages if name not in self._matched]
        if left:
            _log.warning(
                "%s: %d of %d rows match no image that is listed: the first has %s %r",
                *(self._where, len(left), len(self._ages), self._by, left[0]),
            )


def _loose(name: str) -> tuple[str, ...]:
    """Return the parts of a name, without what spreadsheets and programs write otherwise."""
    parts = (_ENDING.sub("", part) for part in folded(name).split("/") if part)
    return tuple((part.lstrip("0") or "0") if part.isdecimal() else part for part in parts)


def _content(source: Source, name: str, where: str) -> str:
    if not is_address(name) and not name.startswith(("/", "~")):
        return source.read_text(name, "ages table")
    source.refuse_outside(name)
    if problem := problem_of_address(name):
        raise SourceError(f"{where}: {problem}")
    if not is_address(name) and not Path(os.path.expanduser(name)).is_file():
        raise SourceError(f"{where} is missing, or no regular file")  # also where there is no ~user
    try:
        storage, path = open_storage(name)
        with storage.open(path, "rb") as handle:
            data: bytes = handle.read(MAX_LISTING + 1)
    except FileNotFoundError:
        raise SourceError(f"{where} is missing") from None
    if len(data) > MAX_LISTING:
        raise SourceError(f"{where} has more than {MAX_LISTING >> 20} MiB")
    return decoded(data, where)
