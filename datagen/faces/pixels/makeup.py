"""Soft masks for make-up and age: lips, brows, irises, lids, cheeks, skin and wrinkles."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Image, Landmarks, Mask
from datagen.faces import masks
from datagen.faces.face import FaceCrop
from datagen.faces.geometry.outline import convex_hull, face_outline, face_width, forehead, up_axis
from datagen.faces.landmarks import (
    INNER_LIPS,
    LEFT_BROW,
    LEFT_EYE,
    OUTER_LIPS,
    RIGHT_BROW,
    RIGHT_EYE,
    SUBNASALE,
)
from datagen.faces.pixels.blend import Region
from datagen.faces.pixels.eyes import find_eye

__all__ = [
    "brow_mask",
    "cheek_mask",
    "iris_mask",
    "lip_mask",
    "shadow_mask",
    "skin_mask",
    "wrinkle_lines",
]

Points = NDArray[np.float32]

_SUBPIXEL = 4
_DYED = 20  # weight of the skin between the hairs


def lip_mask(marks: Landmarks, region: Region) -> Mask:
    """Draw both lips, without the gap between them."""
    canvas = _fine(region)
    lips = masks.fill(marks[OUTER_LIPS], canvas) & ~masks.fill(marks[INNER_LIPS], canvas)
    return masks.soften(np.asarray(lips, np.uint8), 0.012 * face_width(marks))


def brow_mask(image: Image, marks: Landmarks, region: Region) -> Mask:
    """Draw the hair of both brows: whatever is darker than the skin around it."""
    unit = face_width(marks)
    canvas = _fine(region)
    drawn = np.zeros((canvas.height, canvas.width), np.uint8)
    below = -0.025 * unit * up_axis(marks)
    for brow in (marks[RIGHT_BROW], marks[LEFT_BROW]):
        _line(drawn, brow + below, region, 0.075 * unit)
    drawn = masks.soften(drawn, 0.015 * unit)
    gray = cv2.cvtColor(np.ascontiguousarray(region.of(image)), cv2.COLOR_RGB2GRAY)
    skin = float(np.percentile(gray[drawn > 60], 75)) if (drawn > 60).any() else 0.0
    hair = np.clip((skin - gray) * 255 / (0.25 * skin + 4), 0, 255).astype(np.uint8)
    hair = np.maximum(masks.soften(hair, 0.004 * unit), _DYED)
    return np.asarray(cv2.multiply(drawn, hair, scale=1 / 255), np.uint8)


def iris_mask(face: FaceCrop, region: Region) -> Mask:
    """Draw the visible parts of both irises, without the pupils."""
    canvas = _fine(region)
    both = np.zeros((canvas.height, canvas.width), np.uint8)
    for part in (RIGHT_EYE, LEFT_EYE):
        eye = find_eye(face, part)
        if eye is None:
            continue
        disc = np.zeros_like(both)
        for radius, level in ((0.98, 255), (0.35, 0)):
            turn = np.linspace(0, 2 * np.pi, 32, endpoint=False)
            rim = eye.iris + radius * eye.radius * np.stack([np.cos(turn), np.sin(turn)], axis=1)
            cv2.fillPoly(disc, [_fixed(rim.astype(np.float32), region)], (level,), shift=_SUBPIXEL)
        seen = masks.feather(masks.fill(eye.lids, canvas), 0.05 * eye.width)
        disc = masks.soften(disc, 0.1 * eye.radius)
        both = np.maximum(both, np.asarray(cv2.multiply(disc, seen, scale=1 / 255), np.uint8))
    return both


def shadow_mask(marks: Landmarks, region: Region) -> Mask:
    """Draw the upper lids, up to halfway to the brows."""
    canvas = masks.canvas_for(region, 256)
    drawn = np.zeros((canvas.height, canvas.width), np.uint8)
    eyes = np.zeros_like(drawn)
    for eye, brow in ((marks[RIGHT_EYE], marks[RIGHT_BROW]), (marks[LEFT_EYE], marks[LEFT_BROW])):
        lid = eye[[0, 1, 2, 3]]
        above = lid + 0.5 * (brow[[0, 1, 3, 4]] - lid)
        polygon = np.concatenate([lid, above[::-1]])
        drawn |= masks.fill(convex_hull(polygon), canvas)
        eyes |= masks.fill(eye, canvas)
    unit = face_width(marks) * canvas.scale
    soft = masks.soften(drawn, 0.035 * unit)
    kept = masks.soften(eyes, 0.008 * unit)
    return masks.enlarge(np.asarray(cv2.subtract(soft, kept), np.uint8), canvas)


def cheek_mask(marks: Landmarks, region: Region) -> Mask:
    """Draw a soft round spot on each cheek."""
    canvas = masks.canvas_for(region)
    unit = face_width(marks) * canvas.scale
    drawn = np.zeros((canvas.height, canvas.width), np.uint8)
    for eye, jaw, nose in ((41, 2, 31), (46, 14, 35)):
        middle = 0.35 * marks[eye] + 0.3 * marks[jaw] + 0.35 * marks[nose]
        x, y = canvas.points(middle[None])[0]
        center = (round(float(x)), round(float(y)))
        cv2.circle(drawn, center, max(1, round(0.11 * unit)), (255,), -1)
    return masks.enlarge(masks.soften(drawn, 0.06 * unit), canvas)


def skin_mask(marks: Landmarks, region: Region, lift: float) -> Mask:
    """Draw the face's skin, without eyes and lips, with a soft outline."""
    canvas = masks.canvas_for(region, 192)
    unit = face_width(marks) * canvas.scale
    face = masks.feather(masks.fill(face_outline(marks, lift), canvas), 0.1 * unit)
    parts = np.zeros_like(face)
    for part in (RIGHT_EYE, LEFT_EYE, OUTER_LIPS):
        parts |= masks.fill(marks[part], canvas)
    parts = masks.soften(masks.dilate(parts, 0.012 * unit), 0.015 * unit)
    return masks.enlarge(np.asarray(cv2.subtract(face, parts), np.uint8), canvas)


