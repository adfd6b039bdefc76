"""The face index: everything known about each usable face, as one Arrow table."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from datagen.core.arrays import Box, Landmarks, Mesh
from datagen.core.digests import canonical_json

__all__ = ["INDEX_SCHEMA", "Face", "FaceIndex"]

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
    ]
)
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


class FaceIndex:
    """The faces that a recipe may use, in a fixed order.

    Args:
        table: Rows of ``INDEX_SCHEMA``.
    """

    def __init__(self, table: pa.Table) -> None:
        self.table = table.cast(INDEX_SCHEMA)

    @classmethod
    def from_rows(cls, rows: Sequence[Mapping[str, Any]]) -> FaceIndex:
        """Build an index from rows, ordered by source, image and face."""
        ordered = sorted(rows, key=lambda row: (row["source"], row["image_id"], row["face_no"]))
        return cls(pa.Table.from_pylist([dict(row) for row in ordered], INDEX_SCHEMA))

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
    def embeddings(self) -> NDArray[np.float32] | None:
        """Embeddings of all faces, ``(faces, d)`` float32; ``None`` unless every face has one."""
        column = self.table.column("embedding")
        if column.null_count or not len(column):
            return None
        flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
        return np.asarray(flat, np.float32).reshape(len(column), -1)

    def face(self, number: int) -> Face:
        """Return one row."""
        row = {name: self.table.column(name)[number].as_py() for name in _FACE_COLUMNS}
        suffix = f"#{row['face_no']}" if row["face_no"] else ""
        mesh = self._values("mesh", number)
        return Face(
            face_id=row["image_id"] + suffix,
            box=self._values("box", number),
            landmarks=self._values("landmarks", number).reshape(68, 2),
            mesh=mesh.reshape(478, 3) if mesh.size else None,
            **{name: row[name] for name in _PLAIN_COLUMNS},
        )

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
            state.update(field.name.encode())
            if field.name in _ARRAYS:
                state.update(canonical_json(column.is_null().to_pylist()).encode())
                flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
                state.update(np.asarray(flat, "<f4").tobytes())
            else:
                values = ["nan" if value != value else value for value in column.to_pylist()]
                state.update(canonical_json(values).encode())
        return state.hexdigest()


_PLAIN_COLUMNS = (
    *("source", "image_id", "path", "sha256", "width", "height", "orientation", "phash"),
    *("identity", "yaw", "pitch", "roll"),
    *("age", "sex", "ethnicity", "license", "attribution"),
)
_FACE_COLUMNS = (*_PLAIN_COLUMNS, "face_no")
