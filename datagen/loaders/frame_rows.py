"""The frames tables of the chosen clips, kept in memory as arrays that workers can share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from datagen.errors import ReleaseError
from datagen.loaders.selection import Selection
from datagen.release.folder import Folder
from datagen.release.frames import read_frames, shard_of
from datagen.release.names import ShardName

__all__ = ["COLUMNS", "FrameRows", "frame_rows"]

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "landmarks": ("landmarks",),
    "landmarks_81": ("landmarks",),
    "box": ("box",),
    "pose": ("yaw", "pitch", "roll"),
    "manipulated": ("manipulated",),
    "source_frame": ("source_frame",),
}
"""What an item may have of the rows of its frames, and the columns that it is made of."""

_WIDTHS = {"landmarks": 136, "box": 4}

Values = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class FrameRows:
    """Columns of the frames of clips.

    Attributes:
        columns: One entry per frame: numbers, and lists as rows of numbers; NaN where unknown.
        first: For each row of the selection, where the frames of its clip begin; -1: not read.
    """

    columns: Values
    first: npt.NDArray[np.int64]

    def of(self, row: int, window: range) -> dict[str, npt.NDArray[Any]]:
        """Return the columns of some frames of a clip.

        Args:
            row: Row of the selection.
            window: The frames.
        """
        first = int(self.first[row])
        return {
            name: values[first + window.start : first + window.stop]
            for name, values in self.columns.items()
        }


def frame_rows(
    selection: Selection, rows: npt.NDArray[np.int64], names: Sequence[str]
) -> FrameRows:
    """Read the frames of some clips.

    Args:
        selection: The chosen pairs.
        rows: Rows of the selection whose clips are read.
        names: Names of columns of the frames table.

    Raises:
        ReleaseError: A table is missing or damaged, or does not have each frame of a clip once.
    """
    first = np.full(len(selection.release), -1, np.int64)
    shards: dict[tuple[int, ShardName], list[int]] = {}
    for row in rows.tolist():
        facts = selection.facts(row)
        place = {"media_path": selection.columns["media_path"][row].as_py(), **facts}
        shard = shard_of(facts["release_id"], place)
        shards.setdefault((int(selection.release[row]), shard), []).append(row)
    parts: list[Values] = []
    filled = 0
    for (release, shard), own in shards.items():
        ids = [selection.columns["sample_id"][row].as_py() for row in own]
        counts = np.array([selection.columns["frames"][row].as_py() for row in own], np.int64)
        first[own] = filled + np.cumsum(counts) - counts
        parts.append(_of_shard(selection.folders[release], shard, (ids, counts), names))
        filled += int(counts.sum())
    columns = {name: np.concatenate([part[name] for part in parts]) for name in names}
    return FrameRows(columns, first)


def _of_shard(
    folder: Folder,
    shard: ShardName,
    wanted: tuple[list[str], npt.NDArray[np.int64]],
    names: Sequence[str],
) -> Values:
    """Return the columns of the clips of a shard, in the order in which these are named."""
    ids, counts = wanted
    table = read_frames(folder, shard, ["sample_id", "frame", *names])
    texts = pc.cast(table.column("sample_id"), pa.string())
    clip = pc.fill_null(pc.index_in(texts, value_set=pa.array(ids, pa.string())), -1)
    of, frame = (np.asarray(one.to_numpy(), np.int64) for one in (clip, table.column("frame")))
    order = np.lexsort((frame, of))
    order = order[of[order] >= 0]
    expected = np.repeat(np.arange(len(ids)), counts)
    frames = np.arange(len(expected)) - np.repeat(np.cumsum(counts) - counts, counts)
    if not (np.array_equal(of[order], expected) and np.array_equal(frame[order], frames)):
        raise _incomplete(folder, shard, ids, counts, (of[order], frame[order]))
    return {
        name: _values(table.column(name).take(pa.array(order)), _WIDTHS.get(name)) for name in names
    }


def _incomplete(
    folder: Folder,
    shard: ShardName,
    ids: Sequence[str],
    counts: npt.NDArray[np.int64],
    there: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
) -> ReleaseError:
    of, frame = there
    own = (frame[of == number] for number in range(len(ids)))
    number = next(
        number
        for number, (frames, count) in enumerate(zip(own, counts, strict=True))
        if not np.array_equal(frames, np.arange(count))
    )
    where = f"{folder}/{shard.frames}"
    return ReleaseError(
        f"{where}: {ids[number]} has {int((of == number).sum())} rows, expected one for each of "
        f"its {counts[number]} frames. 'datagen verify' lists what is wrong with the release",
        path=where,
        key="frame",
        row=ids[number],
    )


def _values(column: pa.ChunkedArray, width: int | None) -> npt.NDArray[Any]:
    """Return a column as an array; lists, whose lengths were checked, as rows of numbers."""
    if width is None:
        if pa.types.is_floating(column.type):
            return np.asarray(pc.fill_null(column, float("nan")).to_numpy(), np.float32)
        return np.asarray(column.to_numpy())
    known = np.asarray(pc.is_valid(column).to_numpy(), np.bool_)
    found = np.full((len(known), width), np.nan, np.float32)
    found[known] = np.asarray(pc.list_flatten(column).to_numpy(), np.float32).reshape(-1, width)
    return found
