"""Glasses: rims, bridge and temples, and lenses with a faint reflection."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from datagen.core import rng as streams

from .arrays import F32, F64, U8
from .camera import Camera
from .figure import Figure

_AROUND = 40


@dataclass(frozen=True, slots=True)
class Drawn:
    """Glasses in a box of the image, each (h, w) float32 0..1.

    Attributes:
        box: rows and columns of the image.
        frame: cover by the frame.
        lens: cover by the lenses.
        gleam: reflection on the lenses.
        color: (3,) linear RGB of the frame.
    """

    box: tuple[slice, slice]
    frame: F32
    lens: F32
    gleam: F32
    color: F32


def _rim(center: F64, half: tuple[float, float], square: float, side: float) -> F64:
    angle = np.arange(_AROUND) * 2.0 * np.pi / _AROUND
    c, s = np.cos(angle), np.sin(angle)
    power = 2.0 / square
    points = np.zeros((_AROUND, 3))
    points[:, 0] = center[0] + half[0] * np.sign(c) * np.abs(c) ** power
    points[:, 1] = center[1] + half[1] * np.sign(s) * np.abs(s) ** power
    points[:, 1] -= 0.12 * half[1] * (points[:, 0] - center[0]) * -side / half[0]
    points[:, 2] = center[2] - 0.035 * points[:, 0] ** 2
    return points


def _paths(figure: Figure, rng: np.random.Generator) -> tuple[list[F64], list[F64]]:
    """Lens outlines, and the lines of bridge and temples, in head coordinates."""
    shape = figure.neutral
    eyes = [shape[[33, 133]].mean(axis=0), shape[[263, 362]].mean(axis=0)]
    gap = eyes[1][0] - eyes[0][0]
    half = (gap * rng.uniform(0.40, 0.44), gap * rng.uniform(0.29, 0.38))
    square = rng.uniform(2.0, 4.5)
    front = max(shape[168, 2], shape[6, 2]) + 0.35
    rims = []
    for eye, side in zip(eyes, (-1.0, 1.0), strict=True):
        center = np.array([eye[0] * 1.02, eye[1] - 0.25, front])
        rims.append(_rim(center, half, square, side))
    level = eyes[0][1] + 0.15
    inner = [rims[0][:, 0].max(), rims[1][:, 0].min()]
    bridge = np.array(
        [
            [inner[0], level, front - 0.1],
            [0.0, level + 0.25, front + 0.1],
            [inner[1], level, front - 0.1],
        ]
    )
    side_line = []
    for rim, ear, side in ((rims[0], 234, -1.0), (rims[1], 454, 1.0)):
        outer = rim[rim[:, 0].argmin() if side < 0 else rim[:, 0].argmax()]
        hinge = outer + np.array([0.25 * side, 0.35, -0.5])
        end = shape[ear] + np.array([0.45 * side, 2.2, -1.2])
        side_line.append(np.stack([outer, hinge, end]))
    return rims, [bridge, *side_line]


def _temples(camera: Camera) -> tuple[int, int]:
    """Cover by both temples, 0 to 255: that on the far side of the head is hidden by the head."""
    if camera.stance is None:
        return 255 * (camera.yaw > -3.0), 255 * (camera.yaw < 3.0)
    # In a video it fades.
    left, right = (np.clip((6.0 + side * camera.yaw) / 6.0, 0.0, 1.0) for side in (1.0, -1.0))
    return round(255 * float(left)), round(255 * float(right))


def draw(seed: int, person: int, figure: Figure) -> Drawn:
    """The person's glasses in this image."""
    rng = streams.rng(seed, person, "glasses")
    rims, lines = _paths(figure, rng)
    camera, size = figure.camera, figure.camera.size
    scale = camera.focal / camera.distance
    width = max(1, round(rng.uniform(0.09, 0.26) * scale))
    tint = rng.uniform(0.008, 0.08)
    frame: U8 = np.zeros((size, size), np.uint8)
    lens: U8 = np.zeros((size, size), np.uint8)

    def fixed(points: F64) -> F64:
        return np.round((camera.project(camera.place(points))[:, :2] - 0.5) * 16)

    for rim in rims:
        path = fixed(rim).astype(np.int32)
        cv2.fillPoly(lens, [path], 255, cv2.LINE_AA, 4)
        cv2.polylines(frame, [path], True, 255, width, cv2.LINE_AA, 4)
    for line, cover in zip(lines, (255, *_temples(camera)), strict=True):
        drawn: U8 = np.zeros((size, size), np.uint8) if cover < 255 else frame
        corners = fixed(line).astype(np.int32)
        cv2.polylines(drawn, [corners], False, cover, width, cv2.LINE_AA, 4)
        frame = np.maximum(frame, drawn)
    color = tint * np.array([1.0, rng.uniform(0.5, 1.0), rng.uniform(0.3, 1.0)])
    left, top, across, down = cv2.boundingRect(np.maximum(frame, lens))
    pad = 4 + camera.image_size // 64
    box = (
        slice(max(0, top - pad), top + down + pad),
        slice(max(0, left - pad), left + across + pad),
    )
    frame, lens = frame[box], lens[box]
    y, x = np.mgrid[0 : frame.shape[0], 0 : frame.shape[1]].astype(np.float32)
    y, x = y / np.float32(camera.image_size), x / np.float32(camera.image_size)
    stripe = np.clip(1.0 - np.abs((x + 0.7 * y) * 9.0 % 2.0 - 1.0) * 2.2, 0.0, 1.0)
    scale_255 = np.float32(1.0 / 255.0)
    return Drawn(
        box,
        frame.astype(np.float32) * scale_255,
        lens.astype(np.float32) * scale_255,
        stripe.astype(np.float32),
        color.astype(np.float32),
    )
