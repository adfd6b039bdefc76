"""Parquet tables of others: the columns that are chosen, with their size in memory known before.

Columns that are not chosen are never decoded, whatever they hold.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datagen.core.parquet_pages import TEXT, Chunk, chunks_of, unpacked_size
from datagen.core.text import first_line, shortened

__all__ = ["parquet_rows", "stored"]

_MAX_COLUMNS = 1000
_MAX_GROUPS = 10_000
_CELLS_PER_BYTE, _FEW_CELLS = 4, 4_000_000
_MOST_LISTS = 4_000_000  # pandas makes an array of each
_MOST_VALUES = 300  # a row: a box and landmarks have 140
_DECIMAL = 7  # times 16 bytes
_NANOSECONDS = 9_223_200_000  # seconds that pandas' nanoseconds reach, less a day
_SECONDS = -62_100_000_000, 253_300_000_000  # years 2 to 9996: in every time zone a day of Python's
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_MAX_BYTES = 1 << 30
_HEADER = {"thrift_string_size_limit": 16 << 20, "thrift_container_size_limit": 10_000_000}
_INDEX = re.compile(r"__index_level_\d+__")  # which pandas adds


def parquet_rows(data: bytes, choose: Callable[[Any], Sequence[str]]) -> pd.DataFrame:
    """Return columns of a Parquet table that need not much more memory than its file.

    Args:
        data: The file.
        choose: Returns the names of the columns to read, given the ``pyarrow.Schema``.

    Raises:
        ValueError: It is no such table; the message says why.
    """
    try:
        chunks = chunks_of(io.BytesIO(data))  # before Arrow, which keeps the path of each column
        file = pq.ParquetFile(io.BytesIO(data), **_HEADER)
        about, schema = file.metadata, file.schema_arrow
        if about.num_columns > _MAX_COLUMNS or about.num_row_groups > _MAX_GROUPS:
            raise ValueError(
                f"{about.num_columns:,} columns in {about.num_row_groups:,} groups: at most "
                f"{_MAX_COLUMNS:,} columns and {_MAX_GROUPS:,} groups are read"
            )
        if len(set(schema.names)) < len(schema.names):
            raise ValueError("two columns of one name")
        names = [name for name in choose(schema) if not _INDEX.fullmatch(name)]
        fields = [schema.field(name) for name in names]
        texts = _check_description(data, about.num_rows, fields, list(_below(chunks, names)))
        file = pq.ParquetFile(io.BytesIO(data), read_dictionary=texts, **_HEADER)
        table = file.read(columns=names).select(names)
        table.validate(full=True)
        _check_size(sum(_weight(column.type) * _bytes(column) for column in table.columns))
        _check_lists(table)
        plain = pa.table({name: _plain(table.column(name)) for name in names})
        # As objects, because a column of whole numbers with a gap would lose digits otherwise.
        frame: pd.DataFrame = plain.to_pandas(ignore_metadata=True, integer_object_nulls=True)
        return frame
    except (pa.ArrowException, OSError, OverflowError, MemoryError, KeyError, TypeError) as error:
        # A KeyError or TypeError is pandas' word on columns of odd kinds.
        problem = first_line(error)[:200]
        unread = "mplemented" in problem
        raise ValueError(
            f"{problem} Write the file with another encoding" if unread else problem
        ) from None


def _check_description(
    data: bytes, rows: int, fields: Sequence[Any], chunks: Sequence[Chunk]
) -> list[str]:
    """Compare what a Parquet file says of columns with what is read; return those of texts."""
    cells = rows * len(fields)
    most = max(_FEW_CELLS, _CELLS_PER_BYTE * sum(chunk.length for chunk in chunks))
    if cells > most:
        raise ValueError(
            f"{rows:,} rows of {len(fields):,} columns: at most {most:,} cells are read from "
            "columns of this size"
        )
    _check_size(rows * sum(_width(field.type) for field in fields))
    _check_size(8 * sum(chunk.values for chunk in chunks))
    _check_size(unpacked_size(io.BytesIO(data), _MAX_BYTES, {chunk.path for chunk in chunks}))
    texts = {chunk.path for chunk in chunks if chunk.physical == TEXT}
    for field in fields:
        if field.name in texts and pa.types.is_decimal(stored(field.type)):
            raise ValueError(
                f"column {shortened(field.name)} holds decimals of any length: write them as "
                "numbers or as text"
            )
    _check_size(4 * unpacked_size(io.BytesIO(data), _MAX_BYTES, texts))  # as Arrow reads texts
    return sorted(texts)


def _below(chunks: Iterable[Chunk], names: Iterable[str]) -> Iterable[Chunk]:
    """Return the chunks that Arrow reads for these columns: a dot in a name is one in a path."""
    chosen = set(names)
    for chunk in chunks:
        parts = chunk.path.split(".")
        if any(".".join(parts[:count]) in chosen for count in range(1, len(parts) + 1)):
            yield chunk


def stored(kind: Any) -> Any:
    """Return what an extension type is stored as, and any other type as it is."""
    return kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind


def _width(kind: Any) -> int:
    """Return the bytes of each value, also of one that a dictionary names many times."""
    plain = stored(kind)
    fixed = pa.types.is_fixed_size_binary(plain) or pa.types.is_decimal(plain)
    return int(plain.byte_width) if fixed else 0


def _check_size(size: int) -> None:
    if size > _MAX_BYTES:
        raise ValueError(
            f"it needs {size >> 20:,} MiB in memory, and at most {_MAX_BYTES >> 20:,} MiB are read"
        )


def _check_lists(table: Any) -> None:
    nested = [column for column in table.columns if pa.types.is_nested(column.type)]
    lists = sum(len(column) for column in nested)
    values = 0
    for chunk in (chunk for column in nested for chunk in column.chunks):
        inner = chunk.flatten()
        if pa.types.is_nested(inner.type):
            lists += len(inner)
            inner = inner.flatten()
        values += len(inner)
    if lists > _MOST_LISTS or values > _MOST_VALUES * max(1, table.num_rows):
        raise ValueError(
            f"{lists:,} lists of {values:,} numbers: at most {_MOST_LISTS:,} lists and "
            f"{_MOST_VALUES:,} numbers a row are read"
        )


def _weight(kind: Any) -> int:
    """Return how many bytes Python needs for one of Arrow's: four a character, and the copy."""
    if pa.types.is_decimal(stored(kind)):
        return _DECIMAL
    text = pa.types.is_dictionary(kind) or pa.types.is_string(kind) or pa.types.is_binary(kind)
    text = text or pa.types.is_large_string(kind) or pa.types.is_large_binary(kind)
    return 5 if text or pa.types.is_nested(kind) else 1  # a list with a gap is one of objects


