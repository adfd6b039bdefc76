"""Drawn faces with exact landmarks: deterministic and quick, of no real person."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Landmarks
from datagen.faces.face import FaceCrop

_SHIFT = 4


def made_landmarks(number: int = 0, size: int = 128, yaw: float = 0.0) -> Landmarks:
    """Return 68 points of a frontal face, rotated by ``yaw`` degrees with a rough depth."""
    draw = np.random.Generator(np.random.Philox(key=number)).uniform(-1, 1, 12)
    angle = np.linspace(0, np.pi, 17)
    jaw = np.stack([-np.cos(angle), -0.15 + 1.25 * np.sin(angle)], axis=1)
    jaw *= [0.78 + 0.05 * draw[0], 0.8 + 0.05 * draw[1]]
    side = np.linspace(-0.62, -0.16, 5)
    arch = -0.5 - 0.03 * draw[2] - 0.1 * np.sin(np.linspace(0.3, 2.6, 5))
    brow = np.stack([side, arch], axis=1)
    bridge = np.stack([np.zeros(4), np.linspace(-0.3, 0.15, 4)], axis=1)
    base = np.stack([np.linspace(-0.16, 0.16, 5), 0.25 + 0.04 * np.array([0, 0.7, 1, 0.7, 0])], 1)
    open_eye = 0.07 + 0.015 * draw[3]
    eye = np.array([[-1, 0], [-0.4, -1], [0.4, -1], [1, 0], [0.4, 1], [-0.4, 1]])
    eye = eye * [0.15, open_eye] + [-0.37 + 0.02 * draw[4], -0.27]
    turn = np.linspace(np.pi, 3 * np.pi, 12, endpoint=False)
    lips = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    outer = lips * [0.3 + 0.04 * draw[5], 0.11] + [0, 0.52]
    slit = 0.02 + 0.04 * max(draw[6], 0)
    inner = np.stack([np.cos(turn[:8] * 1.0), np.sin(turn[:8])], axis=1)
    turn = np.linspace(np.pi, 3 * np.pi, 8, endpoint=False)
    inner = np.stack([np.cos(turn), np.sin(turn)], axis=1) * [0.22, slit] + [0, 0.52]
    mirror = np.array([-1, 1])
    points = np.concatenate(
        [
            jaw,
            brow,
            brow[::-1] * mirror,
            bridge,
            base,
            eye,
            (eye * mirror)[[3, 2, 1, 0, 5, 4]],
            outer,
            inner,
        ]
    )
    depth = 0.9 - 0.7 * np.square(points[:, 0]) - 0.2 * np.square(points[:, 1])
    depth[27:31] += 0.25
    radians = np.radians(yaw)
    points[:, 0] = np.cos(radians) * points[:, 0] + np.sin(radians) * (depth - 0.5)
    return (points * (0.36 * size) + [0.5 * size, 0.53 * size]).astype(np.float32)


def made_face(
    number: int = 0, size: int = 128, yaw: float = 0.0, shift: tuple[float, float] = (0.0, 0.0)
) -> FaceCrop:
    """Draw face ``number`` at ``size`` pixels; ``shift`` moves it, as a fraction of the size."""
    draw = np.random.Generator(np.random.Philox(key=number + 1000)).uniform(0, 1, 8)
    marks = made_landmarks(number, size, yaw) + np.float32(size) * np.array(shift, np.float32)
    skin = np.array([120 + 110 * draw[0], 90 + 90 * draw[0], 70 + 85 * draw[0]])
    image = np.full((size, size, 3), 120 + 100 * draw[1], np.float32)
    top = marks[[0, 16]].mean(axis=0) - [0, 0.05 * size]
    head = (float(top[0]), float(top[1] + 0.12 * size))
    _ellipse(image, head, (0.34 * size, 0.46 * size), skin * 0.25)
    _fill(image, np.concatenate([marks[:17], _brow_line(marks, 0.2 * size)]), skin)
    for brow in (marks[17:22], marks[22:27]):
        lower = brow[::-1] + np.array([0, 0.02 * size], np.float32)
        _fill(image, np.concatenate([brow, lower]), skin * 0.35)
    for eye in (marks[36:42], marks[42:48]):
        _fill(image, eye, np.array([235.0, 235, 230]))
        middle = eye.mean(axis=0)
        _ellipse(image, (middle[0], middle[1]), (0.018 * size, 0.018 * size), np.full(3, 40.0))
    _fill(image, marks[[27, 31, 33, 35]], skin * 0.9)
    _fill(image, marks[48:60], skin * [0.9, 0.55, 0.55])
    _fill(image, marks[60:68], np.full(3, 70.0))
    light = 1 + 0.25 * (draw[2] - 0.5) * np.linspace(-1, 1, size, dtype=np.float32)[None, :, None]
    grain = np.random.Generator(np.random.Philox(key=number)).normal(0, 2, image.shape)
    image = cv2.GaussianBlur(image, (0, 0), size / 200) * light + grain
    return FaceCrop(
        np.clip(np.rint(image), 0, 255).astype(np.uint8), marks, identity=f"made/{number}"
    )


def _brow_line(marks: Landmarks, height: float) -> NDArray[np.float32]:
    rise = height * np.sin(np.linspace(0.5, np.pi - 0.5, 10))
    return (marks[17:27] - np.stack([np.zeros(10), rise], axis=1))[::-1].astype(np.float32)


def _fill(image: NDArray[np.float32], points: NDArray[np.float32], color: object) -> None:
    fixed = np.rint(points * (1 << _SHIFT)).astype(np.int32)
    cv2.fillPoly(image, [fixed], _scalar(color), shift=_SHIFT)


def _ellipse(
    image: NDArray[np.float32],
    center: tuple[float, float],
    axes: tuple[float, float],
    color: object,
) -> None:
    turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    points = np.array(center) + np.stack([np.cos(turn), np.sin(turn)], 1) * np.array(axes)
    _fill(image, points.astype(np.float32), color)


def _scalar(color: object) -> tuple[float, ...]:
    return tuple(float(value) for value in np.asarray(color))
