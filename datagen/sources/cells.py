"""Tables of others: from a file's bytes to rows, and from a cell to a text or a number.

A table may be a stranger's, or another file that was named by mistake: its size in memory is known
before it is decoded, and messages name columns and single cells, never the content of what is no
table.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datagen.core.parquet_pages import TEXT, chunks_of, unpacked_size
from datagen.core.text import first_line, first_of, shortened
from datagen.errors import SourceError

__all__ = [
    "attribute",
    "below_root",
    "box_of",
    "check_box",
    "columns_of",
    "number",
    "numbers",
    "parquet_rows",
    "read_csv",
    "rows_of",
    "says_nothing",
    "text",
]

# Ages are the only single numbers in tables.
_MAX = 130
_MAX_PIXEL = 1e9
_MAX_COLUMNS = 1000
_MAX_GROUPS = 10_000
_CELLS_PER_BYTE, _FEW_CELLS = 4, 4_000_000
_MOST_OBJECTS = 8_000_000  # inside of nested columns
_MAX_BYTES = 1 << 30
_HEADER = {"thrift_string_size_limit": 16 << 20, "thrift_container_size_limit": 10_000_000}
_SHOWN = 12
_INDEX = re.compile(r"__index_level_\d+__")  # which pandas adds
_WHOLE = 2**53  # from here on, a floating-point number does not hold every whole one

# What R, pandas and spreadsheets write for a cell that is not stated.
_NOTHING = frozenset(
    {
        *("NA", "N/A", "n/a", "#N/A", "#NA", "#N/A N/A", "<NA>", "NaN", "nan", "-NaN", "-nan"),
        *("None", "null", "NULL", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"),
    }
)
_DRIVE = re.compile(r"[A-Za-z]:[\\/]|\\\\")


def read_csv(content: io.StringIO, where: str) -> pd.DataFrame:
    """Return a CSV table with all cells as text as they are written; see ``rows_of``.

    Raises:
        SourceError: It is not a table, or its rows do not match its header.
    """
    try:
        body = io.StringIO(content.read().lstrip("\r\n"))
        names = next(csv.reader(body), [])
        if len(names) > _MAX_COLUMNS:  # before pandas, which takes seconds for 100,000 of them
            raise SourceError(f"{where}: {len(names)} columns, and at most {_MAX_COLUMNS} are read")
        _refuse_other_delimiter(names, where)
        _refuse_repeated(names, where)
        body.seek(0)
        table = pd.read_csv(body, dtype=str, keep_default_na=False, skip_blank_lines=False)
    except (ValueError, OverflowError, csv.Error) as error:  # those of pandas are ValueErrors
        raise SourceError(f"{where}: not a table: {first_line(error)[:200]}") from None
    # If rows have one cell more than the header, pandas takes the first column as row names and
    # shifts all others to the left.
    if not isinstance(table.index, pd.RangeIndex):
        raise SourceError(f"{where}: the rows have more cells than the header has names")
    return table


def _refuse_other_delimiter(names: list[str], where: str) -> None:
    """Refuse a header of one name that holds another sign between names."""
    for sign, word in {";": "semicolons", "\t": "tabs"}.items():
        if len(names) == 1 and sign in names[0]:
            raise SourceError(
                f"{where}: its columns are separated by {word}: separate them by commas, and write "
                "numbers with a decimal point"
            )


def _refuse_repeated(names: list[str], where: str) -> None:
    """Refuse two columns of one name, of which pandas would rename the second."""
    counts = Counter(name for name in names if name.strip())
    if twice := next((name for name, count in counts.items() if count > 1), ""):
        raise SourceError(f"{where}: two columns are called {shortened(twice)}: rename one of them")


def rows_of(table: pd.DataFrame) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the rows of a table with their numbers, counted from 1, and without blank ones."""
    names = [str(name) for name in table.columns]
    for number, cells in enumerate(table.to_dict("records"), start=1):
        row = dict(zip(names, cells.values(), strict=True))
        if not all(map(_is_blank, cells.values())):
            yield number, row


def _is_blank(cell: Any) -> bool:
    if isinstance(cell, str):
        return not cell.strip()
    return cell is None or cell is pd.NA or cell is pd.NaT or (cell != cell) is True


