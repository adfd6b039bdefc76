"""Reading Parquet files of others: what a file may need is known before anything is decoded.

A file of a megabyte can hold four gigabytes of repeated text. Texts are therefore read as
dictionaries, checked, and only then written out.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datagen.core.parquet_pages import chunks_of, unpacked_size
from datagen.core.text import first_line, near
from datagen.errors import ReleaseError
from datagen.release.folder import Folder
from datagen.release.grammar import Broken, Items, Rule, broken_rows

__all__ = ["MAX_ROWS", "MAX_TABLE_BYTES", "broken_columns", "open_table", "plain_table"]

MAX_ROWS = 1 << 20
"""Most rows of one file; the largest shard of a recipe has some two hundred thousand."""

MAX_TABLE_BYTES = 1 << 30
"""Most bytes of the columns that are read of one file, written out."""

_MAX_FILE_BYTES = 1 << 30
_MAX_ROW_GROUPS = 4096
_MAX_COLUMNS = 256
_MAX_HEADER_TEXT = 16 << 20  # the file's own schema and metadata


def open_table(
    folder: Folder,
    name: str,
    schema: pa.Schema,
    rules: Mapping[str, Rule],
    columns: Sequence[str] | None = None,
    optional: Collection[str] = (),
) -> pa.Table:
    """Return columns of a file, text as dictionaries, not yet checked by value.

    Args:
        folder: The release.
        name: Name of the file in it.
        schema: Columns that the file may have, with their types.
        rules: Rule of each column.
        columns: Names of the columns to read; by default all of the schema.
        optional: Columns of the schema that a file may lack.

    Raises:
        ReleaseError: The file is missing, damaged or too large, or has not these columns.
    """
    try:
        source = _source(folder, name)
        limits = {
            "thrift_string_size_limit": _MAX_HEADER_TEXT,
            "thrift_container_size_limit": _MAX_ROW_GROUPS * _MAX_COLUMNS,
        }
        chunks_of(source)  # before Arrow, which keeps the path of each column
        file = pq.ParquetFile(source, **limits)
        if columns is None:
            there = file.schema_arrow.names
            columns = [one for one in schema.names if one in there or one not in optional]
        wanted = _wanted(folder, name, file, schema, columns)
        leaves = _leaves(folder, name, source, file.metadata, wanted, rules)
        texts = [leaf for leaf, physical in leaves if physical == "BYTE_ARRAY"]
        file = pq.ParquetFile(source, metadata=file.metadata, read_dictionary=texts, **limits)
        table = file.read(columns=wanted).select(wanted)
        table.validate(full=True)  # also that text is UTF-8 and lists lie within their values
    except FileNotFoundError:
        raise _error(folder, name, "is missing: 'datagen verify' lists what is damaged") from None
    except (pa.ArrowException, OSError, ValueError, KeyError, OverflowError, MemoryError) as error:
        problem = first_line(error)[:200]
        raise _error(
            folder, name, f"cannot be read: {problem}: 'datagen verify' lists what is damaged"
        ) from None
    return table


def broken_columns(table: pa.Table, schema: pa.Schema, rules: Mapping[str, Rule]) -> list[Broken]:
    """Return what breaks the rules of the columns, one entry per column at most."""
    return [
        broken
        for name in table.column_names
        for broken in broken_rows(
            name, table.column(name), rules[name], schema.field(name).nullable
        )
    ]


def plain_table(
    folder: Folder,
    name: str,
    table: pa.Table,
    schema: pa.Schema,
    dictionary: Sequence[str] = (),
) -> pa.Table:
    """Return a checked table with its texts written out, as the schema says.

    Args:
        folder: The release.
        name: Name of the file, for the message.
        table: A table from ``open_table`` that has passed the rules.
        schema: Fields of the columns.
        dictionary: Text columns that stay dictionaries.

    Raises:
        ReleaseError: The texts are too large.
    """
    kept = [column for column in dictionary if column in table.column_names]
    texts = [column for column in table.column_names if column not in kept]
    size = sum(_text_bytes(chunk) for column in texts for chunk in table.column(column).chunks)
    if size > MAX_TABLE_BYTES:
        raise _error(
            folder, name, f"needs {size >> 20:,} MiB, at most {MAX_TABLE_BYTES >> 20:,} are read"
        )
    columns, fields = [], []
    for column in table.column_names:
        plain, field = table.column(column), schema.field(column)
        if column in kept:
            field = pa.field(column, plain.type, field.nullable)
        else:
            plain = _plain(plain, field.type)
        columns.append(plain)
        fields.append(field)
    return pa.Table.from_arrays(columns, schema=pa.schema(fields, table.schema.metadata))


def _error(folder: Folder, name: str, problem: str, key: str | None = None) -> ReleaseError:
    where = f"{folder}/{name}"
    return ReleaseError(f"{where}{'' if problem[0] == ':' else ' '}{problem}", path=where, key=key)


def _source(folder: Folder, name: str) -> pa.NativeFile | io.BytesIO:
    if folder.local is None:
        return io.BytesIO(folder.read(name, limit=_MAX_FILE_BYTES))
    path = folder.path(name)
    if path.stat().st_size > _MAX_FILE_BYTES:
        raise ValueError(f"{path.stat().st_size:,} bytes, at most {_MAX_FILE_BYTES:,} are read")
    return pa.memory_map(str(path))  # columns that are not asked for stay on disk


def _wanted(
    folder: Folder,
    name: str,
    file: pq.ParquetFile,
    schema: pa.Schema,
    columns: Sequence[str],
) -> list[str]:
    found = file.schema_arrow
    if len(set(found.names)) != len(found.names):
        raise ValueError("two columns of one name")
    for field in found:
        if field.name not in schema.names:
            raise _error(
                folder,
                name,
                f"has a column {field.name[:80]!r}, which is not one of the schema",
                field.name[:80],
            )
        expected = schema.field(field.name).type
        if field.type != expected:
            raise _error(
                folder,
                name,
                f"column {field.name!r} holds {str(field.type)[:80]}, the schema says {expected}",
                field.name,
            )
    for column in columns:
        if column not in found.names:
            raise _error(
                folder,
                name,
                f": the manifest has no column {column!r}.{near(column, found.names)} "
                "manifests/SCHEMA.md lists the columns",
                column,
            )
    return list(columns)


def _leaves(
    folder: Folder,
    name: str,
    source: Any,
    about: Any,
    wanted: Sequence[str],
    rules: Mapping[str, Rule],
) -> list[tuple[str, str]]:
    """Return path and physical type of the wanted columns' values, if they are few enough."""
    if about.num_rows > MAX_ROWS or about.num_row_groups > _MAX_ROW_GROUPS:
        raise _error(
            folder,
            name,
            f"has {about.num_rows:,} rows in {about.num_row_groups:,} groups, at most "
            f"{MAX_ROWS:,} in {_MAX_ROW_GROUPS:,} are read",
        )
    values = dict.fromkeys(wanted, 0)
    for chunk in chunks_of(source):
        column = chunk.path.partition(".")[0]
        if column in values:
            values[column] += chunk.values
    size = unpacked_size(source, MAX_TABLE_BYTES, wanted)
    if size > MAX_TABLE_BYTES:
        raise _error(
            folder, name, f"needs {size >> 20:,} MiB, at most {MAX_TABLE_BYTES >> 20:,} are read"
        )
    for column, count in values.items():
        rule = rules[column]
        if count > about.num_rows * max(_most(rule), 1):
            raise _error(
                folder,
                name,
                f"column {column!r} has {count:,} values in {about.num_rows:,} rows, allowed: "
                f"{rule.allowed}",
                column,
            )
    leaves = [about.schema.column(number) for number in range(about.num_columns)]
    return [
        (leaf.path, leaf.physical_type) for leaf in leaves if leaf.path.partition(".")[0] in values
    ]


def _most(rule: Rule) -> int:
    """Return the most values that a row of a column may hold."""
    return rule.most * _most(rule.rule) if isinstance(rule, Items) else 1


def _text_bytes(chunk: Any) -> int:
    values = pc.list_flatten(chunk) if pa.types.is_list(chunk.type) else chunk
    if not pa.types.is_dictionary(values.type):
        return 0
    lengths = pc.binary_length(values.dictionary).take(values.indices)
    return int(pc.sum(lengths).as_py() or 0)


def _plain(column: Any, kind: pa.DataType) -> Any:
    if pa.types.is_dictionary(column.type):
        return column.cast(kind)
    if pa.types.is_list(column.type) and pa.types.is_dictionary(column.type.value_type):
        return pa.chunked_array([_plain_list(chunk, kind) for chunk in column.chunks], kind)
    return column


def _plain_list(chunk: Any, kind: pa.DataType) -> Any:
    counts = pc.list_value_length(chunk).fill_null(0).to_numpy(zero_copy_only=False)
    offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]), pa.int32())
    values = pc.list_flatten(chunk).cast(kind.value_type)
    missing = chunk.is_null() if chunk.null_count else None
    return pa.ListArray.from_arrays(offsets, values, type=kind, mask=missing)
