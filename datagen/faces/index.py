"""The face index: everything known about each usable face, as one Arrow table.

A row is a face in a still, or a track: a face followed through a video, whose middle frame gives
the geometry of the row. The frames of tracks are a second table.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from datagen.core.arrays import Box, Landmarks, Mesh
from datagen.core.digests import canonical_json
from datagen.faces.tracks.track import FRAME_VALUES, FRAMES_SCHEMA, Track, frames_table, track_of

__all__ = ["INDEX_SCHEMA", "Face", "FaceIndex", "FaceKey"]

FaceKey: TypeAlias = tuple[str, str, int]
"""Source, image and number of the face: what identifies a row of the index."""

_POINTS = pa.list_(pa.float32())

INDEX_SCHEMA = pa.schema(
    [
        ("source", pa.string()),
        ("image_id", pa.string()),
        ("face_no", pa.int32()),
        ("path", pa.string()),
        ("sha256", pa.string()),
        ("identity", pa.string()),
        ("official_split", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("orientation", pa.int32()),
        ("box", _POINTS),
        ("landmarks", _POINTS),
        ("mesh", _POINTS),
        ("yaw", pa.float32()),
        ("pitch", pa.float32()),
        ("roll", pa.float32()),
        ("age", pa.float32()),
        ("sex", pa.string()),
        ("ethnicity", pa.string()),
        ("license", pa.string()),
        ("attribution", pa.string()),
        ("phash", pa.string()),
        ("embedding", _POINTS),
        ("extra", pa.string()),
        ("frames", pa.int32()),
        ("fps_num", pa.int32()),
        ("fps_den", pa.int32()),
        ("motion", pa.string()),
        ("look", _POINTS),
    ]
)
# Of tracks only: an index of stills has the digest that it had before there were tracks.
_OF_TRACKS = frozenset({"frames", "fps_num", "fps_den", "motion", "look"})
# It follows from the file, whose digest counts.
_NOT_DIGESTED = frozenset({"orientation"})
_ARRAYS = frozenset(field.name for field in INDEX_SCHEMA if field.type == _POINTS)


@dataclass(frozen=True, slots=True)
class Face:
    """One row of the index; geometry in pixels of the upright source image.

    Attributes:
        face_id: Unique within the source: the image's id, followed by ``#n`` for the second and
            further faces of an image.
        sha256: Digest of the image file; for a source without files, of what defines the image.
        width, height: Size of the upright source image in pixels.
        orientation: How the file stores it, as EXIF numbers it, 1 (upright) to 8.
        phash: Perceptual hash of the image; ``None`` if no pixels were needed to index it.
        mesh: Face mesh, ``None`` when the analyzer gives none.
        frames: Number of frames of a track; ``None`` for a still. The other attributes are those
            of its middle frame.
        fps: Frames per second of a track's video; ``None`` for a still.
        motion: ``video`` or ``rendered``; ``None`` for a still.
    """

    source: str
    image_id: str
    face_id: str
    path: str
    sha256: str
    width: int
    height: int
    orientation: int
    phash: str | None
    identity: str
    box: Box
    landmarks: Landmarks
    mesh: Mesh | None
    yaw: float
    pitch: float
    roll: float
    age: float | None
    sex: str | None
    ethnicity: str | None
    license: str | None
    attribution: str | None
    frames: int | None = None
    fps: Fraction | None = None
    motion: str | None = None


class FaceIndex:
    """The faces that a recipe may use, in a fixed order.

    Args:
        table: Rows of ``INDEX_SCHEMA``.
        frames: Rows of ``FRAMES_SCHEMA``: the frames of its tracks, sorted by face and frame;
            left out if all faces are in stills.
    """

    def __init__(self, table: pa.Table, frames: pa.Table | None = None) -> None:
        self.table = table.cast(INDEX_SCHEMA)
        self.frames = (FRAMES_SCHEMA.empty_table() if frames is None else frames).cast(
            FRAMES_SCHEMA
        )

    @classmethod
    def from_rows(
        cls, rows: Sequence[Mapping[str, Any]], tracks: Mapping[FaceKey, Track] | None = None
    ) -> FaceIndex:
        """Build an index from rows, ordered by source, image and face.

        Args:
            rows: Values of ``INDEX_SCHEMA``.
            tracks: The track of each row that is one, by source, image and number of the face.
        """
        ordered = sorted(rows, key=_key)
        frames = frames_table([(tracks or {}).get(_key(row)) for row in ordered])
        return cls(pa.Table.from_pylist([dict(row) for row in ordered], INDEX_SCHEMA), frames)

    def __len__(self) -> int:
        """Count the faces."""
        return int(self.table.num_rows)

    def column(self, name: str) -> list[Any]:
        """Return a column as Python values."""
        return list(self.table.column(name).to_pylist())

    @cached_property
    def landmarks(self) -> NDArray[np.float32]:
        """Landmarks of all faces, ``(faces, 68, 2)`` float32."""
        flat = self.table.column("landmarks").combine_chunks().flatten()
        return np.asarray(flat.to_numpy(zero_copy_only=False), np.float32).reshape(-1, 68, 2)

    @cached_property
    def poses(self) -> NDArray[np.float32]:
        """Yaw and pitch in degrees, ``(faces, 2)`` float32; NaN where unknown."""
        columns = [self.table.column(name).to_numpy() for name in ("yaw", "pitch")]
        return np.column_stack(columns).astype(np.float32)

    @cached_property
    def pixels(self) -> NDArray[np.int64]:
        """Number of pixels of each face's source image, ``(faces,)``."""
        width, height = (self.table.column(name).to_numpy() for name in ("width", "height"))
        return np.asarray(width.astype(np.int64) * height)

    @cached_property
    def embeddings(self) -> NDArray[np.float32] | None:
        """Embeddings of all faces, ``(faces, d)`` float32; ``None`` unless every face has one."""
        column = self.table.column("embedding")
        if column.null_count or not len(column):
            return None
        flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
        return np.asarray(flat, np.float32).reshape(len(column), -1)

    @cached_property
    def motions(self) -> NDArray[np.float32] | None:
        """How each face looks and moves, ``(faces, d)`` float32, in standard deviations.

        ``None`` unless every face is a track.
        """
        column = self.table.column("look")
        if column.null_count or not len(column):
            return None
        flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
        values = np.nan_to_num(np.asarray(flat, np.float64).reshape(len(column), -1))
        return np.asarray(values / np.maximum(values.std(axis=0), 1e-6), np.float32)

    def face(self, number: int) -> Face:
        """Return one row."""
        row = {name: self.table.column(name)[number].as_py() for name in _FACE_COLUMNS}
        suffix = f"#{row['face_no']}" if row["face_no"] else ""
        mesh = self._values("mesh", number)
        rate = row["fps_num"] and Fraction(row["fps_num"], row["fps_den"])
        return Face(
            face_id=row["image_id"] + suffix,
            box=self._values("box", number),
            landmarks=self._values("landmarks", number).reshape(68, 2),
            mesh=mesh.reshape(478, 3) if mesh.size else None,
            fps=rate or None,
            **{name: row[name] for name in _PLAIN_COLUMNS},
        )

    def track(self, number: int) -> Track:
        """Return the frames of one row.

        Raises:
            ValueError: The face is in a still, or this index was built without its frames.
        """
        first, end = np.searchsorted(self._face_of_frame, [number, number + 1])
        if first == end:
            named = f"face {number} ({self.table.column('image_id')[number].as_py()!r})"
            count = self.table.column("frames")[number].as_py()
            raise ValueError(
                f"{named} is in a still: it has no track"
                if count is None
                else f"{named} is a track, but its frames were not given to this index"
            )
        return track_of(self.frames.slice(int(first), int(end - first)))

    @cached_property
    def _face_of_frame(self) -> NDArray[np.int32]:
        return np.asarray(self.frames.column("face").to_numpy(), np.int32)

    def _values(self, name: str, number: int) -> NDArray[np.float32]:
        """Return a list of floats without a detour over Python objects; null is empty."""
        values = self.table.column(name)[number].values
        if values is None:
            return np.empty(0, np.float32)
        return np.array(values.to_numpy(zero_copy_only=False), np.float32)

    @cached_property
    def digest(self) -> str:
        """Digest of all values as 64 hex digits, independent of how the table is stored."""
        state = hashlib.sha256()
        for field in INDEX_SCHEMA:
            if field.name in _NOT_DIGESTED:
                continue
            column = self.table.column(field.name)
            if field.name in _OF_TRACKS and column.null_count == len(column):
                continue
            state.update(field.name.encode())
            if field.name in _ARRAYS:
                state.update(canonical_json(column.is_null().to_pylist()).encode())
                flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
                state.update(np.asarray(flat, "<f4").tobytes())
            else:
                values = ["nan" if value != value else value for value in column.to_pylist()]
                state.update(canonical_json(values).encode())
        for name in FRAMES_SCHEMA.names if self.frames.num_rows else ():
            state.update(f"frames.{name}".encode())
            for part in _bytes(self.frames.column(name), name in FRAME_VALUES):
                state.update(part)
        return state.hexdigest()


def _bytes(column: pa.ChunkedArray, is_list: bool) -> Iterator[bytes]:
    """Yield a column of frames as bytes, without copying it as a whole.

    All lists of a column have one length, so that the gaps and the values say everything.
    """
    if is_list:
        yield np.asarray(column.is_null().to_numpy(), np.bool_).tobytes()
    for chunk in column.chunks:
        values = (chunk.flatten() if is_list else chunk).to_numpy(zero_copy_only=False)
        yield values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()


def _key(row: Mapping[str, Any]) -> FaceKey:
    return row["source"], row["image_id"], row["face_no"]


_PLAIN_COLUMNS = (
    *("source", "image_id", "path", "sha256", "width", "height", "orientation", "phash"),
    *("identity", "yaw", "pitch", "roll"),
    *("age", "sex", "ethnicity", "license", "attribution"),
    *("frames", "motion"),
)
_FACE_COLUMNS = (*_PLAIN_COLUMNS, "face_no", "fps_num", "fps_den")
