"""Analysis of images: one task per chunk of records, run on any engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from datagen.core.arrays import Box, check_landmarks, check_mesh
from datagen.core.digests import digest_of, sha256_bytes
from datagen.core.phash import phash_both
from datagen.core.reading import Photograph, probe
from datagen.engine.worker_state import worker_state
from datagen.errors import ImageError
from datagen.faces.analyzers import Analyzer, Detection
from datagen.faces.crop import face_box
from datagen.faces.indexing.traces import few_colors, within_border
from datagen.sources.base import Record, Source

__all__ = ["AnalyzeImages", "image_stamp"]

# Coordinates are rounded to 1/16: the last bits of a model's output must not reach digests.
_GRID = 16.0
_BOXED = 2  # raised when a stated box chooses otherwise
_ELSEWHERE = "no face that was found lies in the box that the source states"


def image_stamp(source: Source, record: Record) -> str:
    """Return a text that changes whenever an image or its record may have changed.

    Raises:
        FileNotFoundError: The image does not exist.
        ImageError: It is no file, or larger than any image.
    """
    arrays = (record.landmarks, record.mesh, record.box)
    given = [None if array is None else sha256_bytes(array.tobytes()) for array in arrays]
    stated = digest_of([given, record.pose])[:16]
    if not source.has_files:
        options = source.config.model_dump(mode="json")
        return f"{source.layout}:{source.version}:{digest_of(options)[:16]}:{stated}"
    boxed = "" if record.box is None else f":{_BOXED}"
    return f"{source.stamp(record.path)}:{stated}{boxed}"


@dataclass(frozen=True)
class AnalyzeImages:
    """A task that finds the faces in a chunk of images.

    Returns one row per face, or one row with a ``problem`` for an image without any.
    """

    source: Source
    analyzer: Analyzer

    def __call__(self, records: tuple[Record, ...]) -> list[dict[str, Any]]:
        """See ``Task``."""
        analyzer = opened(self.analyzer)
        return [row for record in records for row in self._image(analyzer, record)]

    def label(self, records: tuple[Record, ...]) -> str:
        """See ``Task``."""
        if len(records) == 1:
            return f"image {records[0].path or records[0].image_id!r}"
        return f"images {records[0].image_id} to {records[-1].image_id}"

    def _image(self, analyzer: Analyzer, record: Record) -> list[dict[str, Any]]:
        base: dict[str, Any] = {"image_id": record.image_id, "path": record.path, "face_no": 0}
        try:
            base["stamp"] = image_stamp(self.source, record)
            base["sha256"], found, seen = self._load(analyzer, record)
        except FileNotFoundError:
            return [
                {**base, "problem": "missing_file", "detail": "listed by the source, but not found"}
            ]
        except ImageError as error:
            return [{**base, "problem": "unreadable_image", "detail": str(error)}]
        image = found.image
        base |= {"height": image.shape[0], "width": image.shape[1]}
        base["orientation"] = found.orientation
        base["phash"], base["turned"] = phash_both(image) if seen else (None, None)
        base["inner"] = within_border(image) if seen else None
        if seen and (lacking := few_colors(image)):
            return [{**base, "problem": "few_colors", "detail": lacking}]
        found_faces = analyzer.analyze(image, record)
        faces = _named(found_faces, record)
        if not faces:
            detail = _ELSEWHERE if found_faces else ""
            return [{**base, "problem": "no_face", "detail": detail}]
        return [
            {**base, "face_no": number, "problem": None, "detail": None, **_face(one, record)}
            for number, one in enumerate(faces)
        ]

    def _load(self, analyzer: Analyzer, record: Record) -> tuple[str, Photograph, bool]:
        """Return digest, image, and whether the image was read (otherwise it is blank)."""
        if self.source.has_files:
            data = self.source.read(record.path)
            return sha256_bytes(data), probe(data), True
        digest = image_digest(self.source, record)
        if analyzer.needs_pixels or record.size is None:
            return digest, Photograph(self.source.render(record.image_id), 1), True
        width, height = record.size
        return digest, Photograph(np.broadcast_to(np.uint8(0), (height, width, 3)), 1), False


def image_digest(source: Source, record: Record) -> str:
    """Return the digest that replaces the file's sha256 in a source without files."""
    parts = [source.layout, source.version, source.digest_options(), record.image_id]
    return digest_of(parts)


def opened(analyzer: Analyzer) -> Analyzer:
    """Return this process's analyzer, opened at its first use.

    Two classes are two analyzers, also where one inherited the version of the other.
    """
    kind = type(analyzer)
    key = f"{kind.__module__}.{kind.__qualname__} {analyzer.version}"

    def open_it() -> Analyzer:
        analyzer.open()
        return analyzer

    return worker_state().get("analyzer", key, open_it)


def _named(found: list[Detection], record: Record) -> list[Detection]:
    """Keep the face that overlaps the box stated by the source most: others are other people."""
    if record.box is None or not found:
        return found
    overlaps = [_overlap(face_box(one.landmarks), record.box) for one in found]
    return [found[overlaps.index(max(overlaps))]] if max(overlaps) > 0 else []


def _overlap(first: Box, second: Box) -> float:
    """Return intersection over union."""
    low, high = np.maximum(first[:2], second[:2]), np.minimum(first[2:], second[2:])
    both = float(np.prod(np.maximum(high - low, 0.0)))
    areas = [float(np.prod(box[2:] - box[:2])) for box in (first, second)]
    return both / max(sum(areas) - both, 1e-9)


def _face(found: Detection, record: Record) -> dict[str, Any]:
    where = f"image {record.image_id!r}"
    landmarks = _round(check_landmarks(found.landmarks, f"{where}: landmarks"))
    mesh = None if found.mesh is None else _round(check_mesh(found.mesh, f"{where}: mesh"))
    yaw, pitch, roll = (float(np.round(angle * _GRID) / _GRID) for angle in found.pose)
    embedding = found.embedding
    return {
        "landmarks": landmarks.ravel().tolist(),
        "mesh": None if mesh is None else mesh.ravel().tolist(),
        "box": _round(face_box(landmarks)).tolist(),
        "yaw": yaw,
        "pitch": pitch,
        "roll": roll,
        "embedding": None if embedding is None else np.round(embedding, 4).tolist(),
    }


def _round(values: Any) -> Any:
    return (np.round(values * _GRID) / _GRID).astype(np.float32)


def chunks(records: Sequence[Record], size: int) -> list[tuple[Record, ...]]:
    """Split records into the chunks that ``AnalyzeImages`` takes."""
    return [tuple(records[n : n + size]) for n in range(0, len(records), size)]
