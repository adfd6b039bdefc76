"""Layout ``table``: a CSV or Parquet file with one row per face."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from pydantic import Field

from datagen.core.schema import Frozen
from datagen.errors import SourceError
from datagen.sources.age_columns import IgnoredColumns, refuse_unread_ages
from datagen.sources.base import Record, Source, without_suffix

__all__ = ["Columns", "Table", "TableOptions", "number", "read_csv", "text"]


# Ages are the only single numbers in tables.
_MAX = 130


class Columns(Frozen):
    """Names of the columns; a column that is not named here becomes an extra column.

    Numbers of ``box`` and ``landmarks`` are a Parquet list, or text: separated by spaces or commas,
    or a JSON list.

    Attributes:
        image: Path of the image below the root.
        identity: Name of the identity.
        id: Unique id of the row; the image's path without extension if left out.
        box: Face box ``x0 y0 x1 y1`` in pixels of the upright image.
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

    def records(self) -> Iterator[Record]:
        """See base class."""
        table = self.read_table()
        columns: Columns = self.config.columns
        named = columns.model_dump(exclude_none=True)
        if self.card.identity == "per_image":
            named.pop("identity", None)
        for use, column in named.items():
            if column not in table.columns:
                found = ", ".join(map(str, table.columns))
                raise self.error(
                    f"no column {column!r} (for {use}); found {found}", self.config.table
                )
        rows = [{str(k): v for k, v in row.items()} for row in table.to_dict("records")]
        where = f"source {self.card.id!r}: {self.config.table}"
        advice = "map it in the card, as in options: {columns: {age: age}}"
        refuse_unread_ages(rows, set(named.values()), self.config.ignore, where, advice)
        for number, row in enumerate(rows, start=1):
            yield self._record(row, named, f"{where}, row {number}")

    def read_table(self) -> pd.DataFrame:
        """Return the table, with empty cells as missing values and text columns as text.

        Raises:
            SourceError: The table is missing, or neither CSV nor Parquet.
        """
        name = self.config.table
        try:
            if name.endswith(".parquet"):
                return pd.read_parquet(io.BytesIO(self.read(name)))
            where = f"source {self.card.id!r}: {name}"
            return read_csv(io.StringIO(self.read_text(name, "table")), where)
        except FileNotFoundError:
            raise self.error(f"table {self.full_path(name)!r} is missing") from None
        except ValueError as error:
            raise self.error(f"not a table: {error}", name) from None

    def _record(self, row: dict[str, Any], named: dict[str, str], where: str) -> Record:
        def cell(use: str) -> Any:
            return row.get(named[use]) if use in named else None

        path = text(cell("image"))
        if path is None:
            raise SourceError(f"{where}: column {named['image']!r} is empty")
        image_id = text(cell("id")) or without_suffix(path)
        identity = text(cell("identity")) if "identity" in named else image_id
        if identity is None:
            raise SourceError(f"{where}: column {named['identity']!r} is empty")
        points = _numbers(cell("landmarks"), 136, f"{where}: landmarks")
        return Record(
            image_id=image_id,
            path=path.removeprefix("./"),
            identity=identity,
            age=number(cell("age"), f"{where}: age"),
            sex=text(cell("sex")),
            ethnicity=text(cell("ethnicity")),
            split=text(cell("split")),
            license=text(cell("license")),
            attribution=text(cell("attribution")),
            landmarks=None if points is None else points.reshape(68, 2),
            box=_numbers(cell("box"), 4, f"{where}: box"),
            extra={
                key: str(value)
                for key, value in row.items()
                if key not in named.values() and text(value) is not None
            },
        )


def read_csv(content: io.StringIO, where: str) -> pd.DataFrame:
    """Return a CSV table with all cells as text, and empty cells as missing values.

    Raises:
        SourceError: It is not a table, or its rows do not match its header.
    """
    try:
        table = pd.read_csv(content, dtype=str)
    except ValueError as error:  # ParserError and EmptyDataError are of this class
        raise SourceError(f"{where}: not a table: {error}") from None
    # If rows have one cell more than the header, pandas takes the first column as row names and
    # shifts all others to the left.
    if not isinstance(table.index, pd.RangeIndex):
        raise SourceError(f"{where}: the rows have more cells than the header has names")
    return table


def text(value: Any) -> str | None:
    """Return a cell as stripped text; ``None`` if it is empty."""
    if value is None or (isinstance(value, float) and np.isnan(value)) or value is pd.NA:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip() or None


def number(value: Any, where: str) -> float | None:
    """Return a cell as a number; ``None`` if it is empty.

    Raises:
        SourceError: The cell is not a number, or out of range.
    """
    shown = text(value)
    if shown is None:
        return None
    try:
        found = float(shown)
    except ValueError:
        raise SourceError(f"{where}: expected a number, found {shown!r}") from None
    if not 0 <= found <= _MAX:
        raise SourceError(f"{where}: expected a number from 0 to {_MAX}, found {shown!r}")
    return found


def _numbers(value: Any, count: int, where: str) -> np.ndarray[Any, np.dtype[np.float32]] | None:
    if isinstance(value, (list, tuple, np.ndarray)):
        flat = np.asarray(value, dtype=object).ravel()
        parts = [float(x) for part in flat for x in np.ravel(part)]
    else:
        shown = text(value)
        if shown is None:
            return None
        try:
            if shown.startswith("["):
                parts = [float(x) for x in np.ravel(json.loads(shown))]
            else:
                parts = [float(x) for x in shown.replace(",", " ").split()]
        except ValueError:
            raise SourceError(f"{where}: expected {count} numbers, found {shown[:40]!r}") from None
    if len(parts) != count or not np.isfinite(parts).all():
        finite = int(np.isfinite(parts).sum())
        raise SourceError(
            f"{where}: expected {count} finite numbers, found {len(parts)}, {finite} of them finite"
        )
    return np.array(parts, np.float32)
