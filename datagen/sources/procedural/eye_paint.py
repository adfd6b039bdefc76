"""Sclera, iris, pupil, catch-light, lid shadow and lashes."""

from __future__ import annotations

import functools

import cv2
import numpy as np

from datagen.core import rng as streams

from .arrays import F32, F64, I64, U8
from .camera import Camera
from .eyes import RADIUS, Eyeball
from .figure import Figure
from .light import Light
from .sample import sample

_PUPIL = 0.33
_BROWN = np.array([0.085, 0.036, 0.014], np.float32)
_BLUE = np.array([0.17, 0.25, 0.34], np.float32)
_GREEN = np.array([0.16, 0.20, 0.10], np.float32)


@functools.cache
def _fibers() -> F32:
    """Brightness of the iris fibers, 16 radii by 256 directions."""
    raw: F32 = streams.rng("eyes", "fibres").standard_normal((16, 256)).astype(np.float32)
    soft = cv2.GaussianBlur(np.tile(raw, (1, 3)), (0, 0), sigmaX=1.0, sigmaY=3.0)[:, 256:512]
    return np.asarray(soft / soft.std(), np.float32)


def iris_color(values: dict[str, float]) -> F32:
    """Linear RGB (3,) of an iris from its melanin."""
    light = _BLUE + (_GREEN - _BLUE) * np.float32(values["iris_green"] ** 2)
    share = np.float32(min(1.0, values["iris_brown"] * 1.25))
    return np.asarray(light + (_BROWN - light) * share**0.7, np.float32)


def _on_ball(x: F32, y: F32, ball: Eyeball, camera: Camera) -> tuple[F32, F32, F32, F32]:
    """Normals (3, n) of the ball at pixels, and distance and direction from the iris center."""
    placed = camera.place(ball.center[None])
    center = camera.project(placed)[0]
    scale = camera.focal / (camera.distance - camera.shift[2] - float(placed[0, 2]) - 1.0)
    a = (x - np.float32(center[0])) / np.float32(scale * RADIUS)
    b = -(y - np.float32(center[1])) / np.float32(scale * RADIUS)
    flat = a * a + b * b
    over = np.sqrt(np.maximum(flat, 1.0))
    a, b = a / over, b / over
    c = np.sqrt(np.maximum(1.0 - a * a - b * b, 0.0))
    normal = np.stack([a, b, c])
    gaze = (camera.rotation @ ball.gaze).astype(np.float32)
    up = (camera.rotation @ np.array([0.0, 1.0, 0.0])).astype(np.float32)
    side = np.cross(up, gaze)
    along = np.tensordot(gaze, normal, 1)
    u, v = np.tensordot(side, normal, 1), np.tensordot(up, normal, 1)
    distance = np.sqrt(u * u + v * v) * np.float32(RADIUS / ball.iris)
    distance = np.where(along > 0.0, distance, 3.0)
    return normal, distance.astype(np.float32), u, v


def _colors(distance: F32, u: F32, v: F32, values: dict[str, float], blood: float) -> F32:
    """Linear RGB (3, n) of the eyeball's surface."""
    turn = np.arctan2(v, u) * np.float32(128.0 / np.pi) + 128.0
    rows = np.clip(distance * 15.0, 0.0, 15.0)
    fiber = sample(_fibers(), turn, rows, cv2.BORDER_WRAP)
    base = iris_color(values)
    bright = (0.72 + 0.5 * np.clip(distance - 0.3, 0.0, 1.0)) * (1.0 + 0.22 * fiber)
    bright = bright * (1.0 - 0.75 * np.clip((distance - 0.80) * 5.0, 0.0, 1.0))
    pupil = np.clip((distance - _PUPIL) * 9.0 + 0.5, 0.0, 1.0)
    white = np.array([0.46, 0.41, 0.37], np.float32)
    white = white * np.float32(1.0 - 0.32 * min(2.0, values["melanin"]))
    edge = np.clip((distance - 1.0) * 6.0 + 0.5, 0.0, 1.0)
    red = np.clip((distance - 1.3) * 0.55, 0.0, 0.5) + blood
    out = np.empty((3, len(distance)), np.float32)
    for channel, loss in enumerate((0.12, 0.5, 0.5)):
        iris = base[channel] * bright * pupil + 0.004
        sclera = white[channel] * (1.0 - loss * red)
        out[channel] = iris + (sclera - iris) * edge
    return out


