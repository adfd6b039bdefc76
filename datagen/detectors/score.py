"""Scoring a release: a task a shard, and a part on disk for each that is done."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from datagen.core.digests import digest_of
from datagen.detectors.errors import ScoresError
from datagen.detectors.load import open_detector
from datagen.detectors.shards import (
    ReleasedShard,
    Tell,
    images_of,
    release_facts,
    run_shards,
    shards_of,
)
from datagen.detectors.spec import DetectorSpec
from datagen.detectors.table import SCORES, score_table, write_scores
from datagen.engine import Engine
from datagen.errors import ReleaseError
from datagen.release import Folder
from datagen.release.reader import Release

__all__ = ["ScoreShard", "Scored", "parts_folder", "score_release"]


@dataclass(frozen=True, slots=True)
class ScoreShard:
    """A task over ``ReleasedShard``: the scores of its images.

    Attributes:
        batch: Most images that a detector sees at once.
    """

    spec: DetectorSpec
    folder: Folder
    batch: int

    def __call__(self, shard: ReleasedShard) -> pa.Table:
        """See ``Task``."""
        detector = open_detector(self.spec)
        rows, images = images_of(self.folder, shard)
        answers = detector.score(images, self.batch)
        return score_table(rows["sample_id"].tolist(), rows["sha256"].tolist(), answers)


@dataclass(frozen=True, slots=True)
class Scored:
    """What a run came to.

    Attributes:
        status: Images by status.
        details: The commonest reasons of what has no score, with their counts.
        reused: Shards whose part was there from an earlier run.
    """

    status: Counter[str]
    details: list[tuple[str, int]]
    shards: int
    reused: int


def score_release(
    release: Release,
    spec: DetectorSpec,
    out: Path,
    splits: Sequence[str] | None,
    batch: int,
    engine: Callable[[], Engine],
    tell: Tell,
) -> Scored:
    """Write the scores of a release.

    What is done of an unfinished run lies in ``parts_folder(out)``, keyed by detector and shard,
    and is not done again; it goes when ``out`` is written.

    Args:
        release: Whose images.
        spec: The detector.
        out: A Parquet file, see ``SCORES``.
        splits: ``None``: all.
        batch: See ``ScoreShard``.
        engine: Asked for when there is something to do.
        tell: Told of progress.

    Raises:
        ReleaseError: A split that is not there, or nothing to score.
        UserError: The detector does not load, its configuration is wrong, or there is no place for
            the parts.
        RunError: Shards failed; the others are kept.
    """
    shards = shards_of(release, splits)
    if not shards:
        raise ReleaseError(f"{release.folder}: has no images to score")
    parts = parts_folder(out)
    try:
        parts.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ScoresError(f"{parts}: cannot be made: {error.strerror or error}") from None
    try:
        return _scored(release, spec, out, shards, batch, (engine, tell))
    finally:
        if parts.is_dir() and not any(parts.iterdir()):
            parts.rmdir()


def parts_folder(out: Path) -> Path:
    """Return where the parts of an unfinished run lie."""
    return out.with_name(f"{out.name}.parts")


def _scored(
    release: Release,
    spec: DetectorSpec,
    out: Path,
    shards: Sequence[ReleasedShard],
    batch: int,
    run: tuple[Callable[[], Engine], Tell],
) -> Scored:
    engine, tell = run
    parts = parts_folder(out)
    places = {shard: parts / _part_name(shard, spec) for shard in shards}
    missing = [shard for shard in shards if not _is_part(places[shard])]
    done = len(shards) - len(missing)
    tell(done, len(shards))
    for shard, table in run_shards(engine, ScoreShard(spec, release.folder, batch), missing):
        staged = places[shard].with_suffix(".staged")
        pq.write_table(table, staged)
        staged.replace(places[shard])
        done += 1
        tell(done, len(shards))
    tables = [pq.read_table(places[shard]) for shard in shards]
    write_scores(out, tables, spec.record(), release_facts(release))
    shutil.rmtree(parts)
    return _summary(tables, len(shards) - len(missing))


def _part_name(shard: ReleasedShard, spec: DetectorSpec) -> str:
    return f"{shard.name}-{digest_of([spec.digest, shard.digest])[:16]}.parquet"


def _is_part(path: Path) -> bool:
    try:
        found = pq.read_schema(path)
    except (pa.ArrowException, OSError):
        return False
    return bool(found.equals(SCORES))


def _summary(tables: Sequence[pa.Table], reused: int) -> Scored:
    rows = pa.concat_tables(tables).to_pandas()
    bad = rows[rows["status"] != "ok"]
    details = Counter(f"{row.status}: {row.detail}" for row in bad.itertuples())
    return Scored(Counter(rows["status"].tolist()), details.most_common(3), len(tables), reused)