def wrinkle_lines(marks: Landmarks, region: Region, lift: float, bends: list[float]) -> Mask:
    """Draw wrinkles: forehead, frown lines, crow's feet and nasolabial folds.

    Args:
        marks: Landmarks of the face.
        region: Region to draw.
        lift: Height of the bare forehead, see ``forehead``.
        bends: Ten numbers around 0 that vary the shape of the lines.
    """
    unit = face_width(marks)
    canvas = _fine(region)
    drawn = np.zeros((canvas.height, canvas.width), np.uint8)
    up, wide = up_axis(marks), max(0.006 * unit, 1.0)
    right = np.array([-up[1], up[0]], np.float32)
    for row, share in enumerate((0.3, 0.52, 0.74)):
        if share < lift:
            line = forehead(marks, share)[1 + row % 2 : 9 - row % 2]
            wave = np.sin(np.arange(len(line)) * 1.3 + 3 * bends[row]) * 0.01 * unit
            _fold(drawn, line + wave[:, None].astype(np.float32) * up, region, wide)
    for corner, inner, side in ((36, 39, -1), (45, 42, 1)):
        length = 0.32 * np.linalg.norm(marks[corner] - marks[inner])
        for row, angle in enumerate((-0.5, 0.0, 0.5)):
            way = side * np.cos(angle) * right + np.sin(angle + 0.2 * bends[3 + row]) * up
            start = marks[corner] + 0.3 * length * way
            _fold(drawn, np.stack([start, start + length * way]), region, 0.7 * wide)
    for nose, mouth, other in ((31, 48, 54), (35, 54, 48)):
        start = marks[nose] + 1.1 * (marks[nose] - marks[SUBNASALE]) + 0.01 * unit * up
        end = marks[mouth] + 0.13 * (marks[mouth] - marks[other])
        out = marks[mouth] - marks[other]
        middle = 0.5 * (start + end) + (0.03 + 0.03 * bends[6]) * out
        _fold(drawn, _arc(start, middle, end), region, 1.6 * wide)
    for side in (-1, 1):
        start = 0.5 * (marks[21] + marks[22]) + side * 0.22 * (marks[22] - marks[21])
        _fold(drawn, np.stack([start, start + (0.07 + 0.02 * bends[7]) * unit * up]), region, wide)
    return masks.soften(drawn, 0.009 * unit)


def _arc(start: Points, middle: Points, end: Points) -> Points:
    t = np.linspace(0, 1, 9, dtype=np.float32)[:, None]
    arc: Points = (1 - t) ** 2 * start + 2 * t * (1 - t) * middle + t**2 * end
    return arc


def _fine(region: Region) -> masks.Canvas:
    return masks.canvas_for(region, max(region.width, region.height))


def _fixed(points: Points, region: Region) -> NDArray[np.int32]:
    corner = np.array([region.x0, region.y0], np.float32)
    return np.asarray(np.rint((points - corner) * (1 << _SUBPIXEL)), np.int32)


def _line(drawn: Mask, points: Points, region: Region, width: float) -> None:
    fixed = [_fixed(points, region)]
    cv2.polylines(drawn, fixed, False, (255,), max(1, round(width)), cv2.LINE_AA, _SUBPIXEL)


def _fold(drawn: Mask, points: Points, region: Region, width: float) -> None:
    """Draw a line that fades out toward both ends."""
    way = np.linspace(0, len(points) - 1, 17)
    row = np.arange(len(points))
    even = np.stack([np.interp(way, row, points[:, axis]) for axis in (0, 1)], axis=1)
    fixed = _fixed(even.astype(np.float32), region)
    side = max(1, round(width))
    for step, level in enumerate(_FADE):
        ends = fixed[step : step + 2].tolist()
        cv2.line(drawn, ends[0], ends[1], (float(level),), side, cv2.LINE_AA, _SUBPIXEL)


_FADE = np.rint(255 * np.sin(np.linspace(0.1, np.pi - 0.1, 16)) ** 0.7).tolist()
