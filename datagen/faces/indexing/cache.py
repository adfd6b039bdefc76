"""What analyzers have found, kept between runs: one Parquet file a source and analyzer."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from datagen.core.digests import digest_of
from datagen.core.paths import cache_folder

__all__ = ["AnalysisCache", "cache_folder"]

_POINTS = pa.list_(pa.float32())
_SCHEMA = pa.schema(
    [
        ("image_id", pa.string()),
        ("path", pa.string()),
        ("stamp", pa.string()),
        ("sha256", pa.string()),
        ("face_no", pa.int32()),
        ("problem", pa.string()),
        ("detail", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("phash", pa.string()),
        ("box", _POINTS),
        ("landmarks", _POINTS),
        ("mesh", _POINTS),
        ("yaw", pa.float32()),
        ("pitch", pa.float32()),
        ("roll", pa.float32()),
        ("embedding", _POINTS),
    ]
)

Rows = list[dict[str, Any]]


class AnalysisCache:
    """Findings by image, read once and written once.

    Args:
        source_id: Id of the source's card.
        place: What tells two copies of a source apart (root, layout, options).
        analyzer: Version text of the analyzer.
    """

    def __init__(self, source_id: str, place: Mapping[str, Any], analyzer: str) -> None:
        name = f"{source_id}-{digest_of(dict(place))[:12]}-{digest_of(analyzer)[:12]}.parquet"
        self.path = cache_folder() / "index" / name

    def load(self) -> dict[str, Rows]:
        """Return the rows of each ``image_id``; an unreadable file counts as empty."""
        try:
            table = pq.read_table(self.path, schema=_SCHEMA)
        except (OSError, pa.ArrowException):
            return {}  # absent, cut off by a crash, or of another version: analyzed again
        found: dict[str, Rows] = {}
        for row in table.to_pylist():
            found.setdefault(row["image_id"], []).append(row)
        return found

    def save(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Replace the file, so that a reader sees the old or the new one and no third."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        table = pa.Table.from_pylist([dict(row) for row in rows], _SCHEMA)
        with tempfile.NamedTemporaryFile(
            dir=self.path.parent, prefix=".new-", suffix=".parquet", delete=False
        ) as handle:
            partial = Path(handle.name)
        try:
            pq.write_table(table, partial, compression="zstd")
            partial.replace(self.path)
        finally:
            partial.unlink(missing_ok=True)
