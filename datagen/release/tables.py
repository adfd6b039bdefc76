"""Writing the tables of a release: the same rows give the same bytes."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["table_bytes", "write_table"]


def write_table(rows: Sequence[dict[str, Any]], schema: pa.Schema, path: Path) -> pa.Table:
    """Write rows as a Parquet file and return them as a table.

    Raises:
        ValueError: A row has no value in a column that may not be null.
    """
    table = _table(rows, schema)
    pq.write_table(table, path, compression="zstd")
    return table


def table_bytes(rows: Sequence[dict[str, Any]], schema: pa.Schema) -> bytes:
    """Return rows as the bytes of a Parquet file; see ``write_table``."""
    sink = io.BytesIO()
    pq.write_table(_table(rows, schema), sink, compression="zstd")
    return sink.getvalue()


def _table(rows: Sequence[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    for column in schema:
        if not column.nullable and any(row.get(column.name) is None for row in rows):
            raise ValueError(f"column {column.name!r} may not be null")
    return pa.Table.from_pylist(list(rows), schema)
