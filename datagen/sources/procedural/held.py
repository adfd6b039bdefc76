"""What stays the same in all frames of a video."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import cv2
import numpy as np

from datagen.core import rng as streams

from . import expression as expressions
from . import hairstyle, head, strokes
from .arrays import F32, F64, Mask
from .camera import Camera
from .figure import Figure
from .hairstyle import Shell
from .strokes import Strands

_CELLS = 64
# Strands may turn into view during the video.
_BEHIND = 0.35


@dataclass(frozen=True, slots=True)
class Held:
    """Hair and fixed light of a video; hair is that of the mean pose without expression.

    Attributes:
        head: (n, 3) points of the head in head coordinates.
        shell: the surface of the hair, or None.
        strands: its single strands, or None.
        fray: (64, 64, 2) displacement of its outline in pixels.
        down: (3,) direction of gravity in head coordinates.
        middle: (3,) middle of the head, which the fray follows.
        sky: (k,) visible share of the sky at the points of head and torso.
        received: (m, 2) light at the points of the torso.
        fixed: (m,) which of these points never move.
    """

    head: F64
    shell: Shell | None
    strands: Strands | None
    fray: F32
    down: F64
    middle: F64
    sky: F64
    received: F64
    fixed: Mask

    def hair(self, camera: Camera) -> Shell | None:
        """The hair of a frame: it keeps hanging when the head nods."""
        return self.shell.turned(_down(camera) - self.down) if self.shell else None

    def extent(self, camera: Camera) -> F64:
        """Places (n, 2) in the image of all points of head and hair."""
        shell = self.hair(camera)
        points = [self.head] if shell is None else [self.head, shell.points]
        return camera.project(camera.place(np.concatenate(points)))[:, :2]

    def strokes(self, camera: Camera) -> Strands | None:
        """The strands of a frame, fading where the hair turns away from the camera."""
        if self.shell is None or self.strands is None:
            return None
        start = self.strands.start
        change = hairstyle.hanging(_down(camera) - self.down)
        moved = self.strands.paths + (self.shell.fallen[start][:, None] * change)[:, None]
        toward = (self.shell.normals[start] @ camera.rotation.T)[:, 2]
        return dataclasses.replace(self.strands, paths=moved, strength=self.strands.seen(toward))

    def frayed(self, camera: Camera, box: tuple[slice, slice]) -> F32:
        """Displacement of the hair's outline in a box of the image (h, w, 2), fixed to the head."""
        x, y, _ = camera.project(camera.place(self.middle[None]))[0]
        cell = camera.focal / camera.distance * 32.0 / _CELLS
        left, top = x - 0.5 - box[1].start, y - 0.5 - box[0].start
        half = 0.5 * _CELLS * cell
        place = np.array([[cell, 0.0, left - half], [0.0, cell, top - half]])
        size = (box[1].stop - box[1].start, box[0].stop - box[0].start)
        out = cv2.warpAffine(self.fray, place, size, borderMode=cv2.BORDER_REFLECT)
        return np.asarray(out, np.float32)


def _down(camera: Camera) -> F64:
    return np.asarray(-camera.rotation[1], np.float64)


def hold(
    figure: Figure, number: tuple[int, int, int], sky: F64, received: F64, fixed: Mask
) -> Held:
    """What the frames of a video share.

    Args:
        figure: the person in the mean pose.
        number: seed, person and number of the video.
        sky: see ``Held``.
        received: see ``Held``.
        fixed: see ``Held``.
    """
    camera, who = figure.camera, figure.identity
    calm = expressions.pose_face(figure.neutral, {name: 0.0 for name, *_ in expressions.RANGES})
    face, skull = head.build(calm, figure.neutral, who)
    down = _down(camera)
    shell = hairstyle.build(who, skull, face.points, down)
    rng = streams.rng(*number, "strands")
    fray = rng.standard_normal((_CELLS, _CELLS, 2)).astype(np.float32) * np.float32(1.1)
    drawn = None
    if shell is not None:
        drawn = strokes.choose(shell, hairstyle.STYLES[who.hair], camera, rng, _BEHIND)
    return Held(face.points, shell, drawn, fray, down, skull.center, sky, received, fixed)
