"""What was found in videos, kept between runs: a sealed table of tracks and one of their frames."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from datagen.core.digests import sha256_bytes
from datagen.core.sealed import read_sealed, write_sealed
from datagen.faces.index import INDEX_SCHEMA
from datagen.faces.indexing.cache import AnalysisCache, Rows
from datagen.faces.indexing.clips import CLIP_VERSION
from datagen.faces.tracks.track import FRAMES_SCHEMA, frames_table, track_of

__all__ = ["ClipCache"]

_OWN = {
    **dict.fromkeys(("stamp", "problem", "detail", "ended"), pa.string()),
    "inner": pa.list_(pa.int32()),
    "middle": pa.int64(),
    "shown": pa.list_(pa.int64()),
    "hashes": pa.list_(pa.string()),
    "turned_hashes": pa.list_(pa.string()),
    "turned": pa.string(),
}
_SHARED = (
    *("image_id", "path", "sha256", "face_no", "width", "height", "orientation", "phash", "box"),
    *("landmarks", "mesh", "yaw", "pitch", "roll", "embedding"),
    *("frames", "fps_num", "fps_den", "motion", "look"),
)
_SCHEMA = pa.schema(
    [*(pa.field(name, kind) for name, kind in _OWN.items()), *map(INDEX_SCHEMA.field, _SHARED)]
)
_VERSION = b"datagen.clips"
_FRAMES = b"datagen.frames"


class ClipCache(AnalysisCache):
    """The tracks that were found in each video, see ``AnalysisCache``.

    The table of tracks states the digest of the table of frames: one without the other is not
    believed.
    """

    def __init__(self, source_id: str, place: Mapping[str, Any], analyzer: str) -> None:
        super().__init__(source_id, place, f"{analyzer} {CLIP_VERSION}")
        self.path = self.path.with_suffix(".tracks")

    @property
    def frames_path(self) -> Path:
        """The table of frames."""
        return self.path.with_suffix(".frames")

    def load(self) -> dict[str, Rows]:
        """See base class; the rows of tracks have their ``track``."""
        data, frames = read_sealed(self.path), read_sealed(self.frames_path)
        if data is None or frames is None:
            return {}
        try:
            table = pq.read_table(pa.BufferReader(data))
            stated = table.schema.metadata or {}
            if (
                not table.schema.equals(_SCHEMA)
                or stated.get(_VERSION) != b"1"
                or stated.get(_FRAMES) != sha256_bytes(frames).encode()
            ):
                return {}
            of_tracks = pq.read_table(pa.BufferReader(frames)).cast(FRAMES_SCHEMA)
        except (pa.ArrowException, ValueError):
            return {}  # of another version
        found: dict[str, Rows] = {}
        start = 0
        counts = of_tracks.column("face").value_counts().to_pylist()
        length = {one["values"]: one["counts"] for one in counts}
        for number, row in enumerate(table.to_pylist()):
            count = length.get(number, 0)
            row["track"] = track_of(of_tracks.slice(start, count)) if count else None
            start += count
            found.setdefault(row["image_id"], []).append(row)
        return found

    def save(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """See base class."""
        kept = [dict(row) for row in rows]
        frames = _parquet(frames_table([row.get("track") for row in kept]))
        table = pa.Table.from_pylist(kept, _SCHEMA)
        stated = {_VERSION: b"1", _FRAMES: sha256_bytes(frames).encode()}
        write_sealed(self.frames_path, frames)
        write_sealed(self.path, _parquet(table.replace_schema_metadata(stated)))


def _parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()
