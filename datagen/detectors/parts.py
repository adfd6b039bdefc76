"""The finished shards of an unfinished scoring run, on disk."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from datagen.core.digests import digest_of
from datagen.core.sealed import read_sealed, write_sealed
from datagen.core.text import counted, first_of
from datagen.detectors.shards import ReleasedShard
from datagen.detectors.spec import DetectorSpec
from datagen.errors import RunError, ScoresError
from datagen.release.scores import FRAME_SCORES, SCORES

__all__ = ["all_parts", "opened_parts", "part_name", "parts_folder", "read_part", "write_part"]

_SHOWN = 3


def parts_folder(out: Path) -> Path:
    """Return the folder of the finished shards of an unfinished run."""
    return out.with_name(f"{out.name}.parts")


@contextmanager
def opened_parts(out: Path) -> Iterator[Path]:
    """Create the folder of parts; remove it if it is left empty.

    Raises:
        ScoresError: It cannot be created.
    """
    parts = parts_folder(out)
    try:
        parts.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ScoresError(
            f"{parts}: cannot be created: {error.strerror or error}", path=parts
        ) from None
    try:
        yield parts
    finally:
        if parts.is_dir() and not any(parts.iterdir()):
            parts.rmdir()


def part_name(shard: ReleasedShard, spec: DetectorSpec) -> str:
    """Return the file name of a shard's scores by a detector."""
    return f"{shard.name}-{digest_of([spec.digest, shard.digest])[:16]}.part"


def write_part(path: Path, table: pa.Table) -> None:
    """Keep the scores of a finished shard.

    Raises:
        RunError: They cannot be written.
    """
    sink = io.BytesIO()
    pq.write_table(table, sink)
    try:
        write_sealed(path, sink.getvalue())
    except OSError as error:
        raise RunError(
            f"the scores of a shard cannot be kept: {error}. Free space there and rerun the same "
            "command: it scores only the missing shards",
            path=path,
        ) from None


def read_part(path: Path) -> pa.Table | None:
    """Return the scores of a finished shard, ``None`` if they are missing or damaged."""
    data = read_sealed(path)
    if data is None:
        return None
    try:
        table = pq.read_table(pa.BufferReader(data))
    except pa.ArrowException:
        return None
    known = any(table.schema.equals(schema) for schema in (SCORES, FRAME_SCORES))
    return table if known else None


def all_parts(paths: Sequence[Path]) -> list[pa.Table]:
    """Return the scores of all shards.

    Raises:
        RunError: Some are gone or damaged.
    """
    tables = {path: read_part(path) for path in paths}
    lost = [path.name for path, table in tables.items() if table is None]
    if lost:
        raise RunError(
            f"{paths[0].parent}: {counted(len(lost), 'part')} of {len(paths)} that this run has "
            f"written are gone or damaged: {first_of(lost, _SHOWN)}. Rerun the same command: it "
            "scores those shards again",
            path=paths[0].parent,
        )
    return [table for table in tables.values() if table is not None]
