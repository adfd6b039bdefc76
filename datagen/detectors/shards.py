"""The shards of a release as keys of a task, and the images in one."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import pandas as pd
import pyarrow.parquet as pq

from datagen.core.digests import digest_of, sha256_bytes
from datagen.core.registry import near
from datagen.detectors.batched import Encoded
from datagen.engine import Engine, Task
from datagen.errors import DatagenError, ReleaseError, RunError, UserError, one_per_line
from datagen.release import Folder
from datagen.release.reader import Release

__all__ = ["ReleasedShard", "Tell", "images_of", "release_facts", "run_shards", "shards_of"]

R = TypeVar("R")

Tell = Callable[[int, int], None]
"""Called with shards done and shards in all."""

_SHOWN = 5
_COLUMNS = [
    *("sample_id", "sha256", "media_path", "media_offset", "media_size", "media_type"),
    *("label", "kind", "split", "method", "identity_id"),
]


@dataclass(frozen=True, slots=True, order=True)
class ReleasedShard:
    """One shard of a finished release.

    Attributes:
        name: ``train-000000``.
        digest: Of its manifest and images.
    """

    name: str
    digest: str

    @property
    def split(self) -> str:
        """The split that all of it belongs to."""
        return self.name.partition("-")[0]


def shards_of(release: Release, splits: Sequence[str] | None) -> list[ReleasedShard]:
    """Return the shards of some splits, or of all, in the order of the manifest.

    Raises:
        ReleaseError: A split that the release does not have.
    """
    files = release.record["files"]
    shards = []
    for file in files:
        if file.startswith("manifest/"):
            name = file.removeprefix("manifest/").removesuffix(".parquet")
            media = files.get(f"media/{name}.tar", {}).get("sha256")
            shards.append(ReleasedShard(name, digest_of([files[file]["sha256"], media])))
    known = list(dict.fromkeys(shard.split for shard in shards))
    for split in splits or ():
        if split not in known:
            raise ReleaseError(
                f"{release.folder}: has no split {split!r}.{near(split, known)} "
                f"It has: {', '.join(known)}"
            )
    return [shard for shard in shards if splits is None or shard.split in splits]


def release_facts(release: Release) -> dict[str, Any]:
    """Return what names a release in the metadata of scores and models."""
    record = release.record
    return {
        "name": record["name"],
        "version": record["version"],
        "recipe_digest": record["recipe_digest"],
        "content": digest_of(record["files"]),
    }


def images_of(folder: Folder, shard: ReleasedShard) -> tuple[pd.DataFrame, list[Encoded]]:
    """Return a shard's rows and encoded images; what cannot be had says so in its place."""
    data = folder.read(f"manifest/{shard.name}.parquet")
    rows: pd.DataFrame = pq.read_table(io.BytesIO(data), columns=_COLUMNS).to_pandas()
    return rows, [_encoded(folder, row) for row in rows.to_dict("records")]


def _encoded(folder: Folder, row: dict[Any, Any]) -> Encoded:
    sample_id, suffix = str(row["sample_id"]), str(row["media_type"]).rpartition("/")[2]
    path, offset, size = str(row["media_path"]), int(row["media_offset"]), int(row["media_size"])
    try:
        data = folder.read_range(path, offset, size)
    except FileNotFoundError:
        return Encoded(sample_id, None, suffix, f"{path} is not there")
    if sha256_bytes(data) != row["sha256"]:
        return Encoded(sample_id, None, suffix, f"its bytes in {path} are not those of the release")
    return Encoded(sample_id, data, suffix)


def run_shards(
    engine: Callable[[], Engine], task: Task[ReleasedShard, R], shards: Sequence[ReleasedShard]
) -> Iterator[tuple[ReleasedShard, R]]:
    """Yield what a task makes of each shard, in any order.

    Raises:
        UserError: The first; no other shard can do better.
        RunError: Some failed, after all have been tried.
    """
    failed: dict[str, DatagenError] = {}
    if not shards:
        return
    for outcome in engine().run(task, shards):
        if isinstance(outcome.error, UserError):
            raise outcome.error
        if outcome.error is not None:
            failed[outcome.key.name] = outcome.error
        elif outcome.result is not None:
            yield outcome.key, outcome.result
    if failed:
        lines = [f"shard {name}: {error}" for name, error in sorted(failed.items())[:_SHOWN]]
        if len(failed) > _SHOWN:
            lines.append(f"and {len(failed) - _SHOWN} more")
        raise RunError(one_per_line(f"{len(failed)} of {len(shards)} shards failed:", lines))
