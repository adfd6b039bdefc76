"""One face followed through consecutive frames of a video, and tracks as a table of frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from datagen.core.arrays import check_landmarks, check_mesh

__all__ = ["FRAMES_SCHEMA", "FRAME_VALUES", "POINT_GRID", "Track", "frames_table", "track_of"]

POINT_GRID = 64.0
"""Points of a track are rounded to this part of a pixel: finer than any visible motion, coarser
than the last bits of a network's output, which must not reach digests."""

# 64-bit offsets: an hour of video has more numbers than 32 bits can count.
_NUMBERS = pa.large_list(pa.float32())

FRAMES_SCHEMA = pa.schema(
    [
        ("face", pa.int32()),
        ("frame", pa.int32()),
        ("pts", pa.int64()),
        ("box", _NUMBERS),
        ("landmarks", _NUMBERS),
        ("raw", _NUMBERS),
        ("mesh", _NUMBERS),
        ("yaw", pa.float32()),
        ("pitch", pa.float32()),
        ("roll", pa.float32()),
        ("other_faces", pa.int32()),
    ]
)
"""One row per frame of a track; ``face`` is the row of its face in the index."""

FRAME_VALUES = tuple(field.name for field in FRAMES_SCHEMA if field.type == _NUMBERS)
"""The columns that are lists of numbers."""


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """Geometry of one face by frame, in pixels of the upright frame; ``T`` frames.

    Attributes:
        first_frame: Number of its first frame in the video, counted from 0.
        pts: Time stamps ``(T,)`` int64, in the file's time base; in a rendered clip, the number
            of the frame.
        boxes: Face boxes ``(T, 4)`` float32, derived from ``landmarks``.
        landmarks: The 68 points ``(T, 68, 2)`` float32, smoothed over time.
        raw: The 68 points as the analyzer gave them, ``(T, 68, 2)`` float32.
        mesh: Face mesh ``(T, 478, 3)`` float32, smoothed in the same way; ``None`` when the
            analyzer gives none.
        pose: Yaw, pitch and roll in degrees, ``(T, 3)`` float32; NaN where unknown.
        other_faces: How many other faces of the frame reach into the surroundings that a crop of
            this one shows, ``(T,)`` int32.
        stride: Step between its frames in the video: 1 unless ``window`` has taken every n-th.
    """

    first_frame: int
    pts: NDArray[np.int64]
    boxes: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    raw: NDArray[np.float32]
    mesh: NDArray[np.float32] | None
    pose: NDArray[np.float32]
    other_faces: NDArray[np.int32]
    stride: int = 1

    def __len__(self) -> int:
        """Count the frames."""
        return len(self.pts)

    @property
    def frames(self) -> NDArray[np.int64]:
        """Numbers of its frames in the video, ``(T,)`` int64."""
        return self.first_frame + self.stride * np.arange(len(self), dtype=np.int64)

    def window(self, start: int, count: int, stride: int) -> Track:
        """Return a part of it: the frames of a clip.

        Args:
            start: Where the part begins, counted in frames from the beginning of this track.
            count: Number of frames of the part.
            stride: Take every ``stride``-th frame.

        Raises:
            ValueError: The part reaches beyond the track.
        """
        span = (count - 1) * stride + 1
        if start < 0 or count < 1 or stride < 1 or start + span > len(self):
            raise ValueError(
                f"a window of {count} frames with stride {stride} from frame {start} on is not "
                f"within a track of {len(self)} frames"
            )
        part = slice(start, start + span, stride)
        return replace(
            self,
            first_frame=self.first_frame + start * self.stride,
            pts=self.pts[part],
            boxes=self.boxes[part],
            landmarks=self.landmarks[part],
            raw=self.raw[part],
            mesh=None if self.mesh is None else self.mesh[part],
            pose=self.pose[part],
            other_faces=self.other_faces[part],
            stride=self.stride * stride,
        )


def frames_table(tracks: Sequence[Track | None]) -> pa.Table:
    """Return the frames of the tracks of an index, in the order of its rows.

    Args:
        tracks: The track of each row; ``None`` for a still.
    """
    parts = [_frames(number, track) for number, track in enumerate(tracks) if track is not None]
    return pa.concat_tables([FRAMES_SCHEMA.empty_table(), *parts])


def track_of(frames: pa.Table) -> Track:
    """Return the track whose frames are the rows of a table of ``FRAMES_SCHEMA``."""
    mesh = frames.column("mesh")
    pose = [frames.column(name).to_numpy() for name in ("yaw", "pitch", "roll")]
    return Track(
        first_frame=frames.column("frame")[0].as_py(),
        pts=np.asarray(frames.column("pts").to_numpy(), np.int64),
        boxes=_numbers(frames, "box").reshape(-1, 4),
        landmarks=_numbers(frames, "landmarks").reshape(-1, 68, 2),
        raw=_numbers(frames, "raw").reshape(-1, 68, 2),
        mesh=None if mesh.null_count else _numbers(frames, "mesh").reshape(-1, 478, 3),
        pose=np.column_stack(pose).astype(np.float32),
        other_faces=np.asarray(frames.column("other_faces").to_numpy(), np.int32),
    )


def _frames(number: int, track: Track) -> pa.Table:
    count = len(track)
    check_landmarks(track.landmarks[0], "landmarks of a track")
    if track.mesh is not None:
        check_mesh(track.mesh[0], "mesh of a track")
    mesh = pa.nulls(count, _NUMBERS) if track.mesh is None else _lists(track.mesh)
    columns = [
        pa.array(np.full(count, number, np.int32)),
        pa.array(track.frames.astype(np.int32)),
        pa.array(track.pts),
        *map(_lists, (track.boxes, track.landmarks, track.raw)),
        mesh,
        *(pa.array(np.ascontiguousarray(track.pose[:, n])) for n in range(3)),
        pa.array(track.other_faces),
    ]
    return pa.table(columns, schema=FRAMES_SCHEMA)


def _lists(values: NDArray[np.float32]) -> pa.Array:
    flat = np.ascontiguousarray(values, np.float32).reshape(len(values), -1)
    offsets = np.arange(len(flat) + 1, dtype=np.int64) * flat.shape[1]
    return pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(flat.ravel()))


def _numbers(frames: pa.Table, name: str) -> NDArray[np.float32]:
    flat = frames.column(name).combine_chunks().flatten()
    return np.array(flat.to_numpy(zero_copy_only=False), np.float32)
