"""Images in which a face is that of another image: crops, new encodings and mirrored copies."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from datagen.core.arrays import Landmarks
from datagen.core.text import counted
from datagen.engine import Engine
from datagen.errors import ImageError
from datagen.faces.analyzers import Analyzer
from datagen.faces.indexing.analyze import AnalyzeImages
from datagen.faces.indexing.apart import people_apart
from datagen.faces.indexing.candidates import Candidates
from datagen.faces.indexing.compare import one_photograph
from datagen.faces.indexing.minors import Seen
from datagen.faces.landmarks import mirrored
from datagen.sources.base import Source

__all__ = ["FaceCopies"]

_MOST = 200  # of one face; only drawn templates come near

Row: TypeAlias = "Mapping[str, Any]"


class FaceCopies:
    """Finds images in which a face is that of one of some others, see ``copies_of_minors``.

    Args:
        sources: Sources by card id.
        images: Images among which it looks.
        analyzer: Gives the embeddings of faces that have been kept without.
        engine: Returns the engine; called only when there are many pairs to compare.
    """

    def __init__(
        self,
        sources: Mapping[str, Source],
        images: Sequence[Seen],
        analyzer: Analyzer,
        engine: Callable[[], Engine],
    ) -> None:
        self._sources = sources
        self._analyzer = analyzer
        self._engine = engine
        self._faces = [(image, row) for image in images for row in image.faces]
        rows = [row for _, row in self._faces]
        self._candidates = Candidates(
            np.arange(len(rows)),
            np.array([row["landmarks"] for row in rows], np.float32).reshape(-1, 68, 2),
            [row["phash"] for row in rows],
            np.array([self._is_rendered(image) for image, _ in self._faces], bool),
        )
        self._whole = not rows or self._candidates.shapes_tell
        self._unread = 0
        self._limits = people_apart(
            list(sources.values()),
            [
                {**row, "source": image.source, "identity": image.record.identity}
                for image, row in self._faces
            ],
            analyzer.same_person,
        )

    def __call__(self, images: Sequence[Seen]) -> list[tuple[Seen, Seen]]:
        """Return pairs of one of ``images`` and a copy of it."""
        found: list[tuple[Seen, Seen]] = []
        for turned in (False, True):
            pairs = [pair for image in images for pair in self._proposed(image, turned)]
            found += self._decided(pairs, turned)
        return found

    @property
    def warnings(self) -> list[str]:
        """What was not compared, for the user."""
        told = []
        if not self._whole:
            told.append(
                "so many faces have equal hashes or landmarks that only the nearest were compared "
                "with those of stated minors: copies of their images under other names may be left"
            )
        if self._unread:
            told.append(
                f"{counted(self._unread, 'pair')} of images, one of a stated minor, could not be "
                "compared, because an image can no longer be read"
            )
        return told

    def _is_rendered(self, image: Seen) -> bool:
        return not self._sources[image.source].has_files

    def _proposed(self, image: Seen, turned: bool) -> Iterator[tuple[Seen, Row, Seen, Row]]:
        for row in image.faces:
            points, hash_ = _points(row), row["phash"]
            if turned:
                points = mirrored(points, row["width"])
                hash_ = row["turned"]
            near = self._candidates.of(points, hash_, self._is_rendered(image))
            self._whole &= len(near) <= _MOST
            for number in near[:_MOST].tolist():
                other, face = self._faces[number]
                if other.sha256 != image.sha256:  # equal bytes are found without looking
                    yield image, row, other, face

    def _decided(
        self, pairs: Sequence[tuple[Seen, Row, Seen, Row]], turned: bool
    ) -> list[tuple[Seen, Seen]]:
        embedded: dict[Seen, list[Row]] = {}
        rows: list[Row] = []
        for image, row, other, face in pairs:
            if self._analyzer.gives_embedding and row["embedding"] is None:
                if image not in embedded:
                    embedded[image] = self._again(image)
                row = next((one for one in embedded[image] if _equal(one, row)), row)
            rows += [{**row, "source": image.source}, {**face, "source": other.source}]
        points = np.array([row["landmarks"] for row in rows], np.float32).reshape(-1, 68, 2)
        numbers = [(n, n + 1) for n in range(0, len(rows), 2)]
        same = one_photograph(
            self._sources,
            rows,
            points,
            numbers,
            self._engine,
            turned,
            self._analyzer.same_person,
            self._limits,
        )
        self._unread += same.count(None)
        return [(pair[0], pair[2]) for pair, yes in zip(pairs, same, strict=True) if yes]

    def _again(self, image: Seen) -> list[Row]:
        """Return the faces of an image with their embeddings, which are not kept."""
        try:
            found = AnalyzeImages(self._sources[image.source], self._analyzer)((image.record,))
        except (OSError, ImageError):
            return []
        return [row for row in found if row["problem"] is None]


def _points(row: Row) -> Landmarks:
    return np.asarray(row["landmarks"], np.float32).reshape(68, 2)


def _equal(one: Row, other: Row) -> bool:
    return bool(one["sha256"] == other["sha256"] and one["face_no"] == other["face_no"])
