"""What was found in images and videos: remembered from earlier runs, analyzed where it is new."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from datagen.engine import Engine, InlineEngine
from datagen.errors import ImageError, SourceChangedError, SourceError
from datagen.faces.analyzers import Analyzer
from datagen.faces.indexing.analyze import AnalyzeImages, chunks, image_stamp
from datagen.faces.indexing.cache import AnalysisCache, place_of
from datagen.faces.indexing.clip_cache import ClipCache
from datagen.faces.indexing.clips import AnalyzeClips, clip_stamp, file_digest, is_clip
from datagen.faces.indexing.narrow import analyze_all
from datagen.sources.base import Record, Source

__all__ = ["Found", "Looking", "Progress", "Remembered", "forget_changed", "look_at"]

_log = logging.getLogger(__name__)

_CHUNK = 16

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the number of images or frames analyzed, and the number to analyze; that of the
frames of videos is an estimate from those that are done."""

Found: TypeAlias = "dict[str, list[dict[str, Any]]]"
"""Rows of an analyzer by ``image_id``."""


@dataclass(slots=True)
class Remembered:
    """How much was known from earlier runs.

    Attributes:
        analyzed: Number of images and videos that were read.
        remembered: Number of those that were not.
        kept: Whether what was found could be saved for the next run.
        warnings: Warnings for the user.
    """

    analyzed: int = 0
    remembered: int = 0
    kept: bool = True
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Looking:
    """How images and videos are looked at.

    Attributes:
        analyzer: Analyzer, not yet opened.
        engine: Returns the engine; called only when there is something to analyze.
        progress: See ``Progress``.
        refresh: Whether to read everything again.
        keeps_tracks: Whether the frames of tracks are kept.
    """

    analyzer: Analyzer
    engine: Callable[[], Engine]
    progress: Progress
    refresh: bool = False
    keeps_tracks: bool = True


def look_at(
    source: Source, records: Sequence[Record], how: Looking, told: Remembered, clips: bool = False
) -> Found:
    """Return what the analyzer finds in each image or video, reading only what has changed.

    Args:
        source: The source of the records.
        records: What to look at.
        how: Analyzer, engine and progress.
        told: Is added to.
        clips: Whether videos are followed; otherwise each record is an image.
    """
    analyzer = how.analyzer
    place = source.card.id, place_of(source), analyzer.version
    found: Found = {}
    for of_clips in (False, True):
        chosen = [one for one in records if (clips and is_clip(one)) == of_clips]
        if not chosen:
            continue
        cache = ClipCache(*place) if of_clips else AnalysisCache(*place)
        known: Found = {} if how.refresh else cache.load()
        stamp = clip_stamp if of_clips else image_stamp
        fresh = [one for one in chosen if not _still_true(source, one, known, stamp)]
        told.remembered += len(chosen) - len(fresh)
        told.analyzed += len(fresh)
        if fresh:
            # If the records state everything, reading them here is faster than using workers.
            here = not (source.has_files or analyzer.needs_pixels)
            runs_on = InlineEngine() if here else how.engine()
            task: AnalyzeImages | AnalyzeClips = (
                AnalyzeClips(source, analyzer, how.keeps_tracks)
                if of_clips
                else AnalyzeImages(source, analyzer)
            )
            made = analyze_all(runs_on, task, chunks(fresh, 1 if of_clips else _CHUNK))
            new: Found = {record.image_id: [] for record in fresh}
            try:
                _collect(made, new, fresh, how.progress, of_clips)
            finally:
                known |= new
                _keep(cache, known, told)
        found |= known
    return found


def _collect(
    made: Iterable[list[dict[str, Any]]],
    new: Found,
    fresh: Sequence[Record],
    progress: Progress,
    of_clips: bool,
) -> None:
    done, frames = 0, 0
    progress(0, sum(record.frames or 1 for record in fresh))
    for rows in made:
        for row in rows:
            new[row["image_id"]].append(row)
        done += len({row["image_id"] for row in rows})
        if of_clips:
            frames += max(rows[0].get("length") or 1, 1)
            progress(frames, round(frames * len(fresh) / done))
        else:
            progress(done, len(fresh))


def _keep(cache: AnalysisCache, known: Found, told: Remembered) -> None:
    """Save what was found; a cache that cannot be written costs time, not the run."""
    try:
        # A listed file that is missing may be restored: it is looked for again in every run.
        cache.save(
            row for rows in known.values() for row in rows if row["problem"] != "missing_file"
        )
    except OSError as error:
        told.kept = False
        told.warnings.append(
            f"the face index cannot be kept, so the next run analyzes the images again: {error}. "
            "Free space there, or name another folder with DATAGEN_CACHE"
        )


def _still_true(
    source: Source, record: Record, known: Found, stamp: Callable[[Source, Record], str]
) -> bool:
    rows = known.get(record.image_id)
    if not rows or rows[0]["path"] != record.path:
        return False
    try:
        return bool(rows[0]["stamp"] == stamp(source, record))
    except (FileNotFoundError, ImageError):
        return False


def forget_changed(
    sources: Sequence[Source], analyzer: Analyzer, errors: Iterable[SourceChangedError]
) -> None:
    """Drop from the cache what a job has found to be another file than the one indexed.

    The next run then reads these files again, also where size and time of the file are equal.
    Where one was replaced without a trace, others may be: on this machine, all files of the
    source are compared with their digests.

    Args:
        sources: The sources that were indexed.
        analyzer: The analyzer that they were indexed with.
        errors: What the job said.
    """
    told: dict[str, set[str]] = {}
    for error in errors:
        if error.key and error.row is not None:
            told.setdefault(error.key, set()).add(str(error.row))
    for source in sources:
        if images := told.get(source.card.id):
            for kind in (AnalysisCache, ClipCache):
                cache = kind(source.card.id, place_of(source), analyzer.version)
                changed = set(images)
                if source.has_files and source.is_local:
                    changed |= set(_replaced(source, cache.load()))
                try:
                    cache.forget(changed)
                except OSError as error:
                    _log.warning("the face index cannot be written: %s. Delete it there", error)


def _replaced(source: Source, known: Found) -> Iterator[str]:
    for image, rows in known.items():
        try:
            with source.open(rows[0]["path"]) as file:
                digest = file_digest(file)
        except (OSError, ImageError, SourceError):
            yield image
        else:
            if rows[0]["sha256"] and digest != rows[0]["sha256"]:
                yield image
