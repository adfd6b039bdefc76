"""Facial expression: jaw, mouth, lids, brows and gaze."""

from __future__ import annotations

import functools

import numpy as np

from datagen.core import rng as streams

from .arrays import F64
from .fields import Field, combine, stack
from .template import template

# Upper lid, lower lid, viewer's left then right, from the outer to the inner corner.
_LIDS = (
    *((246, 7), (161, 163), (160, 144), (159, 145), (158, 153), (157, 154), (173, 155)),
    *((466, 249), (388, 390), (387, 373), (386, 374), (385, 380), (384, 381), (398, 382)),
)
_ABOVE_LIDS = (247, 30, 29, 27, 28, 56, 190, 467, 260, 259, 257, 258, 286, 414)
_INNER_LIPS = (
    *((191, 95), (80, 88), (81, 178), (82, 87), (13, 14), (312, 317), (311, 402)),
    *((310, 318), (415, 324)),
)
_SECOND_LIPS = (
    *((183, 96), (42, 89), (41, 179), (38, 86), (12, 15), (268, 316), (271, 403)),
    *((272, 319), (407, 325)),
)

_MOVES: tuple[Field, ...] = (
    Field("smile", (61, 57, 76), 1.1, (0.56, 0.52, -0.3)),
    Field("smile_lip", (0, 37, 39, 13, 81), 0.7, (0.0, 0.05, -0.08)),
    Field("cheek_raise", (205, 50, 101), 1.5, (0.1, 0.3, 0.22)),
    Field("pucker", (61, 291, 13, 14), 1.9, (-0.24, 0.05, 0.16), "scale"),
    Field("brow_raise", (105, 66, 63, 52, 65), 1.5, (0.0, 0.42, 0.0)),
    Field("frown", (107, 55), 0.9, (-0.2, -0.26, 0.05)),
    Field("squint", (145, 144, 153, 23, 24), 0.6, (0.0, 0.14, 0.0)),
    Field("lip_press", (13, 14), 1.0, (0.0, -0.28, -0.06), "scale"),
)

# Name, minimum, maximum, probability of being used in an image.
RANGES: tuple[tuple[str, float, float, float], ...] = (
    ("mouth_open", 0.0, 0.65, 0.3),
    ("smile", -0.12, 1.0, 0.75),
    ("cheek_raise", 0.0, 0.4, 0.3),
    ("pucker", -0.2, 0.3, 0.15),
    ("brow_raise", -0.35, 0.75, 0.4),
    ("frown", 0.0, 0.5, 0.15),
    ("squint", 0.0, 0.7, 0.3),
    ("lip_press", -0.2, 0.6, 0.15),
    ("lids", 0.0, 0.4, 0.2),
    ("jaw_side", -0.25, 0.25, 0.15),
    ("gaze_x", -14.0, 14.0, 0.25),
    ("gaze_y", -7.0, 7.0, 0.25),
)

_JAW_DEGREES = 11.0
_REST = -0.26
_JAW_AXIS = np.array([0.0, 0.8, -2.0])


@functools.cache
def _basis() -> F64:
    return stack(_MOVES)


@functools.cache
def _jaw_weight() -> F64:
    """Share of the lower jaw's motion at each control point, 0 to 1: (468,)."""
    x, y = template().position[:, 0], template().position[:, 1]

    def step(high: float, low: float) -> F64:
        t = np.clip((high - y) / (high - low), 0.0, 1.0)
        return np.asarray(t * t * (3.0 - 2.0 * t), np.float64)

    mouth = np.exp(-((np.abs(x) / 2.75) ** 4))
    return np.asarray(mouth * step(-4.1, -4.45) + (1.0 - mouth) * step(-1.0, -7.5), np.float64)


def rest(shape: F64) -> F64:
    """The face with jaw and lips closed; the template's mouth is slightly open."""
    shape = _turn_jaw(shape, _REST, 0.0)
    closed = shape.copy()
    for pairs, share in ((_INNER_LIPS, 0.93), (_SECOND_LIPS, 0.5)):
        upper, lower = [p[0] for p in pairs], [p[1] for p in pairs]
        inner_upper, inner_lower = [p[0] for p in _INNER_LIPS], [p[1] for p in _INNER_LIPS]
        gap = (shape[inner_upper] - shape[inner_lower]) * share
        gap[:, 0] = 0.0
        closed[upper] -= gap * 0.5
        closed[lower] += gap * 0.5
    return closed


def _close_lids(shape: F64, amount: float) -> F64:
    """Lids closed by the share ``amount`` of their opening; negative opens them."""
    moved = shape.copy()
    upper, lower = [p[0] for p in _LIDS], [p[1] for p in _LIDS]
    gap = (shape[upper] - shape[lower]) * np.array([0.0, 1.0, 0.6]) * amount
    moved[upper] -= gap * 0.82
    moved[lower] += gap * 0.18
    moved[list(_ABOVE_LIDS)] -= gap * 0.3
    return moved


def _turn_jaw(shape: F64, opening: float, side: float) -> F64:
    angle = np.radians(_JAW_DEGREES * opening)
    c, s = np.cos(angle), np.sin(angle)
    offset = shape - _JAW_AXIS
    turned = offset.copy()
    turned[:, 1] = offset[:, 1] * c - offset[:, 2] * s
    turned[:, 2] = offset[:, 1] * s + offset[:, 2] * c
    turned[:, 0] += 0.4 * side
    return np.asarray(shape + _jaw_weight()[:, None] * (turned - offset), np.float64)


def pose_face(shape: F64, values: dict[str, float]) -> F64:
    """Control points (468, 3) of a face in this expression, in cm."""
    # A smile also draws the upper lip up and back against the teeth.
    amounts = values | {"smile_lip": max(0.0, values["smile"])}
    face = rest(shape) + combine(_basis(), [amounts[field.name] for field in _MOVES])
    face = _close_lids(face, values["lids"] - 0.08)
    return _turn_jaw(face, values["mouth_open"], values["jaw_side"])


def draw(seed: int, person: int, image_number: int) -> dict[str, float]:
    """Expression of an image: each movement is at rest or used, rarely at full strength."""
    rng = streams.rng(seed, person, image_number, "expression")
    values: dict[str, float] = {}
    for name, low, high, chance in RANGES:
        used, at, strength = rng.random(), float(rng.random()), float(rng.random())
        value = low + (high - low) * at
        values[name] = round(value * (0.4 + 0.6 * strength), 4) if used < chance else 0.0
    # Lips rarely part without a smile, and cheeks rise with it.
    values["smile"] = round(max(values["smile"], 0.75 * values["mouth_open"]), 4)
    values["cheek_raise"] = round(max(values["cheek_raise"], 0.45 * values["smile"]), 4)
    if values["smile"] > 0.3:
        values["frown"] = values["lip_press"] = 0.0
    return values


def look(values: dict[str, float], toward: F64) -> dict[str, float]:
    """The expression with the gaze relative to ``toward`` (3,), the camera in head coordinates.

    People look into the camera that takes their portrait; ``gaze_x`` and ``gaze_y`` are the
    deviation from it in degrees.
    """
    x = np.degrees(np.arctan2(toward[0], toward[2])) + values["gaze_x"]
    y = np.degrees(np.arctan2(toward[1], np.hypot(toward[0], toward[2]))) + values["gaze_y"]
    gaze = {"gaze_x": float(np.clip(x, -26.0, 26.0)), "gaze_y": float(np.clip(y, -15.0, 15.0))}
    return values | {name: round(value, 4) for name, value in gaze.items()}
