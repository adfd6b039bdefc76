"""What analyzers found, kept between runs: one sealed table per source and analyzer."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from datagen.core.digests import digest_of
from datagen.core.paths import cache_folder
from datagen.core.sealed import read_sealed, write_sealed
from datagen.faces.index import INDEX_SCHEMA

__all__ = ["AnalysisCache"]

_OWN = ("stamp", "problem", "detail")
_SHARED = (
    *("image_id", "path", "sha256", "face_no", "width", "height", "orientation"),
    *("phash", "box", "landmarks", "mesh", "yaw", "pitch", "roll", "embedding"),
)
_SCHEMA = pa.schema(
    [*(pa.field(name, pa.string()) for name in _OWN), *map(INDEX_SCHEMA.field, _SHARED)],
    metadata={"datagen.index": "3"},
)

Rows = list[dict[str, Any]]


class AnalysisCache:
    """What an analyzer found in each image; read once and written once.

    Args:
        source_id: Id of the source's card.
        place: What distinguishes two copies of a source (root, layout, options).
        analyzer: Version text of the analyzer.
    """

    def __init__(self, source_id: str, place: Mapping[str, Any], analyzer: str) -> None:
        name = f"{source_id}-{digest_of(dict(place))[:12]}-{digest_of(analyzer)[:12]}.faces"
        self.path = cache_folder() / "index" / name

    def load(self) -> dict[str, Rows]:
        """Return the rows of each ``image_id``; a damaged or older file counts as empty."""
        data = read_sealed(self.path)
        if data is None:
            return {}
        try:
            stored = pq.read_schema(pa.BufferReader(data))
            if not stored.equals(_SCHEMA) or stored.metadata != _SCHEMA.metadata:
                return {}  # of another version: columns may be missing or mean something else
            table = pq.read_table(pa.BufferReader(data))
        except pa.ArrowException:
            return {}  # of another version
        found: dict[str, Rows] = {}
        for row in table.to_pylist():
            found.setdefault(row["image_id"], []).append(row)
        return found

    def save(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Replace the file; a reader sees the old one or the new one.

        Raises:
            OSError: It cannot be written; the error names the file.
        """
        table = pa.Table.from_pylist([dict(row) for row in rows], _SCHEMA)
        sink = io.BytesIO()
        pq.write_table(table, sink, compression="zstd")
        write_sealed(self.path, sink.getvalue())
