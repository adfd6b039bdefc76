from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datagen.release.tables import table_bytes, write_table

SCHEMA = pa.schema([pa.field("name", pa.string(), False), pa.field("size", pa.int32(), True)])


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"name": "a", "size": 1}, {"name": "b", "size": None}]
    write_table(rows, SCHEMA, tmp_path / "a.parquet")
    assert (tmp_path / "a.parquet").read_bytes() == table_bytes(rows, SCHEMA)
    assert pq.read_table(tmp_path / "a.parquet").to_pylist() == rows


def test_null_is_refused_where_it_may_not_be() -> None:
    with pytest.raises(ValueError, match="'name' may not be null"):
        table_bytes([{"size": 1}], SCHEMA)