def paint(rows: I64, columns: I64, side: int, figure: Figure, lamp: Light, under_lid: F32) -> F32:
    """Light reflected by the eyeball at pixels, (3, n) linear RGB.

    Args:
        rows: (n,) pixel rows.
        columns: (n,) pixel columns.
        side: 0 for the eye on the viewer's left in a frontal image, else 1.
        figure: the figure.
        lamp: the light.
        under_lid: (n,) share of the light that the lids let through, 0..1.
    """
    values, camera = figure.identity.values, figure.camera
    x, y = columns.astype(np.float32) + 0.5, rows.astype(np.float32) + 0.5
    normal, distance, u, v = _on_ball(x, y, figure.balls[side], camera)
    blood = 0.12 * values["hemoglobin"]
    color = _colors(distance, u, v, values, blood)
    key = np.clip(np.tensordot(lamp.key, normal, 1) * 0.8 + 0.25, 0.0, 1.0)
    half = lamp.key + np.array([0.0, 0.0, 1.0], np.float32)
    half = half / np.float32(np.sqrt((half * half).sum()))
    # The cornea bulges: its normals spread wider than the ball's, so the glint stays small.
    gaze = (camera.rotation @ figure.balls[side].gaze).astype(np.float32)
    cornea = normal + 0.75 * (normal - gaze[:, None]) * (distance < 1.05)
    cornea /= np.sqrt((cornea * cornea).sum(axis=0))
    spot = np.clip((np.tensordot(half, cornea, 1) - 0.984) * 110.0, 0.0, 1.0)
    spot = spot * (distance < 1.05)
    wet = np.clip((np.tensordot(half, normal, 1) - 0.93) * 10.0, 0.0, 1.0) * 0.05
    out = np.empty_like(color)
    for channel in range(3):
        falls = lamp.key_color[channel] * key + 0.85 * lamp.sky_color[channel]
        falls = falls + 0.7 * lamp.fill_color[channel]
        out[channel] = color[channel] * falls * under_lid
        out[channel] += lamp.key_color[channel] * (1.1 * spot + wet) * np.sqrt(under_lid)
    return out


def lid_shade(mask: U8, pixels_per_cm: float) -> F32:
    """Light under the lids: (size, size) 0..1 from the visible eyeball ``mask`` 0/255."""
    reach = max(1.0, 0.16 * pixels_per_cm)
    soft = cv2.GaussianBlur(mask, (0, 0), reach).astype(np.float32) * np.float32(1.0 / 255.0)
    down = np.zeros_like(soft)
    shift = max(1, round(reach * 0.9))
    down[shift:] = soft[:-shift]
    return np.clip(1.2 * down - 0.05, 0.05, 1.0)


def _lid_line(figure: Figure, ring: tuple[int, ...], upper: bool) -> F64:
    indices = [ring[0], *ring[:8:-1], ring[8]] if upper else list(ring[:9])
    return figure.mesh[indices, :2].astype(np.float64) - 0.5


def lashes(figure: Figure, size: int) -> tuple[tuple[slice, slice], F32]:
    """A box around the eyes, and the cover by lashes and lid rims in it, 0..1."""
    canvas: U8 = np.zeros((size, size), np.uint8)
    scale = figure.camera.focal / figure.camera.distance
    strong = 1.0 if figure.identity.sex == "female" else 0.8
    for side, ball in enumerate(figure.balls):
        upper = _lid_line(figure, ball.ring, upper=True)
        lower = _lid_line(figure, ball.ring, upper=False)
        width = max(1, round(0.13 * scale))
        cv2.polylines(
            canvas,
            [np.round(upper * 16).astype(np.int32)],
            False,
            int(225 * strong),
            width,
            cv2.LINE_AA,
            4,
        )
        cv2.polylines(
            canvas,
            [np.round(lower * 16).astype(np.int32)],
            False,
            int(85 * strong),
            1,
            cv2.LINE_AA,
            4,
        )
        share = np.linspace(0.06, 0.97, 15)
        stations = np.linspace(0.0, 1.0, len(upper))
        root = np.stack([np.interp(share, stations, upper[:, k]) for k in (0, 1)], 1)
        outward = -1.0 if side == 0 else 1.0
        tilt = (0.75 - share) * 0.3 * outward
        # The lashes of a closing eye point down.
        rise = 0.2 - 0.34 * min(max((figure.expression["lids"] - 0.45) / 0.6, 0.0), 1.0)
        tip = np.stack([tilt, -rise * np.sin(share * 2.6 + 0.35)], 1) * scale
        turned = figure.camera.rotation[:2, :2] * np.array([[1.0, -1.0], [-1.0, 1.0]])
        ends = np.stack([root, root + (tip @ turned.T)], 1)
        for line in np.round(ends * 16).astype(np.int32):
            cv2.line(canvas, line[0], line[1], int(170 * strong), 1, cv2.LINE_AA, 4)
    rings = figure.mesh[[*figure.balls[0].ring, *figure.balls[1].ring], :2]
    low = np.clip(rings.min(axis=0) - 0.6 * scale, 0, size).astype(np.int64).tolist()
    high = np.clip(rings.max(axis=0) + 0.6 * scale, 0, size).astype(np.int64).tolist()
    box = (slice(low[1], high[1]), slice(low[0], high[0]))
    return box, canvas[box].astype(np.float32) * np.float32(0.93 / 255.0)
