"""Thumbnails of the images that a comparison asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from datagen.core.arrays import Image, Landmarks
from datagen.core.reading import probe
from datagen.errors import ImageError, RecipeError
from datagen.faces.analyzers import Analyzer
from datagen.faces.indexing.analyze import AnalyzeImages
from datagen.faces.indexing.clips import middle_image
from datagen.faces.indexing.likeness import Thumbnails, thumbnails
from datagen.faces.indexing.minors import Seen
from datagen.sources.base import Record, Source

__all__ = ["Faces", "Look", "faces_in", "seen"]

Faces: TypeAlias = "list[Landmarks]"
"""Landmarks of the faces in an image."""

Rows: TypeAlias = "list[dict[str, Any]]"


def seen(source: Source, records: Sequence[Record], found: Mapping[str, Rows]) -> list[Seen]:
    """Return the images that could be read.

    Args:
        source: Their source.
        records: Their records.
        found: Rows of an analyzer by ``image_id``.
    """
    return [
        Seen(
            source.card.id,
            record,
            rows[0]["sha256"],
            rows[0]["phash"],
            _with_face(rows),
            rows[0].get("middle"),
            _others_shown(rows[0]),
            rows[0].get("turned"),
        )
        for record in records
        if (rows := found[record.image_id])[0].get("sha256")
    ]


def _others_shown(row: Mapping[str, Any]) -> tuple[tuple[int, str, str], ...]:
    """Return time stamps and hashes of the frames of a video, nothing for images."""
    kept = (row.get(name) or () for name in ("shown", "hashes", "turned_hashes"))
    return tuple(zip(*kept, strict=True))


def _with_face(rows: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    return tuple(row for row in rows if row["problem"] is None)


def faces_in(rows: Sequence[Mapping[str, Any]]) -> Faces:
    """Return the landmarks of the faces that an analyzer found in an image."""
    return [np.asarray(row["landmarks"], np.float32).reshape(68, 2) for row in _with_face(rows)]


class Look:
    """Reads images for a comparison.

    Args:
        sources: Sources by card id.
        analyzer: Finds the faces of images that are not in ``found``: those of stated minors,
            which are compared and then forgotten.
        found: Rows of the analyzer by source and image, for those that it has seen.
    """

    def __init__(
        self,
        sources: Mapping[str, Source],
        analyzer: Analyzer,
        found: Mapping[str, Mapping[str, Rows]],
    ) -> None:
        self._sources = sources
        self._analyzer = analyzer
        self._known = found

    def __call__(self, image: Seen) -> Thumbnails | None:
        """Return the thumbnails of an image; ``None`` if it cannot be read any more."""
        source = self._sources[image.source]
        try:
            if image.middle is not None:
                place = image.record.image_id, image.record.path
                faces = [one for one in image.faces[:1] if one["middle"] == image.middle]
                return thumbnails(middle_image(source, *place, image.middle), faces_in(faces))
            pixels = self._pixels(source, image.record)
        except (OSError, ImageError):
            return None
        rows = self._known[image.source].get(image.record.image_id)
        return thumbnails(pixels, faces_in(rows) if rows else self._found(source, image.record))

    def _pixels(self, source: Source, record: Record) -> Image:
        if source.has_files:
            return probe(source.read(record.path)).image
        return source.render(record.image_id)

    def _found(self, source: Source, record: Record) -> Faces:
        try:
            return faces_in(AnalyzeImages(source, self._analyzer)((record,)))
        except (RecipeError, ValueError):  # no landmarks are given: the whole image is compared
            return []
