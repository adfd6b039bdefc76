"""What analyzers found, kept between runs: one sealed table per source and analyzer."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from datagen.core.digests import digest_of
from datagen.core.paths import cache_folder
from datagen.core.sealed import read_sealed, write_sealed
from datagen.faces.index import INDEX_SCHEMA
from datagen.sources.base import Source

__all__ = ["AnalysisCache", "DecisionCache", "place_of"]

_log = logging.getLogger(__name__)

_DECISIONS = 1  # raised when faces are compared otherwise
_OWN = {
    **dict.fromkeys(("stamp", "problem", "detail"), pa.string()),
    "turned": pa.string(),  # perceptual hash of the mirrored image
    "inner": pa.list_(pa.int32()),  # what lies within a border, see ``within_border``
}
_SHARED = (
    *("image_id", "path", "sha256", "face_no", "width", "height", "orientation"),
    *("phash", "box", "landmarks", "mesh", "yaw", "pitch", "roll", "embedding"),
)
_SCHEMA = pa.schema(
    [*(pa.field(name, kind) for name, kind in _OWN.items()), *map(INDEX_SCHEMA.field, _SHARED)],
    metadata={"datagen.index": "3"},
)

Rows = list[dict[str, Any]]


def place_of(source: Source) -> dict[str, Any]:
    """Return what distinguishes two copies of a source: root, layout and options."""
    return {
        "root": source.root,
        "layout": source.layout,
        "options": source.config.model_dump(mode="json"),
    }


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

    def forget(self, images: Collection[str]) -> bool:
        """Drop what is known of single images, and return whether there was something.

        Args:
            images: Their ids.

        Raises:
            OSError: The file cannot be written; the error names it.
        """
        known = self.load()
        kept = {image: rows for image, rows in known.items() if image not in images}
        if len(kept) == len(known):
            return False
        self.save(row for rows in kept.values() for row in rows)
        return True


class DecisionCache:
    """Which pairs of faces are one photograph, as far as their pixels were compared.

    Args:
        sources: Ids of the cards of the sources that are indexed together.
        kind: What the pairs are compared for; each kind has a file of its own.
    """

    def __init__(self, sources: Iterable[str], kind: str = "") -> None:
        named = [f"{kind}:"] if kind else []  # no id of a card has a colon
        name = f"{digest_of([_DECISIONS, *named, *sorted(sources)])[:24]}.pairs"
        self._path = cache_folder() / "pairs" / name

    def load(self) -> dict[str, bool]:
        """Return the answer for each pair; a damaged file counts as empty."""
        data = read_sealed(self._path)
        return {} if data is None else dict(json.loads(data))

    def save(self, answers: Mapping[str, bool]) -> None:
        """Replace the file; one that cannot be written costs time in the next run, not this one."""
        try:
            write_sealed(self._path, json.dumps(answers, sort_keys=True).encode())
        except OSError as error:
            _log.warning("%s: the comparison of images cannot be kept: %s", self._path, error)
