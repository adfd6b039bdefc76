"""Layout ``table``: a CSV or Parquet file with one row per face, in an image or a video."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from pydantic import Field

from datagen.core.schema import Frozen
from datagen.core.text import shortened
from datagen.errors import SourceError
from datagen.sources.age_columns import IgnoredColumns, refuse_no_years, refuse_unread_ages
from datagen.sources.base import VIDEO_SUFFIXES, Record, Source, without_suffix
from datagen.sources.cells import (
    attribute,
    below_root,
    box_of,
    columns_of,
    distinct_cells,
    number,
    numbers,
    read_csv,
    rows_of,
    says_nothing,
    text,
)
from datagen.sources.inner_names import text_of
from datagen.sources.listing import only_with
from datagen.sources.nested_columns import columns_to_read
from datagen.sources.parquet_table import parquet_rows

__all__ = ["Columns", "Table", "TableOptions"]

_PLAIN = ("sex", "ethnicity", "split", "license")  # never in brackets
_ADVICE = "map it in the card, as in options: {columns: {age: age}}"


class Columns(Frozen):
    """Names of the columns; a column that is not named here becomes an extra column.

    Numbers of ``box`` and ``landmarks`` are a Parquet list, or text: separated by spaces or commas,
    or a JSON list.

    Attributes:
        image: Path of the image or video below the root.
        identity: Name of the identity.
        id: Unique id of the row; the image's path without extension if left out.
        box: Face box ``x0 y0 x1 y1`` in pixels of the upright image; of a video, the place where
            the person mostly is.
        landmarks: The 68 points ``x0 y0 x1 y1 …`` in 300-W order, in pixels of the upright image.
        age: Age in years.
        sex: Sex.
        ethnicity: Ethnicity.
        split: Official split.
        license: SPDX expression of the image's own license.
        attribution: Attribution that the image requires.
    """

    image: str = "image"
    identity: str | None = "identity"
    id: str | None = None
    box: str | None = None
    landmarks: str | None = None
    age: str | None = None
    sex: str | None = None
    ethnicity: str | None = None
    split: str | None = None
    license: str | None = None
    attribution: str | None = None


class TableOptions(IgnoredColumns):
    """Options of the layout ``table``.

    Attributes:
        table: File name of the table, below the root; CSV or Parquet.
        columns: Names of the columns.
        ignore: See ``IgnoredColumns``.
    """

    table: str = "faces.csv"
    columns: Columns = Field(default_factory=Columns)


class Table(Source):
    """A CSV or Parquet table with one row per face, and the images that it lists."""

    layout: ClassVar[str] = "table"
    options: ClassVar[type[Frozen]] = TableOptions
    looks_for_ages: ClassVar[bool] = True

    def records(self) -> Iterator[Record]:
        """See base class."""
        named = self._mapped()
        table = self._table(named)
        for use, column in named.items():
            if column not in table.columns:
                raise self.error(
                    f"no column {shortened(column)} (for {use}); found {columns_of(table)}",
                    self.config.table,
                )
        where = f"source {self.card.id!r}: {self.config.table}"
        # What is mapped to anything else is not read as an age, whatever the card calls it.
        read = [named["age"]] if "age" in named else []
        for column in read:
            refuse_no_years(column, where)
        free = {column for use, column in named.items() if use not in _PLAIN}
        cells = distinct_cells(table)
        refuse_unread_ages(cells, read, self.config.ignore, where, _ADVICE, mapped=free)
        for place, row in rows_of(table):
            try:
                yield self._record(row, named)
            except SourceError as error:
                raise SourceError(f"{where}, row {place}: {error}", row=place) from None

    def clip_records(self) -> Iterator[Record]:
        """See base class; a row's box says where in the video its person is."""
        rows = list(self.records())
        listed = set(only_with(VIDEO_SUFFIXES, (row.path for row in rows), self.passed_over))
        return (row for row in rows if row.path in listed)

    def other_clips(self) -> Iterator[Record]:
        """See base class: the rows that are images."""
        return (row for row in self.records() if not row.path.lower().endswith(VIDEO_SUFFIXES))

    def label_of(self, record: Record) -> str | None:
        """See base class."""
        return record.extra.get(self.config.columns.identity or "")

    def _mapped(self) -> dict[str, str]:
        """Return the columns that the card maps, by their use."""
        columns: Columns = self.config.columns
        named = columns.model_dump(exclude_none=True)
        if self.card.identity == "per_image":
            named.pop("identity", None)
        return named

    def _table(self, named: dict[str, str]) -> pd.DataFrame:
        """Return the table, with empty cells as missing values and text columns as text.

        Raises:
            SourceError: The table is missing, or neither CSV nor Parquet.
        """
        name = self.config.table
        where = f"source {self.card.id!r}: {name}"
        if not name.lower().endswith(".parquet"):
            return read_csv(io.StringIO(self.read_text(name, "table")), where)

        def choose(schema: Any) -> list[str]:
            return columns_to_read(schema, named.values(), self.config.ignore, where, _ADVICE)

        try:
            return parquet_rows(self.read_table(name, "table"), choose)
        except ValueError as error:
            raise self.error(f"not a table: {error}", name) from None

    def _record(self, row: dict[str, Any], named: dict[str, str]) -> Record:
        def cell(use: str) -> Any:
            return row.get(named[use]) if use in named else None

        path = text(cell("image"))
        if path is None:
            raise SourceError(f"column {named['image']!r} is empty")
        path = below_root(path, self.exists)
        image_id = text(cell("id")) or without_suffix(path)
        identity = text(cell("identity")) if "identity" in named else image_id
        if identity is None:
            raise SourceError(f"column {named['identity']!r} is empty")
        points = numbers(cell("landmarks"), 136, "landmarks")
        return Record(
            image_id=image_id,
            path=path.removeprefix("./"),
            identity=identity,
            age=number(cell("age"), "age"),
            sex=attribute(cell("sex")),
            ethnicity=attribute(cell("ethnicity")),
            split=attribute(cell("split")),
            license=_license(cell("license")),
            attribution=attribute(cell("attribution")),
            landmarks=None if points is None else points.reshape(68, 2),
            box=box_of(cell("box"), "box"),
            extra=dict(self._extra(row, named)),
        )

    def _extra(self, row: dict[str, Any], named: dict[str, str]) -> Iterator[tuple[str, str]]:
        for key, value in row.items():
            # Where every image counts alone, the column of the identity is one of these.
            kept = text if key == self.config.columns.identity else attribute
            if isinstance(value, list | tuple | dict | np.ndarray) or key in named.values():
                continue
            if isinstance(value, bytes):
                if (shown := text_of(value)) and shown.isprintable():
                    yield key, shown
            elif isinstance(value, float) and key != self.config.columns.identity:
                if not math.isnan(value):  # also a number that no text may be made of
                    yield key, str(value)
            elif kept(value) is not None:
                yield key, str(value)


def _license(cell: Any) -> str | None:
    """Return the license of an image; ``None`` as a word is one, which permits nothing."""
    shown = text(cell)
    return None if shown and says_nothing(shown) and shown != "None" else shown
