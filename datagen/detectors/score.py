"""Scoring a release: one task per shard, and a part on disk for each finished shard."""

from __future__ import annotations

import io
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datagen.core.arguments import text_or_texts
from datagen.core.digests import digest_of
from datagen.core.sealed import read_sealed, write_sealed
from datagen.core.text import counted, first_of
from datagen.detectors.batched import ArrayDetector, Detector
from datagen.detectors.config import DetectorConfig
from datagen.detectors.function import made
from datagen.detectors.load import open_detector
from datagen.detectors.shards import (
    OnProgress,
    ReleasedShard,
    answer_table,
    images_of,
    release_facts,
    run_shards,
    shards_of,
)
from datagen.detectors.spec import DetectorSpec, read_spec
from datagen.engine import Engine, InlineEngine
from datagen.errors import DetectorError, ReleaseError, RunError, ScoresError
from datagen.release import Folder
from datagen.release.reader import Release
from datagen.release.scores import SCORES, write_scores

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ScoreShard", "ScoringResult", "parts_folder", "score_release", "score_to_file"]

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class ScoreShard:
    """A task over ``ReleasedShard``: the scores of its images.

    Attributes:
        detector: The detector, or the spec with which every process opens its own.
        folder: The release.
        batch: Maximum number of images that the detector is given at once.
    """

    detector: DetectorSpec | Detector
    folder: Folder
    batch: int

    def __call__(self, shard: ReleasedShard) -> pa.Table:
        """See ``Task``."""
        spec = self.detector
        detector = open_detector(spec) if isinstance(spec, DetectorSpec) else spec
        rows, images = images_of(self.folder, shard)
        return answer_table(rows, detector.score(images, self.batch))


@dataclass(frozen=True, slots=True)
class ScoringResult:
    """Counts of a scoring run.

    Attributes:
        status: Number of images by status.
        problems: The most frequent reasons for missing scores, with their counts.
        shards: Number of shards.
        reused: Number of shards that an earlier run had already scored.
    """

    status: Counter[str]
    problems: list[tuple[str, int]]
    shards: int
    reused: int

    def summary(self, path: Path) -> str:
        """Return the result in one line."""
        statuses = ", ".join(f"{count} {status}" for status, count in sorted(self.status.items()))
        reused = f" ({self.reused} from an earlier run)" if self.reused else ""
        images = counted(self.status.total(), "image")
        return f"{path}: {images} in {counted(self.shards, 'shard')}{reused}: {statuses}"


def score_release(
    release: Release,
    detector: DetectorSpec | str | Callable[[Any], object] | type,
    split: str | Sequence[str] | None = None,
    *,
    config: DetectorConfig | None = None,
    batch: int = 32,
    engine: Callable[[], Engine] = InlineEngine,
    on_progress: OnProgress = lambda done, total: None,
) -> pd.DataFrame:
    """Return the scores of a release as a table.

    Args:
        release: The release to score.
        detector: A spec, as text or read by ``read_spec``, or a callable that takes a batch of
            uint8 RGB images ``(n, height, width, 3)`` and returns one answer per image.
        split: The split or splits to score; by default all.
        config: Meaning of the answers; by default they are probabilities of fake.
        batch: Maximum number of images that the detector is given at once.
        engine: Returns the engine that runs the shards. With more than one process a callable
            must be picklable.
        on_progress: Called with finished and total shards.

    Returns:
        One row per image with the columns of ``SCORES``; ``attrs`` identifies detector and
        release.

    Raises:
        ReleaseError: The release has no such split, or no images.
        DetectorError: The detector does not load, its answers do not fit the configuration, or
            it gave no image a score.
        RunError: Some shards failed.
    """
    config = config or DetectorConfig()
    if isinstance(detector, str):
        detector = read_spec(detector, config)
    if isinstance(detector, DetectorSpec):
        task, record = ScoreShard(detector, release.folder, batch), detector.record()
    elif callable(detector):
        called = made(detector, getattr(detector, "__name__", "detector"))
        opened = ArrayDetector(_Stacked(called), config)
        task, record = ScoreShard(opened, release.folder, batch), {"kind": "callable"}
    else:
        raise DetectorError(
            f"detector: must be a callable or a spec, found {type(detector).__name__}",
            key="detector",
        )
    shards = _shards(release, None if split is None else text_or_texts(split, "split"))
    tables: dict[ReleasedShard, pa.Table] = {}
    on_progress(0, len(shards))
    for shard, table in run_shards(engine, task, shards):
        tables[shard] = table
        on_progress(len(tables), len(shards))
    frame: pd.DataFrame = pa.concat_tables([tables[shard] for shard in shards]).to_pandas()
    _refuse_no_score(frame)
    frame.attrs = {"detector": record, "release": release_facts(release)}
    return frame


