"""Analysis of videos: one task per video, run on any engine; frames are read one by one."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, BinaryIO, TypeAlias, cast

import numpy as np

from datagen.core.arrays import Image
from datagen.core.digests import digest_of, sha256_bytes
from datagen.core.phash import phash_both
from datagen.errors import ImageError
from datagen.faces.analyzers import Analyzer
from datagen.faces.indexing.analyze import opened
from datagen.faces.indexing.traces import few_colors, within_border
from datagen.faces.tracks.cuts import CutFinder
from datagen.faces.tracks.follow import Follower, FoundTrack, FrameNotes
from datagen.faces.tracks.smooth import SMOOTHING
from datagen.faces.tracks.summary import summary
from datagen.faces.tracks.track import Track
from datagen.sources.base import MAX_VIDEO_FILE, VIDEO_SUFFIXES, Record, Source
from datagen.video import VideoFrame, decode_video, probe_video

__all__ = [
    "CLIP_VERSION",
    "AnalyzeClips",
    "clip_digest",
    "clip_stamp",
    "file_digest",
    "geometry",
    "is_clip",
    "middle_image",
]

CLIP_VERSION = f"clips-2-{digest_of(SMOOTHING)[:8]}"
"""Text that changes when the same frames may give other tracks; part of the cache's key."""

MAX_LENGTH = 60_000
"""Frames of the longest video that is followed: 40 minutes at 25 frames per second. The points of
its faces are kept until it ends."""

_BORDER_EVERY = 16  # frames; borders belong to a video
_SHOWN_EVERY = 8  # frames: of these, parts of a minor's video are known
_PART = 1 << 20


Seen: TypeAlias = "list[tuple[int, str | None, str | None]]"
"""Time stamp of each frame, its perceptual hash and the mirrored one's; without pixels none."""


def is_clip(record: Record) -> bool:
    """Say whether a record is a video: a file with its extension, or a clip that is rendered."""
    return record.frames is not None or record.path.lower().endswith(VIDEO_SUFFIXES)


def clip_stamp(source: Source, record: Record) -> str:
    """Return a text that changes whenever a video or its record may have changed.

    Raises:
        FileNotFoundError: The video does not exist.
        ImageError: It is no file, or larger than any video.
    """
    box = None if record.box is None else sha256_bytes(record.box.tobytes())
    if source.has_files:
        return f"{source.stamp(record.path, MAX_VIDEO_FILE)}:{digest_of(box)[:16]}"
    return f"{clip_digest(source, record)[:32]}:{record.frames}"


def clip_digest(source: Source, record: Record) -> str:
    """Return the digest that replaces the file's sha256 for a clip that is rendered."""
    parts = [source.layout, source.version, source.clip_digest_options(), record.image_id]
    return digest_of(["clip", *parts, str(record.fps)])


def middle_image(source: Source, image_id: str, path: str, middle: int) -> Image:
    """Return the middle frame of a track.

    Args:
        source: The source of the video.
        image_id: Id of the video.
        path: Its path, empty without a file.
        middle: Time stamp of the frame; of a rendered clip, its number.

    Raises:
        OSError: The file cannot be read.
        ImageError: It has no such frame any more.
    """
    if not source.has_files:
        return source.render_frame(image_id, middle)
    with source.open(path) as file, _frames(file, middle, 1) as frames:
        for frame in frames:
            return frame.image
    raise ImageError(f"no frame at time stamp {middle}")


@dataclass(frozen=True)
class AnalyzeClips:
    """A task that follows the faces of videos.

    Returns one row per track, or one row with a ``problem`` for a video without any.

    Attributes:
        source: The source.
        analyzer: Finds the faces of a frame.
        keeps: Whether the frames of the tracks are kept beside their middles; of videos without
            them, those of minors, the hash of every frame is.
    """

    source: Source
    analyzer: Analyzer
    keeps: bool = True

    def __call__(self, records: tuple[Record, ...]) -> list[dict[str, Any]]:
        """See ``Task``."""
        return [row for record in records for row in self._video(record)]

    def label(self, records: tuple[Record, ...]) -> str:
        """See ``Task``."""
        return f"video {records[0].path or records[0].image_id!r}"

    @property
    def _every(self) -> int:
        return _SHOWN_EVERY if self.keeps else 1

    def _video(self, record: Record) -> list[dict[str, Any]]:
        base: dict[str, Any] = {"image_id": record.image_id, "path": record.path, "face_no": 0}
        base |= {"phash": None, "embedding": None, "track": None}
        try:
            base["stamp"] = clip_stamp(self.source, record)
            analyzer = opened(self.analyzer)
            read = self._file if self.source.has_files else self._rendered
            rows = read(analyzer, record, base)
            return rows if self.keeps else [{**row, "track": None} for row in rows]
        except FileNotFoundError:
            return [
                {**base, "problem": "missing_file", "detail": "listed by the source, but not found"}
            ]
        except ImageError as error:
            return [{**base, "problem": "unreadable_video", "detail": str(error)}]

    def _file(
        self, analyzer: Analyzer, record: Record, base: dict[str, Any]
    ) -> list[dict[str, Any]]:
        # A table's box is the place of a person in the whole video, landmarks those of one image.
        plain = replace(record, box=None, landmarks=None, mesh=None, pose=None)
        with self.source.open(record.path) as file:
            base["sha256"] = file_digest(file)
            info = probe_video(file)
            if info.frames > MAX_LENGTH:
                raise ImageError(
                    f"{info.frames:,} frames; at most {MAX_LENGTH:,} are followed: cut the video "
                    "into parts"
                )
            base |= {"width": info.width, "height": info.height}
            base |= _rate(info.fps, "video")
            tracks = Tracker(analyzer, (info.width, info.height))
            with _frames(file) as frames:
                found = [
                    track
                    for frame in frames
                    for track in tracks.take(frame.image, frame.pts, plain)
                ]
            found += tracks.follower.finish()
        return _rows(base, found, tracks.seen, self._every)

    def _rendered(
        self, analyzer: Analyzer, record: Record, base: dict[str, Any]
    ) -> list[dict[str, Any]]:
        if record.frames is None or record.fps is None or record.size is None:
            raise ValueError(f"clip {record.image_id!r}: a rendered clip states frames, fps, size")
        width, height = record.size
        base["sha256"] = clip_digest(self.source, record)
        base |= {"width": width, "height": height, **_rate(record.fps, "rendered")}
        tracks = Tracker(analyzer, record.size)
        found: list[FoundTrack] = []
        for number in range(record.frames):
            stated = self.source.frame_record(record, number)
            image = (
                self.source.render_frame(record.image_id, number)
                if analyzer.needs_pixels
                else np.broadcast_to(np.uint8(0), (height, width, 3))
            )
            found += tracks.take(image, number, stated)
        found += tracks.follower.finish()
        return _rows(base, found, tracks.seen, self._every)