def parquet_rows(data: bytes) -> pd.DataFrame:
    """Return a Parquet table whose rows need not much more memory than its file.

    Raises:
        ValueError: It is no such table; the message says why.
    """
    try:
        file = pq.ParquetFile(io.BytesIO(data), **_HEADER)
        _check_description(file.metadata, data)
        texts = [
            leaf.path
            for leaf in map(file.metadata.schema.column, range(file.metadata.num_columns))
            if leaf.physical_type == "BYTE_ARRAY"
        ]
        table = pq.ParquetFile(io.BytesIO(data), read_dictionary=texts, **_HEADER).read()
        table.validate(full=True)
        _check_size(sum(_weight(column.type) * _bytes(column) for column in table.columns))
        names = [name for name in table.column_names if not _INDEX.fullmatch(name)]
        if len(set(names)) < len(names):
            raise ValueError("two columns of one name")
        plain = pa.table({name: _plain(table.column(name)) for name in names})
        _check_objects(plain)
        # As objects, because a column of whole numbers with a gap would lose digits otherwise.
        frame: pd.DataFrame = plain.to_pandas(ignore_metadata=True, integer_object_nulls=True)
        return frame
    except (pa.ArrowException, OSError, OverflowError, MemoryError, KeyError, TypeError) as error:
        # A KeyError or TypeError is pandas' word on columns of odd kinds, such as maps.
        raise ValueError(first_line(error)[:200]) from None


def _check_description(about: Any, data: bytes) -> None:
    """Compare what a Parquet file says of itself with what is read."""
    cells = about.num_rows * about.num_columns
    most = max(_FEW_CELLS, _CELLS_PER_BYTE * len(data))
    if about.num_columns > _MAX_COLUMNS or about.num_row_groups > _MAX_GROUPS or cells > most:
        raise ValueError(
            f"{about.num_rows:,} rows of {about.num_columns:,} columns in {about.num_row_groups:,} "
            f"groups: at most {most:,} cells in {_MAX_COLUMNS:,} columns and {_MAX_GROUPS:,} "
            "groups are read of a file of its size"
        )
    chunks = chunks_of(io.BytesIO(data))
    texts = sum(chunk.values for chunk in chunks if chunk.physical == TEXT)
    if texts > most:
        raise ValueError(f"{texts:,} texts: at most {most:,} are read of a file of its size")
    _check_size(8 * sum(chunk.values for chunk in chunks))
    _check_size(unpacked_size(io.BytesIO(data), _MAX_BYTES))
    named = {chunk.path.partition(".")[0] for chunk in chunks if chunk.physical == TEXT}
    _check_size(4 * unpacked_size(io.BytesIO(data), _MAX_BYTES, named))  # as Arrow reads texts


_LISTS = (
    pa.types.is_list,
    pa.types.is_large_list,
    pa.types.is_fixed_size_list,
    pa.types.is_list_view,
    pa.types.is_large_list_view,
)


def _objects(column: Any) -> int:
    """Return how many objects pandas makes of what is inside of a column; a struct is several."""
    kind = column.type
    if pa.types.is_struct(kind):
        fields = [column.field(number) for number in range(kind.num_fields)]
        return 3 * len(column) + sum(map(_objects, fields))
    if any(is_list(kind) for is_list in _LISTS):
        inner = column.flatten()
        return len(column) + (0 if _is_numbers(inner) else _objects(inner))
    if pa.types.is_map(kind):
        return len(column) + 3 * len(column.keys) + _objects(column.items)
    return len(column)


def _is_numbers(values: Any) -> bool:
    """Return whether pandas keeps the values of a list as one array of numbers."""
    number = pa.types.is_integer(values.type) or pa.types.is_floating(values.type)
    return (number or pa.types.is_boolean(values.type)) and not values.null_count


def _check_objects(table: Any) -> None:
    nested = [column for column in table.columns if pa.types.is_nested(column.type)]
    objects = sum(_objects(chunk) for column in nested for chunk in column.chunks)
    if objects > _MOST_OBJECTS:
        raise ValueError(
            f"{objects:,} values in lists of lists, structs or maps: at most {_MOST_OBJECTS:,} are "
            "read. Write lists of numbers without another list in them"
        )


def _check_size(size: int) -> None:
    if size > _MAX_BYTES:
        raise ValueError(
            f"it needs {size >> 20:,} MiB in memory, and at most {_MAX_BYTES >> 20:,} MiB are read"
        )


def _weight(kind: Any) -> int:
    """Return how many bytes Python needs for one of Arrow's: four a character, and the copy."""
    return 1 if pa.types.is_primitive(kind) else 5


def _bytes(column: Any) -> int:
    if not pa.types.is_dictionary(column.type):
        return int(column.nbytes)
    size = 0
    for chunk in column.chunks:
        lengths = pc.binary_length(chunk.dictionary).take(chunk.indices)
        size += int(pc.sum(lengths).as_py() or 0) + chunk.indices.nbytes
    return size


def _plain(column: Any) -> Any:
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def columns_of(table: pd.DataFrame) -> str:
    """Return the names of a table's columns for a message.

    The one column of a file without commas is not shown: it is the first line of whatever it is.
    """
    if len(table.columns) < 2:
        return "one column, without any comma"
    return first_of([str(name)[:40] for name in table.columns], _SHOWN)


