"""Construction of the face index: screen records, analyze new images, select faces."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from datagen.core.digests import sha256_bytes
from datagen.core.text import counted
from datagen.engine import Engine, InlineEngine
from datagen.errors import ImageError, SourceChangedError, SourceError
from datagen.faces.analyzers import Analyzer
from datagen.faces.index import FaceIndex
from datagen.faces.indexing.analyze import AnalyzeImages, chunks, image_stamp
from datagen.faces.indexing.cache import AnalysisCache, place_of
from datagen.faces.indexing.face_copies import FaceCopies
from datagen.faces.indexing.joining import join_identities
from datagen.faces.indexing.look import Look, seen
from datagen.faces.indexing.minors import Fingerprint, Place, Refusal, Seen, copies_of_minors
from datagen.faces.indexing.narrow import analyze_all
from datagen.faces.indexing.same_photograph import same_photographs
from datagen.faces.indexing.screening import Listed, list_source
from datagen.faces.indexing.select import IndexReject, index_row, select_faces
from datagen.rights import Purpose
from datagen.sources.base import Record, Source

__all__ = ["BuiltIndex", "FaceLimits", "build_index", "forget_changed", "stated_index"]

_log = logging.getLogger(__name__)

_CHUNK = 16

Progress = Callable[[int, int], None]
"""Called with the number of images analyzed and the number to analyze."""


@dataclass(frozen=True, slots=True)
class FaceLimits:
    """Limits for usable faces: smallest side in pixels and largest yaw in degrees."""

    min_side: int
    max_yaw: float


@dataclass(slots=True)
class BuiltIndex:
    """The index, with rejected images and faces and with warnings for the user.

    ``kept`` is false if the cache cannot be written: the next run analyzes everything again.
    ``passed_over`` counts, by source and kind, the entries that a source has and does not list.
    """

    index: FaceIndex
    rejects: list[IndexReject] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    analyzed: int = 0
    remembered: int = 0
    kept: bool = True
    passed_over: dict[str, Mapping[str, int]] = field(default_factory=dict)


def build_index(
    sources: Sequence[Source],
    analyzer: Analyzer,
    limits: FaceLimits,
    purpose: Purpose,
    engine: Callable[[], Engine],
    progress: Progress,
    refresh: bool = False,
) -> BuiltIndex:
    """Return the index of all sources; only images that changed since the last run are read.

    Args:
        sources: Sources that passed the rights gate.
        analyzer: Analyzer, not yet opened.
        limits: Limits for usable faces.
        purpose: The purpose, which an image's own license must cover.
        engine: Returns the engine; called only when there are images to analyze.
        progress: See ``Progress``.
        refresh: Whether to read every image again, also those that seem to be unchanged.

    Raises:
        SourceError: A source's listing is invalid, or it has no usable face.
    """
    built = BuiltIndex(FaceIndex.from_rows([]))
    rows: list[dict[str, Any]] = []
    listed = [list_source(source, purpose) for source in sources]
    for one in listed:
        built.warnings += one.notes
        if one.passed_over:
            built.passed_over[one.source.card.id] = one.passed_over
        if not one.screened.records:
            raise SourceError(_nothing_left(one.source, one.screened.rejects))
    all_found = [
        _analyze(one.source, analyzer, one.screened.records, engine, progress, built, refresh)
        for one in listed
    ]
    copies = _copies(listed, all_found, analyzer, engine, built, refresh)
    for one, found in zip(listed, all_found, strict=True):
        source, id_ = one.source, one.source.card.id
        records = [r for r in one.screened.records if (id_, r.image_id) not in copies]
        kept, unfit = select_faces(source.card, records, found, limits.min_side, limits.max_yaw)
        refused = [
            *one.screened.rejects,
            *(IndexReject(*place, *why) for place, why in copies.items() if place[0] == id_),
            *unfit,
        ]
        built.rejects += refused
        if not kept:
            raise SourceError(_nothing_left(source, refused))
        rows += kept
    built.warnings += join_identities(sources, rows, same_photographs(sources, rows, engine))
    built.index = FaceIndex.from_rows(rows)
    return built


def stated_index(sources: Sequence[Source], purpose: Purpose) -> FaceIndex:
    """Return the index as the sources state it, before any image is read.

    It has identities and attributes but no geometry: enough to check whether splits and donor
    rules can be satisfied if every image turns out to be usable.
    """
    nowhere = {"box": [0.0] * 4, "landmarks": [0.0] * 136, "mesh": None, "embedding": None}
    unseen = {
        "width": 0,
        "height": 0,
        "orientation": 1,
        "yaw": math.nan,
        "pitch": math.nan,
        "roll": math.nan,
    }
    face = {"face_no": 0, "sha256": "", "phash": None, **nowhere, **unseen}
    return FaceIndex.from_rows(
        [
            index_row(source.card, record, face)
            for source in sources
            for record in list_source(source, purpose).screened.records
        ]
    )


def _copies(
    listed: Sequence[Listed],
    all_found: Sequence[Mapping[str, list[dict[str, Any]]]],
    analyzer: Analyzer,
    engine: Callable[[], Engine],
    built: BuiltIndex,
    refresh: bool,
) -> dict[Place, Refusal]:
    """Return which accepted images show a stated minor, and why they are refused."""
    minors: list[Seen] = []
    marks = Fingerprint(analyzer)
    unread = 0
    for one in listed:
        if one.minors:
            aside = BuiltIndex(built.index)
            unseen = lambda done, total: None  # noqa: E731
            prints = _analyze(one.source, marks, one.minors, engine, unseen, aside, refresh)
            built.warnings += aside.warnings
            read = seen(one.source, one.minors, prints)
            unread += len(one.minors) - len(read)
            minors += read
    if unread:
        built.warnings.append(
            f"{counted(unread, 'image')} of stated minors could not be read, so copies of them "
            "under other names are not found"
        )
    if not minors:
        return {}
    others = [
        image
        for one, found in zip(listed, all_found, strict=True)
        for image in seen(one.source, one.screened.records, found)
    ]
    sources = {one.source.card.id: one.source for one in listed}
    known = {
        one.source.card.id: {
            record.image_id: found[record.image_id] for record in one.screened.records
        }
        for one, found in zip(listed, all_found, strict=True)
    }
    by_face = FaceCopies(sources, others, analyzer, engine)
    refused = copies_of_minors(minors, others, Look(sources, analyzer, known), by_face)
    built.warnings += by_face.warnings
    return refused


def _analyze(
    source: Source,
    analyzer: Analyzer,
    records: Sequence[Record],
    engine: Callable[[], Engine],
    progress: Progress,
    built: BuiltIndex,
    refresh: bool = False,
) -> dict[str, list[dict[str, Any]]]:
    cache = AnalysisCache(source.card.id, place_of(source), analyzer.version)
    known = {} if refresh else cache.load()
    fresh = [record for record in records if not _still_true(source, record, known)]
    built.remembered += len(records) - len(fresh)
    built.analyzed += len(fresh)
    if fresh:
        done = 0
        progress(0, len(fresh))
        new: dict[str, list[dict[str, Any]]] = {record.image_id: [] for record in fresh}
        # If the records already state everything, reading them here is faster than using workers.
        here = not (source.has_files or analyzer.needs_pixels)
        chosen = InlineEngine() if here else engine()
        task = AnalyzeImages(source, analyzer)
        try:
            for rows in analyze_all(chosen, task, chunks(fresh, _CHUNK)):
                for row in rows:
                    new[row["image_id"]].append(row)
                done += len({row["image_id"] for row in rows})
                progress(done, len(fresh))
        finally:
            known |= new
            _keep(cache, known, built)
    return known


def _keep(
    cache: AnalysisCache, known: Mapping[str, list[dict[str, Any]]], built: BuiltIndex
) -> None:
    """Save what was found; a cache that cannot be written costs time, not the run."""
    try:
        # A listed file that is missing may be restored: it is looked for again in every run.
        cache.save(
            row for rows in known.values() for row in rows if row["problem"] != "missing_file"
        )
    except OSError as error:
        built.kept = False
        built.warnings.append(
            f"the face index cannot be kept, so the next run analyzes the images again: {error}. "
            "Free space there, or name another folder with DATAGEN_CACHE"
        )


def _still_true(source: Source, record: Record, known: Mapping[str, list[dict[str, Any]]]) -> bool:
    rows = known.get(record.image_id)
    if not rows or rows[0]["path"] != record.path:
        return False
    try:
        return bool(rows[0]["stamp"] == image_stamp(source, record))
    except (FileNotFoundError, ImageError):
        return False


def forget_changed(
    sources: Sequence[Source], analyzer: Analyzer, errors: Iterable[SourceChangedError]
) -> None:
    """Drop from the cache what a job has found to be another image than the one indexed.

    The next run then reads these images again, also where size and time of the file are equal.
    Where one image was replaced without a trace, others may be: on this machine, all files of the
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
            cache = AnalysisCache(source.card.id, place_of(source), analyzer.version)
            if source.has_files and source.is_local:
                images |= set(_replaced(source, cache.load()))
            try:
                cache.forget(images)
            except OSError as error:
                _log.warning("the face index cannot be written: %s. Delete it there", error)


def _replaced(source: Source, known: Mapping[str, list[dict[str, Any]]]) -> Iterator[str]:
    for image, rows in known.items():
        try:
            data = source.read(rows[0]["path"])
        except (OSError, ImageError, SourceError):
            yield image
        else:
            if rows[0]["sha256"] and sha256_bytes(data) != rows[0]["sha256"]:
                yield image


def _nothing_left(source: Source, refused: Sequence[IndexReject]) -> str:
    codes: dict[str, int] = {}
    for reject in refused:
        codes[reject.code] = codes.get(reject.code, 0) + 1
    counts = ", ".join(f"{count} {code}" for code, count in sorted(codes.items())) or "no images"
    advice = ""
    if codes.get("age_unknown"):
        advice = (
            ". Provide ages (a column of the table, or the layout's option 'ages'), or, if all "
            "subjects are known to be adults, set consent.adults_only: true with its grounds in a "
            "card of your own (docs/sources.md)"
        )
    elif codes.get("missing_file"):
        advice = f". Check that {source.root!r} is the right folder"
    return f"source {source.card.id!r} has no usable face ({counts}){advice}"
