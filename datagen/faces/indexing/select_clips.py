"""Which tracks of a video are used: of the right person, fit in every frame, and long enough."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datagen.faces.index import FaceKey
from datagen.faces.indexing.clips import geometry
from datagen.faces.indexing.select import IndexReject, index_row
from datagen.faces.indexing.traces import is_cut_by_border
from datagen.faces.tracks.link import overlaps
from datagen.faces.tracks.track import Track
from datagen.sources import Record, SourceCard

__all__ = ["SelectedTracks", "select_tracks"]

_ELSEWHERE = "no face that was followed lies in the box that the source states"

_SHORT = {
    "cut": ("cut", "a scene cut ends or begins it"),
    "lost": ("face_lost", "then the face is gone, unclear or out of the image"),
    "end": ("too_short", "the video is no longer"),
    "length": ("too_short", "it is the rest of a long one"),
}

Row = Mapping[str, Any]


@dataclass(slots=True)
class SelectedTracks:
    """What is used of a source's videos.

    Attributes:
        rows: Rows of the index.
        tracks: The track of each.
        rejects: Why the others are not used.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    tracks: dict[FaceKey, Track] = field(default_factory=dict)
    rejects: list[IndexReject] = field(default_factory=list)


def select_tracks(
    card: SourceCard,
    records: Sequence[Record],
    found: Mapping[str, list[dict[str, Any]]],
    limits: tuple[int, float],
    span: int,
) -> SelectedTracks:
    """Return the tracks that can be used: the parts of tracks in which every frame is fit.

    Args:
        card: The source's card.
        records: The screened videos.
        found: Rows of ``AnalyzeClips``, by ``image_id``.
        limits: Smallest side of a face in pixels, and largest yaw in degrees.
        span: Number of frames that a clip reaches over.
    """
    selected = SelectedTracks()
    for record in records:
        number = 0
        for row, part, code, detail in _judged(card, record, found[record.image_id], limits, span):
            if part is None:
                selected.rejects.append(IndexReject(card.id, record.image_id, code, detail))
                continue
            track = row["track"].window(part.start, part.stop - part.start, 1)
            used = {**row, **geometry(track), "face_no": number}
            selected.rows.append(index_row(card, record, used))
            selected.tracks[card.id, record.image_id, number] = track
            number += 1
    return selected


def _judged(
    card: SourceCard, record: Record, rows: Sequence[Row], limits: tuple[int, float], span: int
) -> Iterator[tuple[Row, slice | None, str, str]]:
    """Yield each row with the part that is used, or without one and with a code and detail."""
    whole = [row for row in rows if row["track"] is not None]
    if not whole:
        for row in rows:
            yield row, None, row["problem"], row["detail"] or ""
        return
    chosen = _chosen(card, record, whole)
    if not chosen:
        yield whole[0], None, "no_track", _ELSEWHERE
    for number, row in enumerate(whole):
        if number not in chosen:
            if record.box is None:
                yield row, None, "not_largest", _named(row)
        elif row["problem"] is not None:
            yield row, None, row["problem"], row["detail"] or ""
        else:
            yield from _parts(row, limits, span)


def _chosen(card: SourceCard, record: Record, rows: Sequence[Row]) -> set[int]:
    """Return which tracks are of the person: among those seen at once, one."""
    if record.box is None and card.faces == "all":
        return set(range(len(rows)))
    tracks: list[Track] = [row["track"] for row in rows]
    mean = [track.boxes.astype(np.float64).mean(axis=0) for track in tracks]
    if record.box is None:
        rank = np.array([np.prod(box[2:] - box[:2]) for box in mean])
    else:
        rank = overlaps(mean, [record.box])[:, 0]
    spans = [(track.first_frame, track.first_frame + len(track)) for track in tracks]
    return {
        one
        for one, (first, end) in enumerate(spans)
        if rank[one] > 0
        and not any(
            rank[other] > rank[one] and start < end and first < stop
            for other, (start, stop) in enumerate(spans)
        )
    }


def _parts(
    row: Row, limits: tuple[int, float], span: int
) -> Iterator[tuple[Row, slice | None, str, str]]:
    track: Track = row["track"]
    if len(track) < span:
        code, why = _SHORT[row["ended"]]
        yield row, None, code, f"{_named(row)}, minimum {span}: {why}"
        return
    faults = _faults(row, limits)
    fit = ~np.any(list(faults.values()), axis=0)
    parts = [part for part in _runs(fit) if part.stop - part.start >= span]
    for part in parts:
        yield row, part, "", ""
    if not parts:
        code = max(faults, key=lambda name: int(faults[name].sum()))
        longest = max((part.stop - part.start for part in _runs(fit)), default=0)
        yield (
            row,
            None,
            code,
            f"{_named(row)}, of them {int(faults[code].sum())} unfit: no more than {longest} "
            f"in a row can be used, minimum {span}",
        )


def _faults(row: Row, limits: tuple[int, float]) -> dict[str, NDArray[np.bool_]]:
    """Return for each code which frames it spoils."""
    track: Track = row["track"]
    min_side, max_yaw = limits
    sides = (track.boxes[:, 2:] - track.boxes[:, :2]).min(axis=1)
    with np.errstate(invalid="ignore"):
        turned = np.abs(track.pose[:, 0]) > max_yaw
    inner = row["inner"]
    cut = [inner is not None and is_cut_by_border(box.tolist(), inner) for box in track.boxes]
    return {
        "too_small": np.asarray(sides < min_side),
        "too_turned": np.asarray(turned),
        "face_at_border": np.array(cut, bool),
    }


def _runs(fit: NDArray[np.bool_]) -> list[slice]:
    runs, start = [], 0
    for value, group in groupby(fit.tolist()):
        stop = start + sum(1 for _ in group)
        if value:
            runs.append(slice(start, stop))
        start = stop
    return runs


def _named(row: Row) -> str:
    track: Track = row["track"]
    return f"track {row['face_no']}: {len(track)} frames from {track.first_frame} on"
