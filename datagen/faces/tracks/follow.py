"""Faces followed from frame to frame, one frame at a time: pixels are never kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Box, Image, check_landmarks, check_mesh
from datagen.faces.analyzers import Detection
from datagen.faces.crop import face_box
from datagen.faces.tracks.flow import Step, head_step
from datagen.faces.tracks.link import linked
from datagen.faces.tracks.smooth import smooth
from datagen.faces.tracks.track import POINT_GRID, Track

__all__ = ["MAX_TRACK", "Ended", "Follower", "FoundTrack", "FrameNotes"]

Ended: TypeAlias = Literal["end", "cut", "lost", "length"]
"""Why a track goes no further: end of the video, a scene cut, a face that is gone, unclear or out
of the image, or its length."""

MAX_TRACK = 2048
"""The most frames of a track: a face that is seen for longer has several, one after another."""

_LARGEST_SHARE_OUTSIDE = 0.2
_NEAR = 2.0  # side of the surroundings of a face, as a multiple of its own
_POSE_GRID = 16.0


@dataclass(frozen=True, slots=True)
class FrameNotes:
    """What is known of a frame as a whole.

    Attributes:
        pts: Time stamp.
        phash: Perceptual hash; ``None`` if its pixels were not read.
        turned: That of the mirrored frame.
        inner: What lies within a border of one color, see ``within_border``.
        levels: Which levels it lacks, see ``few_colors``.
    """

    pts: int
    phash: str | None = None
    turned: str | None = None
    inner: list[int] | None = None
    levels: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class FoundTrack:
    """A track, and what a row of the index needs beside it.

    Attributes:
        track: The geometry by frame.
        middle: Notes of its middle frame.
        embedding: Mean of the embeddings, of unit length; ``None`` if the analyzer gives none.
        ended: Why it goes no further.
        after_cut: Whether a scene cut came right before it.
    """

    track: Track
    middle: FrameNotes
    embedding: NDArray[np.float32] | None
    ended: Ended
    after_cut: bool


@dataclass(slots=True, eq=False)
class _Open:
    """A face that is being followed."""

    first: int
    after_cut: bool
    notes: list[FrameNotes] = field(default_factory=list)
    landmarks: list[NDArray[np.float32]] = field(default_factory=list)
    meshes: list[NDArray[np.float32]] = field(default_factory=list)
    poses: list[tuple[float, float, float]] = field(default_factory=list)
    others: list[int] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    steps: list[Step | None] = field(default_factory=list)
    embedding: NDArray[np.float64] | None = None

    def expected(self) -> Box:
        """Return the box in the next frame, if the face moves on as it did."""
        if len(self.boxes) < 2:
            return self.boxes[-1]
        shift = (self.boxes[-1] - self.boxes[-2]).reshape(2, 2).mean(axis=0)
        return np.asarray(self.boxes[-1] + np.tile(shift, 2), np.float32)

    def add(
        self,
        found: Detection,
        box: Box,
        others: int,
        notes: FrameNotes,
        images: tuple[Image | None, Image | None],
    ) -> None:
        last, now = images
        step = None
        if self.boxes and last is not None and now is not None:
            step = head_step(last, now, self.boxes[-1])
        self.steps.append(step)
        self.notes.append(notes)
        self.landmarks.append(found.landmarks)
        if found.mesh is not None:
            self.meshes.append(found.mesh)
        self.poses.append(found.pose)
        self.others.append(others)
        self.boxes.append(box)
        if found.embedding is not None:
            so_far = 0.0 if self.embedding is None else self.embedding
            self.embedding = so_far + found.embedding.astype(np.float64)


class Follower:
    """Makes tracks of the faces of a video's frames.

    Args:
        measured: Whether points are measured in pixels; those that a source states are exact, and
            are not smoothed.
        size: Width and height of the frames.
    """

    def __init__(self, measured: bool, size: tuple[int, int]) -> None:
        self._measured = measured
        self._size = np.array(size, np.float32)
        self._open: list[_Open] = []
        self._frame = 0
        self._image: Image | None = None

    def step(
        self,
        found: Sequence[Detection],
        notes: FrameNotes,
        cut: bool = False,
        image: Image | None = None,
    ) -> Iterator[FoundTrack]:
        """Take the faces of the next frame, and yield the tracks that go no further.

        Args:
            found: The faces.
            notes: What is known of the frame.
            cut: Whether a scene begins with it.
            image: The frame, by which the motion of heads is measured; it is kept until the next.
        """
        if cut:
            yield from self._end("cut")
        long = [one for one in self._open if len(one.notes) >= MAX_TRACK]
        places = [face_box(check_landmarks(one.landmarks, "landmarks")) for one in found]
        usable = [
            faces
            for faces in zip(found, places, _near(places), strict=True)
            if self._is_inside(faces[0])
        ]
        before = linked([one.expected() for one in self._open], [box for _, box, _ in usable])
        going: list[_Open] = []
        for (detection, box, others), old in zip(usable, before, strict=True):
            one = None if old is None else self._open[old]
            if one is None or one in long:
                one = _Open(self._frame, cut)
            one.add(detection, box, others, notes, (self._image, image))
            going.append(one)
        gone = [one for one in self._open if one not in going]
        self._open, self._image = going, image
        self._frame += 1
        for one in gone:
            yield self._made(one, "length" if one in long else "lost")

    def finish(self) -> Iterator[FoundTrack]:
        """Yield the tracks that reach the end of the video."""
        yield from self._end("end")

    def _end(self, why: Ended) -> Iterator[FoundTrack]:
        for one in self._open:
            yield self._made(one, why)
        self._open = []

    def _is_inside(self, found: Detection) -> bool:
        points = found.landmarks
        inside = (points >= 0).all(axis=1) & (points < self._size).all(axis=1)
        return bool(1.0 - inside.mean() <= _LARGEST_SHARE_OUTSIDE)

    def _made(self, one: _Open, ended: Ended) -> FoundTrack:
        raw = np.stack(one.landmarks)
        whole = len(one.meshes) == len(one.landmarks)
        mesh = np.stack(one.meshes) if whole else None
        if mesh is not None:
            check_mesh(mesh[0], "mesh")
        pose = np.array(one.poses, np.float32)
        landmarks = raw
        if self._measured:
            smoothed = smooth(raw, mesh, pose, one.steps)
            landmarks, mesh, pose = smoothed.landmarks, smoothed.mesh, smoothed.pose
        landmarks = _rounded(landmarks)
        track = Track(
            first_frame=one.first,
            pts=np.array([notes.pts for notes in one.notes], np.int64),
            boxes=_rounded(np.stack([face_box(points) for points in landmarks])),
            landmarks=landmarks,
            raw=_rounded(raw),
            mesh=None if mesh is None else _rounded(mesh),
            pose=(np.round(pose * _POSE_GRID) / _POSE_GRID).astype(np.float32),
            other_faces=np.array(one.others, np.int32),
        )
        middle = one.notes[len(one.notes) // 2]
        return FoundTrack(track, middle, _unit(one.embedding), ended, one.after_cut)


def _near(boxes: Sequence[Box]) -> list[int]:
    """Return for each face how many others reach into its surroundings."""
    counts = []
    for number, box in enumerate(boxes):
        center, half = (box[:2] + box[2:]) / 2, _NEAR / 2 * float(max(box[2:] - box[:2]))
        low, high = center - half, center + half
        counts.append(
            sum(
                bool((other[2:] > low).all() and (other[:2] < high).all())
                for place, other in enumerate(boxes)
                if place != number
            )
        )
    return counts


def _rounded(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(np.round(values * POINT_GRID) / POINT_GRID, np.float32)


def _unit(total: NDArray[np.float64] | None) -> NDArray[np.float32] | None:
    if total is None:
        return None
    return (total / max(float(np.linalg.norm(total)), 1e-9)).astype(np.float32)