class Tracker:
    """Follows the faces of frames that come one by one.

    Args:
        analyzer: Finds the faces; opened.
        size: Width and height of the frames.
    """

    def __init__(self, analyzer: Analyzer, size: tuple[int, int]) -> None:
        self.follower = Follower(analyzer.needs_pixels, size)
        self.frames = 0
        self.seen: Seen = []
        self._analyzer = analyzer
        self._cuts = CutFinder()
        self._inner: list[int] | None = None
        self._levels = ""

    def take(self, image: Image, pts: int, record: Record) -> Iterator[FoundTrack]:
        """Yield the tracks that end with the frame before this one.

        Raises:
            ImageError: The video is longer than any that is followed.
        """
        seen = self._analyzer.needs_pixels
        cut = seen and self._cuts(image)
        if seen and (cut or self.frames % _BORDER_EVERY == 0):
            self._inner, self._levels = within_border(image), few_colors(image)
        hash_, turned = phash_both(image) if seen else (None, None)
        notes = FrameNotes(pts, hash_, turned, self._inner, self._levels)
        self.seen.append((pts, hash_, turned))
        self.frames += 1
        if self.frames > MAX_LENGTH:
            raise ImageError(f"more than {MAX_LENGTH:,} frames: cut the video into parts")
        found = self._analyzer.analyze(image, record)
        yield from self.follower.step(found, notes, cut, image if seen else None)


def _rows(
    base: dict[str, Any], found: list[FoundTrack], seen: Seen, every: int
) -> list[dict[str, Any]]:
    base["length"] = len(seen)
    shown = _shown(seen, every)
    if not found:
        # The middle frame is kept: without a face, copies of a minor's video are known by it.
        pts, hash_, turned = seen[len(seen) // 2] if seen else (None, None, None)
        said = {"problem": "no_track", "detail": f"no face in {len(seen)} frames"}
        kept = {"phash": hash_, "turned": turned, "middle": pts}
        return [{**base, **said, **shown, **kept}]
    found = sorted(found, key=lambda one: (one.track.first_frame, *one.track.boxes[0].tolist()))
    rows = [{**base, "face_no": number, **_row(one)} for number, one in enumerate(found)]
    rows[0] |= shown
    return rows


def _shown(seen: Seen, every: int) -> dict[str, Any]:
    """Return time stamps and hashes of some frames, each unlike the one before."""
    found: Seen = []
    for one in seen[::every]:
        if one[1] is not None and (not found or found[-1][1] != one[1]):
            found.append(one)
    names = ("shown", "hashes", "turned_hashes")
    return {name: [one[n] for one in found] for n, name in enumerate(names)}


def _row(found: FoundTrack) -> dict[str, Any]:
    track, embedding = found.track, found.embedding
    ended = "cut" if found.ended == "end" and found.after_cut else found.ended
    lacking = found.middle.levels
    return {
        "problem": "few_colors" if lacking else None,
        "detail": lacking or None,
        "orientation": 1,
        "phash": found.middle.phash,
        "turned": found.middle.turned,
        "inner": found.middle.inner,
        "embedding": None if embedding is None else np.round(embedding, 4).tolist(),
        "ended": ended,
        "track": track,
        **geometry(track),
    }


def geometry(track: Track) -> dict[str, Any]:
    """Return what a row of the index takes from a track: its middle frame, length and summary."""
    middle = len(track) // 2
    yaw, pitch, roll = (float(angle) for angle in track.pose[middle])
    return {
        "box": track.boxes[middle].tolist(),
        "landmarks": track.landmarks[middle].ravel().tolist(),
        "mesh": None if track.mesh is None else track.mesh[middle].ravel().tolist(),
        "yaw": yaw,
        "pitch": pitch,
        "roll": roll,
        "frames": len(track),
        "middle": int(track.pts[middle]),
        "look": summary(track),
    }


def _rate(fps: Fraction, motion: str) -> dict[str, Any]:
    fps = fps.limit_denominator(100_000)
    return {"fps_num": fps.numerator, "fps_den": fps.denominator, "motion": motion}


def _frames(
    file: BinaryIO, start: int | None = None, count: int | None = None
) -> closing[Generator[VideoFrame, None, None]]:
    """Return the frames of a file, to be closed before the file is."""
    return closing(cast("Generator[VideoFrame, None, None]", decode_video(file, start, count)))


def file_digest(file: BinaryIO) -> str:
    """Return the sha256 of an open file as 64 hex digits; it is read in pieces."""
    state = hashlib.sha256()
    while part := file.read(_PART):
        state.update(part)
    return state.hexdigest()