def text(value: Any) -> str | None:
    """Return a cell as stripped text, whatever it says; ``None`` if it is empty.

    Raises:
        SourceError: It is a number that has lost its last digits, or bytes that are no text.
    """
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, bytes):
        try:
            value = value.decode()
        except UnicodeDecodeError:
            raise SourceError(f"the cell {shortened(value)} is not UTF-8") from None
    if isinstance(value, float):
        if np.isnan(value):
            return None
        if value.is_integer():
            if abs(value) >= _WHOLE:
                raise SourceError(
                    f"the cell {value:.0f} is stored as a floating-point number, which does not "
                    "hold that many digits: store the column as text"
                )
            value = int(value)
    return str(value).strip() or None


def says_nothing(word: str) -> bool:
    """Return whether a text is one that programs write for a cell that is not stated."""
    return word.strip() in _NOTHING


def attribute(value: Any) -> str | None:
    """Return a cell that describes somebody: as ``text``, but ``NA`` and the like are empty."""
    shown = text(value)
    return None if shown is None or says_nothing(shown) else shown


def below_root(path: str, exists: Callable[[str], bool]) -> str:
    """Return the path of an image in a table with the separators of this system.

    Args:
        path: As the table writes it, perhaps on Windows.
        exists: Whether there is a file of this very name, which may hold a backslash here.

    Raises:
        SourceError: It begins with a drive or a server.
    """
    if _DRIVE.match(path):
        raise SourceError(
            f"the path {shortened(path)} begins with a drive or a server: write it relative to the "
            "root"
        )
    if "\\" not in path or exists(path):
        return path
    return path.replace("\\", "/")


def number(value: Any, where: str) -> float | None:
    """Return a cell as a number; ``None`` if it is empty.

    Raises:
        SourceError: The cell is not a number, or out of range.
    """
    shown = attribute(value)
    if shown is None:
        return None
    try:
        found = float(shown)
    except ValueError:
        raise SourceError(f"{where}: expected a number, found {shortened(shown)}") from None
    if not 0 <= found <= _MAX:
        raise SourceError(f"{where}: expected a number from 0 to {_MAX}, found {shortened(shown)}")
    return found


def numbers(value: Any, count: int, where: str) -> np.ndarray[Any, np.dtype[np.float32]] | None:
    """Return a cell as ``count`` numbers; ``None`` if it is empty.

    Raises:
        SourceError: The cell holds something else, more or fewer, or numbers that are no pixels.
    """
    cell = value
    try:
        if not isinstance(cell, list | tuple | np.ndarray):
            if (cell := attribute(value)) is None:
                return None
            cell = json.loads(cell) if cell.startswith("[") else cell.replace(",", " ").split()
        parts = [float(part) for part in _flat(cell, count)]
    except (OverflowError, RecursionError, TypeError, ValueError):
        raise SourceError(
            f"{where}: expected {count} numbers, found {shortened(value)}: write them as text such "
            "as '1 2 3' or '[1, 2, 3]'"
        ) from None
    finite = sum(abs(part) <= _MAX_PIXEL for part in parts)
    if len(parts) != count or finite != count:
        found = f"more than {count}" if len(parts) > count else str(len(parts))
        raise SourceError(
            f"{where}: expected {count} finite numbers, found {found}, {finite} of them finite"
        )
    return np.array(parts, np.float32)


def box_of(value: Any, where: str) -> np.ndarray[Any, np.dtype[np.float32]] | None:
    """Return a cell as a face box ``x0 y0 x1 y1`` in pixels; ``None`` if it is empty.

    Raises:
        SourceError: The cell holds something else, or a box of another form.
    """
    found = numbers(value, 4, where)
    return None if found is None else check_box(found, where)


def check_box(
    box: np.ndarray[Any, np.dtype[np.float32]], where: str
) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return a face box that has a width and a height in pixels.

    Raises:
        SourceError: It has none; the message says which form it may have.
    """
    shown = " ".join(f"{side:g}" for side in box)
    if not (box[2:] > box[:2]).all():
        raise SourceError(
            f"{where}: expected x0 y0 x1 y1, where x1 and y1 must be greater than x0 and y0, found "
            f"{shown}. Are these x, y, width and height?"
        )
    if (box >= 0).all() and (box <= 1).all():
        raise SourceError(
            f"{where}: {shown} are shares of the image's sides: write the box in pixels"
        )
    return box


def _flat(value: Any, count: int) -> Iterator[Any]:
    """Yield the first ``count + 1`` values of a list, or of a list of lists."""
    left = count + 1
    for part in value:
        for one in part if isinstance(part, list | tuple | np.ndarray) else (part,):
            if not left:
                return
            left -= 1
            yield one
