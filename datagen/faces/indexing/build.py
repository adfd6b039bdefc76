"""Construction of the face index: screen records, analyze new images, select faces."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from datagen.core.text import counted
from datagen.engine import Engine
from datagen.errors import SourceError
from datagen.faces.analyzers import Analyzer
from datagen.faces.index import FaceIndex, FaceKey
from datagen.faces.indexing.face_copies import FaceCopies
from datagen.faces.indexing.joining import join_identities
from datagen.faces.indexing.look import Look, seen
from datagen.faces.indexing.minors import Fingerprint, Place, Refusal, Seen, copies_of_minors
from datagen.faces.indexing.remember import (
    Looking,
    Progress,
    Remembered,
    forget_changed,
    look_at,
)
from datagen.faces.indexing.same_photograph import same_photographs
from datagen.faces.indexing.screening import Listed, list_source
from datagen.faces.indexing.select import IndexReject, index_row, select_faces
from datagen.faces.indexing.select_clips import select_tracks
from datagen.faces.tracks.track import Track
from datagen.rights import Purpose
from datagen.sources.base import Record, Source

__all__ = [
    "BuiltIndex",
    "ClipLimits",
    "FaceLimits",
    "build_index",
    "forget_changed",
    "stated_index",
]


@dataclass(frozen=True, slots=True)
class FaceLimits:
    """Limits for usable faces: smallest side in pixels and largest yaw in degrees."""

    min_side: int
    max_yaw: float


@dataclass(frozen=True, slots=True)
class ClipLimits:
    """What makes a track long enough, and which sources are not indexed as videos.

    Attributes:
        span: Number of consecutive frames that a clip reaches over.
        stills: Ids of the cards of sources whose images are used: with a camera over them.
    """

    span: int
    stills: frozenset[str] = frozenset()


@dataclass(slots=True)
class BuiltIndex(Remembered):
    """The index, with rejected images and faces and with warnings for the user.

    ``kept`` is false if the cache cannot be written: the next run analyzes everything again.
    ``passed_over`` counts, by source and kind, the entries that a source has and does not list;
    ``listed`` holds, by source, the number of its images or videos and of their identities.
    """

    index: FaceIndex = field(default_factory=lambda: FaceIndex.from_rows([]))
    rejects: list[IndexReject] = field(default_factory=list)
    passed_over: dict[str, Mapping[str, int]] = field(default_factory=dict)
    listed: dict[str, tuple[int, int]] = field(default_factory=dict)


def build_index(  # noqa: PLR0913 - each is what the user has chosen
    sources: Sequence[Source],
    analyzer: Analyzer,
    limits: FaceLimits,
    purpose: Purpose,
    engine: Callable[[], Engine],
    progress: Progress,
    refresh: bool = False,
    clip: ClipLimits | None = None,
) -> BuiltIndex:
    """Return the index of all sources; only files that changed since the last run are read.

    Args:
        sources: Sources that passed the rights gate.
        analyzer: Analyzer, not yet opened.
        limits: Limits for usable faces.
        purpose: The purpose, which an image's own license must cover.
        engine: Returns the engine; called only when there are images to analyze.
        progress: See ``Progress``.
        refresh: Whether to read every file again, also those that seem to be unchanged.
        clip: For clips: sources that list videos are indexed as tracks.

    Raises:
        SourceError: A source's listing is invalid, or it has no usable face.
    """
    built = BuiltIndex()
    rows: list[dict[str, Any]] = []
    tracks: dict[FaceKey, Track] = {}
    listed = [_list(source, purpose, clip) for source in sources]
    for one in listed:
        built.warnings += one.notes
        if one.passed_over:
            built.passed_over[one.source.card.id] = one.passed_over
        if not one.screened.records:
            raise SourceError(_nothing_left(one.source, one.screened.rejects))
        people = {record.identity for record in one.screened.records}
        built.listed[one.source.card.id] = len(one.screened.records), len(people)
    how = Looking(analyzer, engine, progress, refresh)
    all_found = [look_at(one.source, one.screened.records, how, built, one.clips) for one in listed]
    copies = _copies(listed, all_found, how, built)
    for one, found in zip(listed, all_found, strict=True):
        source, id_ = one.source, one.source.card.id
        records = [r for r in one.screened.records if (id_, r.image_id) not in copies]
        sizes = limits.min_side, limits.max_yaw
        if clip is not None and one.clips:
            selected = select_tracks(source.card, records, found, sizes, clip.span)
            kept, unfit = selected.rows, selected.rejects
            tracks |= selected.tracks
        else:
            kept, unfit = select_faces(source.card, records, found, *sizes)
        refused = [
            *one.screened.rejects,
            *(IndexReject(*place, *why) for place, why in copies.items() if place[0] == id_),
            *unfit,
        ]
        built.rejects += refused
        if not kept:
            raise SourceError(_nothing_left(source, refused))
        rows += kept
    built.warnings += join_identities(
        sources, rows, same_photographs(sources, rows, engine, analyzer.same_person)
    )
    built.index = FaceIndex.from_rows(rows, tracks)
    return built


def _list(source: Source, purpose: Purpose, clip: ClipLimits | None) -> Listed:
    """List the videos of a source for clips, or its images where it has none."""
    if clip is not None and source.has_clips and source.card.id not in clip.stills:
        videos = list_source(source, purpose, clips=True)
        if videos.screened.records or videos.screened.rejects:
            return videos
    return list_source(source, purpose)


def stated_index(
    sources: Sequence[Source], purpose: Purpose, clip: ClipLimits | None = None
) -> FaceIndex:
    """Return the index as the sources state it, before any image is read.

    It has identities and attributes but no geometry: enough to check whether splits and donor
    rules can be satisfied if every image turns out to be usable. Of a video file it is not known
    how long it is: it counts as one clip.
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
    listed = [_list(source, purpose, clip) for source in sources]
    return FaceIndex.from_rows(
        [
            index_row(one.source.card, record, {**face, **_stated_length(one, record, clip)})
            for one in listed
            for record in one.screened.records
        ]
    )


def _stated_length(one: Listed, record: Record, clip: ClipLimits | None) -> dict[str, Any]:
    if clip is None or not one.clips:
        return {}
    fps = record.fps or Fraction(25)
    return {
        "frames": record.frames or clip.span,
        "fps_num": fps.numerator,
        "fps_den": fps.denominator,
        "motion": "video" if one.source.has_files else "rendered",
    }


def _copies(
    listed: Sequence[Listed],
    all_found: Sequence[Mapping[str, list[dict[str, Any]]]],
    how: Looking,
    built: BuiltIndex,
) -> dict[Place, Refusal]:
    """Return which accepted images show a stated minor, and why they are refused."""
    minors: list[Seen] = []
    marks = replace(
        how,
        analyzer=Fingerprint(how.analyzer),
        progress=lambda done, total: None,
        keeps_tracks=False,
    )
    unread = 0
    for one in listed:
        if one.minors:
            aside = Remembered()
            prints = look_at(one.source, one.minors, marks, aside, one.clips)
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
    by_face = FaceCopies(sources, others, how.analyzer, how.engine)
    refused = copies_of_minors(minors, others, Look(sources, how.analyzer, known), by_face)
    built.warnings += by_face.warnings
    return refused


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
