"""Ages from a table of the user's own, for sets that state none."""

from __future__ import annotations

import io
from collections.abc import Sequence

import fsspec
import pandas as pd

from datagen.errors import SourceError
from datagen.sources.base import Source
from datagen.sources.table import number, read_csv, text

__all__ = ["Ages"]


class Ages:
    """An age for each image (columns ``image``, ``age``) or person (``identity``, ``age``).

    Args:
        source: Whose ages they are.
        name: The CSV table: below the source's root, or a full path or address elsewhere; empty
            when there is none, and every age is then unknown.

    Raises:
        SourceError: Missing, without these columns, or a row that is not as it should be.
    """

    def __init__(self, source: Source, name: str) -> None:
        self._where = f"source {source.card.id!r}: ages table {name!r}"
        self._by = ""
        self._ages: dict[str, float] = {}
        self._met = False
        if name:
            self._fill(read_csv(io.StringIO(_content(source, name, self._where)), self._where))

    def _fill(self, table: pd.DataFrame) -> None:
        keys = [column for column in ("image", "identity") if column in table.columns]
        if len(keys) != 1 or "age" not in table.columns:
            raise SourceError(
                f"{self._where}: want the columns image, age or the columns identity, age; "
                f"it has {', '.join(map(str, table.columns))}"
            )
        self._by = keys[0]
        for row, values in enumerate(table[[self._by, "age"]].to_dict("records")):
            key = text(values[self._by])
            where = f"{self._where}, row {row + 1}"
            age = number(values["age"], f"{where}: age")
            if key is None:
                raise SourceError(f"{where}: column {self._by!r} is empty")
            if key in self._ages:
                raise SourceError(f"{where}: {self._by} {key!r} is given twice")
            if age is not None:
                self._ages[key] = age

    def of(self, images: Sequence[str], identity: str) -> float | None:
        """Return an age in years, or ``None`` when the table does not state it.

        Args:
            images: All names by which the table may call the image.
            identity: The person.

        Raises:
            SourceError: Two rows are about the same image.
        """
        names = images if self._by == "image" else [identity]
        found = [name for name in dict.fromkeys(names) if name in self._ages]
        if len(found) > 1:
            raise SourceError(f"{self._where}: {' and '.join(map(repr, found))} are one image")
        if not found:
            return None
        self._met = True
        return self._ages[found[0]]

    def check_met(self, example: str) -> None:
        """Refuse a table of which no row was about any image: its keys are other ones.

        Args:
            example: A name that would have been met.
        """
        if self._ages and not self._met:
            raise SourceError(
                f"{self._where}: no row is about an image of this source. It has {self._by} "
                f"{next(iter(self._ages))!r}; want such as {example!r}"
            )


def _content(source: Source, name: str, where: str) -> str:
    if "://" not in name and not name.startswith(("/", "~")):
        return source.read_text(name, "ages table")
    try:
        with fsspec.open(name, "rt", encoding="utf-8-sig") as handle:
            return str(handle.read())
    except FileNotFoundError:
        raise SourceError(f"{where} is missing") from None
    except UnicodeDecodeError as error:
        raise SourceError(f"{where} is not UTF-8: {error}") from None
