"""Scoring a release: one task per shard, and a part on disk for each finished shard."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from datagen.core.arguments import text_or_texts
from datagen.detectors.batched import ArrayDetector, Detector
from datagen.detectors.config import DetectorConfig
from datagen.detectors.function import Called, made
from datagen.detectors.load import of_media, open_detector
from datagen.detectors.outcome import (
    ALONE,
    ScoringResult,
    doubts_of,
    one_cause,
    refuse_no_score,
    result_of,
)
from datagen.detectors.parts import all_parts, opened_parts, part_name, read_part, write_part
from datagen.detectors.repeat import Rescore, difference_alone
from datagen.detectors.shards import (
    OnProgress,
    ReleasedShard,
    answer_table,
    media_of,
    release_facts,
    run_shards,
    shards_of,
)
from datagen.detectors.spec import DetectorSpec, read_spec
from datagen.engine import Engine, InlineEngine
from datagen.errors import DetectorError, ReleaseError
from datagen.errors.redact import portable
from datagen.release import Folder
from datagen.release.reader import Release
from datagen.release.scores import OK, note_on_lost, note_on_replaced, write_scores

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ScoreShard", "score_release", "score_to_file"]


@dataclass(frozen=True, slots=True)
class ScoreShard:
    """A task over ``ReleasedShard``: the scores of its images or clips.

    Attributes:
        detector: The detector, or the spec with which every process opens its own.
        folder: The release.
        batch: Maximum number of images that the detector is given at once.
        repeated: Name of the shard of which one image is scored a second time, alone.
        per_frame: Write a row for each frame of a clip.
    """

    detector: DetectorSpec | Detector[Any]
    folder: Folder
    batch: int
    repeated: str = ""
    per_frame: bool = False

    def __call__(self, shard: ReleasedShard) -> pa.Table:
        """See ``Task``."""
        spec = self.detector
        opened = open_detector(spec, shard.clips) if isinstance(spec, DetectorSpec) else spec
        detector: Detector[Any] = opened
        rows, images = media_of(self.folder, shard)
        answers = detector.score(images, self.batch)
        table = answer_table(rows, answers, self.per_frame and shard.clips)
        if shard.name != self.repeated:
            return table
        difference = difference_alone(detector, images, answers, self.batch)
        return table.replace_schema_metadata({ALONE: portable(difference)})


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
            uint8 RGB images ``(n, height, width, 3)``, or of clips ``(n, frames, height, width,
            3)`` where ``config`` says so, and returns one answer per image or clip.
        split: The split or splits to score; by default all.
        config: Meaning of the answers; by default they are probabilities of fake.
        batch: Maximum number of images that the detector is given at once.
        engine: Returns the engine that runs the shards. With more than one process a callable
            must be picklable.
        on_progress: Called with what is finished and all, see ``OnProgress``.

    Returns:
        One row per image or clip with the columns of ``SCORES``, or one per frame with those of
        ``FRAME_SCORES`` where ``config`` says so; ``attrs`` identifies detector and
        release, and has the list ``doubts``: what makes the scores doubtful.

    Raises:
        ReleaseError: The release has no such split, or no images.
        DetectorError: The detector does not load, its answers do not fit the configuration, or
            it gave no image a score.
        RunError: Some shards failed.
    """
    config = config or DetectorConfig()
    if isinstance(detector, str):
        detector = read_spec(detector, config)
    shards = _shards(release, None if split is None else text_or_texts(split, "split"))
    if isinstance(detector, DetectorSpec):
        config, record = detector.config, detector.record()
        config.check_release(release.has_clips)
        asked: DetectorSpec | Detector[Any] = detector
    elif callable(detector):
        config.check_release(release.has_clips)
        called = made(detector, getattr(detector, "__name__", "detector"))
        opened = ArrayDetector(Called(called, config), config)
        asked = of_media(opened, config, release.has_clips)
        record = {"kind": "callable"}
        if release.has_clips:
            record["config"] = config.model_dump(mode="json", exclude_defaults=True)
    else:
        raise DetectorError(
            f"detector: must be a callable or a spec, found {type(detector).__name__}",
            key="detector",
        )
    task = ScoreShard(asked, release.folder, batch, shards[0].name, config.per_frame)
    tables: dict[ReleasedShard, pa.Table] = {}
    done, total = 0, sum(shard.work for shard in shards)
    on_progress(0, total)
    for shard, table in run_shards(engine, task, shards):
        tables[shard] = table
        done += shard.work
        on_progress(done, total)
    frame: pd.DataFrame = pa.concat_tables([tables[shard] for shard in shards]).to_pandas()
    refuse_no_score(frame, _what(release, config))
    frame.attrs = {
        "detector": record,
        "release": release_facts(release),
        "doubts": list(doubts_of(tables.values(), config)),
    }
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
    shard, and are not scored again; the folder is removed when ``out`` is written. They are used
    only if the detector still gives the scores in one of them.

    Args:
        release: The release to score.
        spec: The detector.
        out: The scores file.
        splits: The splits to score; ``None`` scores all.
        batch: Maximum number of images that the detector is given at once.
        engine: Returns the engine; called only if there is something to score.
        on_progress: Called with what is finished and all, see ``OnProgress``.

    Raises:
        ReleaseError: The release has no such split, or no images, or none that can be read.
        UserError: The detector does not load, its configuration is wrong, it fails for every
            image by one cause, the parts cannot be written, or ``out`` holds other scores.
        RunError: Some shards failed; the others are kept.
    """
    spec.config.check_release(release.has_clips)
    shards = _shards(release, splits)
    record, facts = spec.record(), release_facts(release)
    note = note_on_replaced(out, record, facts)
    with opened_parts(out) as parts:
        places = {shard: parts / part_name(shard, spec) for shard in shards}
        missing = [shard for shard in shards if read_part(places[shard]) is None]
        changed = _changed(release, spec, places, missing, engine)
        if changed:
            missing = shards
        total = sum(shard.work for shard in shards)
        done = total - sum(shard.work for shard in missing)
        on_progress(done, total)
        first = missing[0].name if missing else ""
        task = ScoreShard(spec, release.folder, batch, first, spec.config.per_frame)
        for shard, table in run_shards(engine, task, missing):
            write_part(places[shard], table)
            done += shard.work
            on_progress(done, total)
        tables = all_parts(list(places.values()))
        what = _what(release, spec.config)
        if cause := one_cause(tables, what):
            shutil.rmtree(parts)
            raise cause
        note = note or note_on_lost(out, tables)
        write_scores(out, tables, record, facts)
        shutil.rmtree(parts)
    doubts = [*filter(None, (note, changed)), *doubts_of(tables, spec.config)]
    return result_of(tables, len(shards) - len(missing), doubts, what)


def _changed(
    release: Release,
    spec: DetectorSpec,
    places: Mapping[ReleasedShard, Path],
    missing: Sequence[ReleasedShard],
    engine: Callable[[], Engine],
) -> str:
    """Return why the shards of an earlier run are not used; an empty text if they are.

    The digest of a detector cannot cover everything that decides its answers: it is asked.
    """
    for shard in sorted(set(places) - set(missing)):
        table = read_part(places[shard])
        if table is None or not any(status == OK for status in table["status"].to_pylist()):
            continue
        task = Rescore(spec, release.folder, table)
        difference = next((found for _, found in run_shards(engine, task, [shard])), "")
        return difference and (
            "the scores of an earlier, unfinished run are not used: the detector gives others now "
            f"({difference})"
        )
    return ""


def _what(release: Release, config: DetectorConfig) -> str:
    """Return what a row of scores is of."""
    if not release.has_clips:
        return "image"
    return "frame" if config.per_frame else "clip"


def _shards(release: Release, splits: Sequence[str] | None) -> list[ReleasedShard]:
    shards = shards_of(release, splits)
    if not shards:
        raise ReleaseError(f"{release.folder}: the release has no images to score")
    return shards
