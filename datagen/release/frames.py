"""Reading the tables of frames of a release of clips, every row checked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagen.errors import ReleaseError
from datagen.release.bounded_parquet import broken_columns, open_table, plain_table
from datagen.release.clip_schema import FRAME_RULES, FRAMES
from datagen.release.folder import Folder
from datagen.release.grammar import Broken
from datagen.release.names import FILE_OF_A_SHARD, ShardName
from datagen.release.rows import Row

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["frames_of_clip", "read_frames", "shard_of"]


def read_frames(folder: Folder, shard: ShardName, columns: Sequence[str] | None = None) -> pa.Table:
    """Read the frames of a shard.

    Args:
        folder: The release.
        shard: Names of the shard's files.
        columns: Names of the columns to read; by default all.

    Raises:
        ReleaseError: The file is missing, damaged or too large, or a row breaks a rule.
    """
    table = open_table(folder, shard.frames, FRAMES, FRAME_RULES, columns)
    for broken in chain(broken_columns(table, FRAMES, FRAME_RULES), _manipulated_others(table)):
        where = f"{folder}/{shard.frames}"
        raise ReleaseError(f"{where}: {broken}", path=where, key=broken.column, row=broken.row)
    return plain_table(folder, shard.frames, table, FRAMES)


def _manipulated_others(table: pa.Table) -> Iterator[Broken]:
    """Yield the frames of reals and controls that are said to be manipulated."""
    if not {"sample_id", "manipulated"} <= set(table.column_names):
        return
    fake = pc.ends_with(pc.cast(table.column("sample_id"), pa.string()), "-fake")
    rows = np.asarray(pc.and_not(table.column("manipulated"), fake).to_numpy(), np.bool_)
    if rows.any():
        yield Broken("manipulated", rows, "True", "True for a fake, False for the others")


def shard_of(release: str, row: Row) -> ShardName:
    """Return the shard that a clip is in.

    Args:
        release: Id of the release.
        row: The manifest row of the clip.

    Raises:
        ReleaseError: The row names no tar of a shard.
    """
    match = FILE_OF_A_SHARD.fullmatch(str(row["media_path"]))
    if match is None or not match["split"]:
        raise ReleaseError(f"{row['sample_id']}: {row['media_path']!r} is no tar of a shard")
    return ShardName(release, f"{match['split']}-{match['number']}")


def frames_of_clip(folder: Folder, release: str, row: Row) -> pd.DataFrame:
    """Return the frames of one clip.

    Args:
        folder: The release.
        release: Id of the release.
        row: The manifest row of the clip.

    Raises:
        ReleaseError: See ``read_frames``; or the row names no tar of a shard.
    """
    table = read_frames(folder, shard_of(release, row))
    own = table.filter(pc.equal(table.column("sample_id"), str(row["sample_id"])))
    found: pd.DataFrame = own.to_pandas()
    return found
