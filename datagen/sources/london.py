"""Layout ``london``: the Face Research Lab London Set (DeBruine & Jones 2017).

Two forms: as downloaded, with a folder per set of images and an info table; and flat, with a
``people.csv`` that names each image.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from datagen.core.schema import Frozen
from datagen.core.text import shortened
from datagen.errors import SourceError
from datagen.sources.age_columns import IgnoredColumns, refuse_unread_ages
from datagen.sources.base import Record, Source
from datagen.sources.cells import (
    attribute,
    below_root,
    columns_of,
    distinct_cells,
    number,
    read_csv,
    rows_of,
    text,
)

__all__ = ["London", "LondonOptions"]

Expression = Literal["neutral", "smiling"]

# Name of the folder and code of the shot, with which the file name ends.
_SHOTS: dict[Expression, tuple[str, str]] = {
    "neutral": ("neutral_front", "03"),
    "smiling": ("smiling_front", "08"),
}


class LondonOptions(IgnoredColumns):
    """Options of the layout ``london``.

    Attributes:
        expressions: Which of the frontal shots to use.
        info: File name of the info table in the downloaded form.
    """

    expressions: tuple[Expression, ...] = Field(default=("neutral", "smiling"), min_length=1)
    info: str = "london_faces_info.csv"


class London(Source):
    """Face Research Lab London Set, as downloaded or in a flat folder with a ``people.csv``."""

    layout: ClassVar[str] = "london"
    options: ClassVar[type[Frozen]] = LondonOptions
    looks_for_ages: ClassVar[bool] = True

    def records(self) -> Iterator[Record]:
        """See base class."""
        yield from self._records(self.config.expressions)

    def others(self) -> Iterator[Record]:
        """See base class: the shots of the expressions that are left out."""
        left = tuple(name for name in _SHOTS if name not in self.config.expressions)
        if left:
            yield from self._records(left)

    def _records(self, expressions: tuple[Expression, ...]) -> Iterator[Record]:
        if self.exists("people.csv"):
            yield from self._flat(expressions)
        elif self.exists(self.config.info):
            yield from self._downloaded(expressions)
        else:
            raise self.error(
                f"found neither people.csv nor {self.config.info} in {self.root!r}. Download the "
                f"set from {self.card.homepage} and set 'root' to the folder that contains "
                "neutral_front/, smiling_front/ and the info table"
            )

    def _flat(self, expressions: tuple[Expression, ...]) -> Iterator[Record]:
        columns = ("identity_id", "image", "expression")
        for row, values in self._rows("people.csv", columns, "age", 3):
            if values["expression"] in expressions:
                try:
                    path = below_root(str(values["image"]), self.exists)
                except SourceError as error:
                    raise self.error(str(error), "people.csv", f"row {row}", row) from None
                yield self._record(values, str(values["identity_id"]), path, "people.csv", row)

    def _downloaded(self, expressions: tuple[Expression, ...]) -> Iterator[Record]:
        info = self.config.info
        columns = ("face_id", "face_age", "face_gender", "face_eth")
        rows = list(self._rows(info, columns, "face_age", 1))
        for row, values in rows:
            identity = re.sub(r"\D", "", str(values["face_id"])).zfill(3)
            if not re.search(r"\d", str(values["face_id"])):
                found = (
                    f"column 'face_id' holds {shortened(values['face_id'])}, which has no number"
                )
                raise self.error(found, info, f"row {row}", row)
            plain = {
                "age": values["face_age"],
                "sex": values["face_gender"],
                "ethnicity": values["face_eth"],
            }
            for expression in expressions:
                folder, code = _SHOTS[expression]
                path = f"{folder}/{identity}_{code}.jpg"
                cells = {**plain, "expression": expression}
                yield self._record(cells, identity, path, info, row)

    def _rows(
        self, name: str, columns: tuple[str, ...], age: str, needed: int
    ) -> Iterator[tuple[int, dict[str, str | None]]]:
        content = io.StringIO(self.read_text(name, "table"))
        table = read_csv(content, f"source {self.card.id!r}: {name}")
        missing = [column for column in columns if column not in table.columns]
        if missing:
            raise self.error(f"no column {', '.join(missing)}; found {columns_of(table)}", name)
        names = columns[:needed]
        rows = [
            (row, {key: (text if key in names else attribute)(cell) for key, cell in cells.items()})
            for row, cells in rows_of(table)
        ]
        where = f"source {self.card.id!r}: {name}"
        advice = f"the age of the person stands in the column {age!r}"
        cells = distinct_cells(table)
        refuse_unread_ages(cells, [age], self.config.ignore, where, advice)
        for row, values in rows:
            for column in names:
                if values[column] is None:
                    raise self.error(f"column {column!r} is empty", name, f"row {row}", row)
            yield row, values

    def _record(
        self, values: dict[str, str | None], identity: str, path: str, table: str, row: int
    ) -> Record:
        where = f"source {self.card.id!r}: {table}, row {row}"
        return Record(
            image_id=path.rpartition("/")[2].rpartition(".")[0],
            path=path,
            identity=identity,
            age=number(values.get("age"), f"{where}: age"),
            sex=values.get("sex"),
            ethnicity=values.get("ethnicity"),
            extra={"expression": str(values["expression"])},
        )
