"""The shards of a release as keys of a task, and the images or clips of one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import pandas as pd
import pyarrow as pa

from datagen.core.digests import digest_of, sha256_bytes
from datagen.core.media import suffix_of
from datagen.core.text import counted
from datagen.detectors.batched import Encoded, Medium
from datagen.detectors.clips import ReleasedClip
from datagen.detectors.postprocess import Answer
from datagen.engine import Engine, Task
from datagen.errors import DatagenError, ReleaseError, RunError, UserError, one_per_line
from datagen.release import Folder
from datagen.release.manifest import ManifestFile, manifest_file, read_manifest
from datagen.release.pixels import header_problem
from datagen.release.reader import Release
from datagen.release.scores import score_table

__all__ = [
    "OnProgress",
    "ReleasedShard",
    "answer_table",
    "media_of",
    "release_facts",
    "run_shards",
    "shards_of",
]

R = TypeVar("R")

OnProgress = Callable[[int, int], None]
"""Called with the bytes of the finished shards and of all shards, see ``ReleasedShard.work``."""

_SHOWN = 5
_COLUMNS = [
    *("sample_id", "sha256", "media_path", "media_offset", "media_size", "media_type"),
    *("label", "kind", "split", "method", "identity_id", "pair_id"),
]
_OF_CLIPS = ("frames", "width", "height")


@dataclass(frozen=True, slots=True, order=True)
class ReleasedShard:
    """One shard of a finished release.

    Attributes:
        file: Its manifest file.
        digest: Digest of its manifest and its images.
        clips: Whether it holds clips.
    """

    file: ManifestFile
    digest: str
    clips: bool = False

    @property
    def name(self) -> str:
        """Name of the shard, e.g. ``train-000000``."""
        return self.file.shard

    @property
    def work(self) -> int:
        """How much there is to read, in bytes, by which progress is told."""
        return sum(self.file.tars.values())

    @property
    def split(self) -> str:
        """The split that the whole shard belongs to."""
        return self.file.split


def shards_of(release: Release, splits: Sequence[str] | None) -> list[ReleasedShard]:
    """Return the shards of some splits, or of all, in the order of the manifest.

    Raises:
        ReleaseError: The release has no such split.
    """
    files = release.record["files"]
    shards = []
    for name in release.manifest_files(splits):
        file = manifest_file(release.record, name)
        digest = digest_of([files[name]["sha256"], *(files[tar]["sha256"] for tar in file.tars)])
        shards.append(ReleasedShard(file, digest, release.has_clips))
    return shards


def release_facts(release: Release) -> dict[str, Any]:
    """Return what identifies a release in the metadata of scores and models."""
    record = release.record
    return {
        "name": record["name"],
        "version": record["version"],
        "recipe_digest": record["recipe_digest"],
        "content": digest_of(record["files"]),
    }


def media_of(folder: Folder, shard: ReleasedShard) -> tuple[pd.DataFrame, Sequence[Medium]]:
    """Return a shard's rows, and its encoded images or its clips, of which none is read yet.

    A missing image gives the reason in its place.
    """
    try:
        columns = [*_COLUMNS, *(_OF_CLIPS if shard.clips else ())]
        table = read_manifest(folder, shard.file, columns)
    except ReleaseError as error:
        if error.row is not None:  # a row that breaks the rules: nothing of it is believed
            raise
        # the other shards can still be scored
        raise DatagenError(str(error)) from None
    rows: pd.DataFrame = table.to_pandas()
    records: list[dict[Any, Any]] = rows.to_dict("records")
    if shard.clips:
        return rows, [ReleasedClip(folder, row) for row in records]
    return rows, [_encoded(folder, row) for row in records]


def answer_table(
    rows: pd.DataFrame, answers: Sequence[Answer], per_frame: bool = False
) -> pa.Table:
    """Return the answers for some manifest rows as a table of scores.

    Args:
        rows: The rows.
        answers: The answer for each.
        per_frame: Write the answers for the frames of each clip instead.
    """
    frames = None
    if per_frame:
        counts = [len(answer.frames) for answer in answers]
        rows = rows.loc[rows.index.repeat(counts)]
        frames = [number for count in counts for number in range(count)]
        answers = [one for answer in answers for one in answer.frames]
    return score_table(
        rows["sample_id"].tolist(),
        rows["sha256"].tolist(),
        [answer.score for answer in answers],
        [answer.status for answer in answers],
        [answer.detail for answer in answers],
        frames,
    )


def run_shards(
    engine: Callable[[], Engine], task: Task[ReleasedShard, R], shards: Sequence[ReleasedShard]
) -> Iterator[tuple[ReleasedShard, R]]:
    """Yield each shard with the result of the task, in any order.

    Raises:
        UserError: The first one; no other shard can do better.
        RunError: Some shards failed, after all have been tried.
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
        head = f"{len(failed)} of {counted(len(shards), 'shard')} failed:"
        raise RunError(one_per_line(head, lines))


def _encoded(folder: Folder, row: dict[Any, Any]) -> Encoded:
    sample_id, path = str(row["sample_id"]), str(row["media_path"])
    try:
        suffix = suffix_of(str(row["media_type"]))
        data = folder.read_range(path, int(row["media_offset"]), int(row["media_size"]))
    except FileNotFoundError:
        return Encoded(sample_id, None, "", f"{path} is missing")
    except (OSError, ValueError) as error:
        return Encoded(sample_id, None, "", f"{path} cannot be read: {error}")
    if sha256_bytes(data) != row["sha256"]:
        return Encoded(sample_id, None, suffix, f"its bytes in {path} differ from the manifest")
    if problem := header_problem(data, row, str(row["media_type"]), "image"):
        return Encoded(sample_id, None, suffix, problem)  # no program is given something else
    return Encoded(sample_id, data, suffix)
