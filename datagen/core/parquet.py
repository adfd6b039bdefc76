"""Reading a Parquet table of others: what it needs is known before it is decoded.

A file of a megabyte can hold gigabytes of one repeated text. Sizes are therefore taken from what
each page of the file says of itself, and texts are read as dictionaries and written out only if
they are small enough.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datagen.core.parquet_pages import chunks_of, unpacked_size
from datagen.core.text import counted, first_line

__all__ = ["MAX_TABLE", "read_parquet", "table_limit"]

MAX_TABLE = 4 << 30
"""Most bytes of a table of others in memory, however large its file."""

_SMALL = 256 << 20
_RATIO = 16  # a table of ids and numbers is some three to ten times its file
_MAX_COLUMNS = 4096
_MAX_GROUPS = 16_384
_MAX_HEADER = 16 << 20  # bytes of one name or of the metadata in the file's description
_INDEX = 4  # bytes of a place in a dictionary


def table_limit(size: int, small: int = _SMALL) -> int:
    """Return how many bytes the table in a file of ``size`` bytes may have, at least ``small``."""
    return min(max(small, _RATIO * size), MAX_TABLE)


def read_parquet(path: Path, columns: Collection[str], limit: int | None = None) -> pa.Table:
    """Return the columns of a flat table, those of the file among ``columns``, in its order.

    Args:
        path: The file.
        columns: Names of the columns to read; without any of them in the file, the table has
            all its columns and no rows, so that a message can name them.
        limit: Most bytes of the columns in memory; by default ``table_limit`` of the file's size.

    Raises:
        ValueError: The file is not a table, is damaged, needs too much, or has nested columns.
        OSError: It cannot be read.
    """
    if not path.is_file():  # a pipe would be waited for
        raise ValueError("it is not a file")
    limit = table_limit(path.stat().st_size) if limit is None else limit
    try:
        return _read(path, columns, limit)
    except (pa.ArrowException, UnicodeDecodeError, MemoryError, OverflowError) as error:
        raise ValueError(first_line(error)[:200]) from None


def _read(path: Path, columns: Collection[str], limit: int) -> pa.Table:
    limits = {
        "thrift_string_size_limit": _MAX_HEADER,
        "thrift_container_size_limit": _MAX_GROUPS * 16,
    }
    with path.open("rb") as raw:
        chunks_of(raw)  # before Arrow, which keeps the path of each column
    file = pq.ParquetFile(path, **limits)
    try:
        schema, about = file.schema_arrow, file.metadata
        if about.num_columns > _MAX_COLUMNS or about.num_row_groups > _MAX_GROUPS:
            raise ValueError(
                f"it has {counted(about.num_columns, 'column')} in "
                f"{counted(about.num_row_groups, 'group')}: at most {_MAX_COLUMNS} in "
                f"{_MAX_GROUPS} are read"
            )
        wanted = [name for name in schema.names if name in columns]
        if not wanted or len(set(wanted)) < len(wanted):
            return schema.empty_table()  # whose names tell why
        texts = _check_description(path, schema, about, wanted, limit)
    finally:
        file.close()
    with pq.ParquetFile(path, read_dictionary=texts, **limits) as again:
        table = again.read(columns=wanted)
    table.validate(full=True)  # also that texts are UTF-8 and places lie in their dictionary
    _check_size(sum(_bytes(column) for column in table.columns), limit)
    columns = [_written_out(column) for column in table.columns]
    return pa.table(columns, table.column_names).replace_schema_metadata(schema.metadata)


def _check_description(
    path: Path, schema: pa.Schema, about: Any, wanted: list[str], limit: int
) -> list[str]:
    """Compare what the file says of itself with the limit; return the columns of text."""
    size, texts = 0, []
    for name in wanted:
        kind = schema.field(name).type
        if pa.types.is_dictionary(kind):
            kind = kind.value_type
        if pa.types.is_nested(kind) or isinstance(kind, pa.BaseExtensionType):
            raise ValueError(
                f"column {name!r} holds {str(kind)[:80]} values, expected texts or numbers"
            )
        size += about.num_rows * _width(kind)
        if _is_text(kind):
            texts.append(name)
    _check_size(size, limit)
    with path.open("rb") as file:
        _check_size(size + unpacked_size(file, limit - size, wanted), limit)
    return texts


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        raise ValueError(
            f"its columns need {size >> 20:,} MiB in memory, and at most {limit >> 20:,} MiB are "
            "read of a file of its size"
        )


def _is_text(kind: pa.DataType) -> bool:
    return any(
        test(kind)
        for test in (
            pa.types.is_string,
            pa.types.is_large_string,
            pa.types.is_binary,
            pa.types.is_large_binary,
            pa.types.is_string_view,
            pa.types.is_binary_view,
        )
    )


def _width(kind: pa.DataType) -> int:
    if _is_text(kind) or pa.types.is_null(kind):
        return _INDEX
    return -(-int(kind.bit_width) // 8)


def _bytes(column: Any) -> int:
    """Return the bytes of a column when its texts are written out."""
    kind = column.type
    if not (pa.types.is_dictionary(kind) and _is_text(kind.value_type)):
        return int(column.nbytes)
    size = 0
    for chunk in column.chunks:
        lengths = pc.binary_length(chunk.dictionary).take(chunk.indices)
        size += (pc.sum(lengths).as_py() or 0) + 2 * _INDEX * len(chunk)
    return size


def _written_out(column: Any) -> Any:
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