def _bytes(column: Any) -> int:
    if not pa.types.is_dictionary(column.type):
        return int(column.nbytes)
    size = 0
    for chunk in column.chunks:
        lengths = pc.binary_length(chunk.dictionary).take(chunk.indices)
        size += int(pc.sum(lengths).as_py() or 0) + chunk.indices.nbytes
    return size


def _plain(column: Any) -> Any:
    """Return a column without Arrow's own kinds, and times that Python cannot hold as texts."""
    kind = stored(column.type)
    plain = column.cast(kind.value_type if pa.types.is_dictionary(kind) else kind)
    if not _beyond_years(plain):
        return plain
    return pc.replace_substring_regex(plain.cast(pa.string()), "<value out of range: (.*)>", r"\1")


def _beyond_years(column: Any) -> bool:
    """Return whether a column of times has one that Python cannot hold."""
    kind = column.type
    if pa.types.is_date32(kind):
        found = [86400 * day for day in pc.min_max(column.cast(pa.int32())).as_py().values() if day]
    elif pa.types.is_timestamp(kind) or pa.types.is_date64(kind):
        per_second = _PER_SECOND[kind.unit] if pa.types.is_timestamp(kind) else 1000
        ends = pc.min_max(column.cast(pa.int64())).as_py().values()
        found = [end // per_second for end in ends if end]
    else:
        return False
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        return any(abs(end) > _NANOSECONDS for end in found)
    return any(not _SECONDS[0] <= end <= _SECONDS[1] for end in found)