def score_to_file(
    release: Release,
    spec: DetectorSpec,
    out: Path,
    splits: Sequence[str] | None,
    batch: int,
    engine: Callable[[], Engine],
    on_progress: OnProgress,
) -> ScoringResult:
    """Write the scores of a release.

    The finished shards of an unfinished run are kept in ``parts_folder(out)``, by detector and
    shard, and are not scored again; the folder is removed when ``out`` is written.

    Args:
        release: The release to score.
        spec: The detector.
        out: The scores file.
        splits: The splits to score; ``None`` scores all.
        batch: Maximum number of images that the detector is given at once.
        engine: Returns the engine; called only if there is something to score.
        on_progress: Called with finished and total shards.

    Raises:
        ReleaseError: The release has no such split, or no images.
        UserError: The detector does not load, its configuration is wrong, or the parts cannot be
            written.
        RunError: Some shards failed; the others are kept.
    """
    shards = _shards(release, splits)
    task = ScoreShard(spec, release.folder, batch)
    with _parts(out) as parts:
        places = {shard: parts / _part_name(shard, spec) for shard in shards}
        missing = [shard for shard in shards if _read_part(places[shard]) is None]
        done = len(shards) - len(missing)
        on_progress(done, len(shards))
        for shard, table in run_shards(engine, task, missing):
            _write_part(places[shard], table)
            done += 1
            on_progress(done, len(shards))
        tables = _all_parts(list(places.values()))
        write_scores(out, tables, spec.record(), release_facts(release))
        shutil.rmtree(parts)
    return _result(tables, len(shards) - len(missing))


def parts_folder(out: Path) -> Path:
    """Return the folder of the finished shards of an unfinished run."""
    return out.with_name(f"{out.name}.parts")


class _Stacked:
    """A callable of one array, as a function of a list of images."""

    def __init__(self, infer: Callable[[Any], object]) -> None:
        self._infer = infer

    def __call__(self, images: list[Any]) -> object:
        return self._infer(np.stack(images))


def _refuse_no_score(frame: pd.DataFrame) -> None:
    """Refuse a table without a single score: it says nothing of the detector."""
    if len(frame) and not (frame["status"] == "ok").any():
        first = frame.iloc[0]
        raise DetectorError(
            f"detector: none of {counted(len(frame), 'image')} has a score. The first, "
            f"{first['sample_id']}: {first['status']}: {first['detail']}",
            key="detector",
        )


def _shards(release: Release, splits: Sequence[str] | None) -> list[ReleasedShard]:
    shards = shards_of(release, splits)
    if not shards:
        raise ReleaseError(f"{release.folder}: the release has no images to score")
    return shards


@contextmanager
def _parts(out: Path) -> Iterator[Path]:
    """Create the folder of parts; remove it if it is left empty."""
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


def _part_name(shard: ReleasedShard, spec: DetectorSpec) -> str:
    return f"{shard.name}-{digest_of([spec.digest, shard.digest])[:16]}.part"


def _write_part(path: Path, table: pa.Table) -> None:
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


def _read_part(path: Path) -> pa.Table | None:
    """Return the scores of a finished shard, ``None`` if they are missing or damaged."""
    data = read_sealed(path)
    if data is None:
        return None
    try:
        table = pq.read_table(pa.BufferReader(data))
    except pa.ArrowException:
        return None
    return table if table.schema.equals(SCORES) else None


def _all_parts(paths: Sequence[Path]) -> list[pa.Table]:
    tables = {path: _read_part(path) for path in paths}
    lost = [path.name for path, table in tables.items() if table is None]
    if lost:
        raise RunError(
            f"{paths[0].parent}: {counted(len(lost), 'part')} of {len(paths)} that this run has "
            f"written are gone or damaged: {first_of(lost, _SHOWN)}. Rerun the same command: it "
            "scores those shards again",
            path=paths[0].parent,
        )
    return [table for table in tables.values() if table is not None]


def _result(tables: Sequence[pa.Table], reused: int) -> ScoringResult:
    rows = pa.concat_tables(tables).to_pandas()
    bad = rows[rows["status"] != "ok"]
    problems = Counter(f"{row.status}: {row.detail}" for row in bad.itertuples())
    status = Counter(rows["status"].tolist())
    return ScoringResult(status, problems.most_common(_SHOWN), len(tables), reused)
