"""Hair as a shell around the skull: parameters of hair styles, and the resulting shape."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import cv2
import numpy as np

from .arrays import F32, F64, I64
from .head import Skull
from .identity import Identity
from .patch import grid_triangles, vertex_normals
from .sample import sample

# Hairline: degrees from the front, degrees from the top of the head. It runs over the
# forehead, back at the temple, down the sideburn, around the ear and to the nape.
_HAIRLINE = (
    *((0.0, 50.0), (16.0, 50.5), (30.0, 50.0), (42.0, 55.0), (50.0, 66.0), (57.0, 79.0)),
    *((64.0, 93.0), (70.0, 104.0), (76.0, 111.0), (80.0, 108.0), (86.0, 88.0), (96.0, 84.0)),
    *((106.0, 88.0), (116.0, 99.0), (135.0, 110.0), (180.0, 116.0)),
)
_AROUND, _DOWN = 60, 24
# Degrees from the top of the head below which long hair hangs straight down.
_EQUATOR = 86.0
# How far hanging hair follows gravity rather than the head.
_FREE = 0.6


@dataclass(frozen=True, slots=True)
class Style:
    """Parameters of a hair style.

    Attributes:
        top, side, back, front: thickness in cm.
        volume: thickness in cm that a hair volume of 1 adds.
        flow: direction of the strands: ``down`` from the crown, ``side`` from a parting, ``back``.
        curl: from 0 for straight to 1 for curly.
        length: length in cm that hangs below the widest part of the head, 0 for none.
        open: angle from the front in degrees where hanging hair begins.
        taper: angle in degrees over which the shell rises from the hairline.
        ragged: softness of the edge in degrees.
        fineness: relative density of strands, usually 1.
        fringe: angle in degrees by which hair falls over the forehead.
    """

    top: float
    side: float
    back: float
    front: float
    volume: float
    flow: str
    curl: float
    length: float
    open: float
    taper: float
    ragged: float
    fineness: float = 1.0
    fringe: float = 0.0


STYLES: dict[str, Style] = {
    "cropped": Style(0.35, 0.22, 0.3, 0.25, 0.5, "down", 0.25, 0.0, 0.0, 10.0, 7.0, 2.0),
    "short": Style(1.5, 0.55, 0.8, 1.3, 1.5, "side", 0.0, 0.0, 0.0, 17.0, 3.6),
    "swept": Style(1.8, 0.5, 0.7, 2.0, 1.6, "back", 0.0, 0.0, 0.0, 10.0, 3.2),
    "fade": Style(2.2, 0.1, 0.15, 2.2, 0.7, "back", 0.0, 0.0, 0.0, 9.0, 3.5),
    "fringe": Style(1.4, 0.7, 1.0, 1.2, 1.4, "down", 0.0, 0.0, 0.0, 10.0, 3.5, 1.0, 9.0),
    "medium": Style(1.2, 1.3, 1.7, 0.8, 1.1, "side", 0.0, 9.5, 58.0, 24.0, 3.4),
    "long": Style(1.0, 1.2, 1.6, 0.7, 1.1, "side", 0.0, 24.0, 56.0, 24.0, 3.4),
    "bangs": Style(1.2, 1.3, 1.6, 1.1, 1.2, "down", 0.0, 9.5, 60.0, 12.0, 2.5, 1.0, 14.0),
    "afro": Style(4.0, 3.4, 3.6, 3.0, 2.5, "down", 1.0, 0.0, 0.0, 22.0, 5.0, 1.6),
    "curly": Style(2.4, 1.9, 2.2, 1.9, 3.0, "down", 1.0, 0.0, 0.0, 16.0, 6.0),
    "tied": Style(0.75, 0.35, 0.5, 0.6, 0.6, "back", 0.0, 0.0, 0.0, 9.0, 4.0),
}


@dataclass(frozen=True, slots=True)
class Shell:
    """The hair surface in head coordinates.

    Attributes:
        points, normals, tangents: (n, 3).
        strand: (n, 2) position across and along the strands in cm.
        margin: (n,) degrees inside the hairline, negative outside.
        hang: (n,) 1 where hair hangs in front of the shoulders, else 0.
        triangles: (m, 3).
        falls: whether hair hangs below the head at all.
        fallen: (n,) length in cm by which hair hangs down.
    """

    points: F64
    normals: F64
    tangents: F64
    strand: F64
    margin: F64
    hang: F64
    triangles: I64
    falls: bool
    fallen: F64

    def turned(self, change: F64) -> Shell:
        """The hair after gravity's direction in head coordinates has changed by ``change`` (3,)."""
        points = self.points + self.fallen[:, None] * hanging(change)
        return dataclasses.replace(self, points=points)


def hanging(change: F64) -> F64:
    """Displacement per cm of hanging hair as gravity's direction in the head changes, (3,) each."""
    return np.asarray(_FREE * change, np.float64)


def hairline(azimuth: F64, values: dict[str, float]) -> F64:
    """Degrees from the top of the head where hair ends, at degrees (n,) from the front."""
    angle = np.abs(azimuth)
    line = np.interp(angle, [p[0] for p in _HAIRLINE], [p[1] for p in _HAIRLINE])
    front = np.exp(-((angle / 48.0) ** 4))
    temple = np.exp(-(((angle - 40.0) / 14.0) ** 2))
    back = float(np.clip(values["hairline"], -1.6, 2.0))
    receding = max(0.0, back) * (2.0 + 3.5 * values["hair_gray"])
    return np.asarray(line - front * (1.6 * back) - temple * receding, np.float64)


def margin(points: F64, skull: Skull, values: dict[str, float]) -> F64:
    """Angle in degrees of points (n, 3) of the head inside the hairline; negative outside."""
    offset = points - skull.center
    length = np.sqrt((offset**2).sum(axis=1))
    polar = np.degrees(np.arccos(np.clip(offset[:, 1] / length, -1.0, 1.0)))
    azimuth = np.degrees(np.arctan2(offset[:, 0], offset[:, 2]))
    return np.asarray(hairline(azimuth, values) - polar, np.float64)


def _smooth(low: float, high: float, value: F64) -> F64:
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t), np.float64)


def _thickness(style: Style, azimuth: F64, polar: F64, inside: F64, volume: float) -> F64:
    """Height of the shell over the skull in cm."""
    side = _smooth(30.0, 80.0, polar)
    around = np.abs(azimuth)
    front, back = 1.0 - _smooth(20.0, 70.0, around), _smooth(100.0, 160.0, around)
    below = style.side + (style.front - style.side) * front + (style.back - style.side) * back
    level = style.top + (below - style.top) * side
    level = level + style.volume * volume * (1.0 - 0.55 * side * (1.0 - back))
    rise = _smooth(-2.0, style.taper, inside)
    if not style.length:
        # Sideburns lie flat.
        burn = np.exp(-(((around - 68.0) / 17.0) ** 2)) * _smooth(68.0, 88.0, polar)
        rise = rise * (1.0 - 0.85 * burn)
    return np.asarray(0.12 + level * (0.06 + 0.94 * rise), np.float64)


def _fallen(style: Style, polar: F64) -> F64:
    """Distance in cm that hair at this angle from the top hangs below the equator."""
    share = np.maximum(polar - _EQUATOR, 0.0) / (180.0 - _EQUATOR)
    return np.asarray(share * (style.length + 4.0), np.float64)


def _hang(style: Style, skull: Skull, polar: F64, radius: F64, direction: F64) -> F64:
    """Points of the dome, and of the curtain that continues it below the equator."""
    points = skull.center + radius[:, None] * direction
    if style.length == 0.0:
        return points
    fallen = _fallen(style, polar)
    flat = direction.copy()
    flat[:, 1] = 0.0
    flat /= np.sqrt((flat**2).sum(axis=1, keepdims=True)) + 1e-9
    pull = 1.0 - 0.10 * _smooth(2.0, 11.0, fallen) + 0.10 * _smooth(12.0, 22.0, fallen)
    hanging = skull.center + flat * (radius * pull)[:, None]
    hanging[:, 1] = skull.center[1] + radius * np.cos(np.radians(np.minimum(polar, _EQUATOR)))
    hanging[:, 1] -= fallen
    hanging[:, 2] += 1.6 * _smooth(5.0, 16.0, fallen)
    return np.where((polar > _EQUATOR)[:, None], hanging, points)


def _flow(style: Style, points: F64, normals: F64, azimuth: F64, part: float) -> tuple[F64, F64]:
    """Tangents of the strands and position across and along them in cm."""
    x, y, z = points[:, 0], points[:, 1], points[:, 2]
    if style.flow == "side":
        # Outwards from the parting over the dome, then straight down.
        over = np.tanh((x - part) / 2.5) * np.clip((y + 2.0) / 7.0, 0.0, 1.0)
        field = np.stack([over, -0.35 - 0.06 * np.abs(x), -0.25 * np.abs(over)], 1)
        away = np.sqrt((x - part) ** 2 + 1.5)
        strand = np.stack([z - 0.35 * away, away - y], 1)
    elif style.flow == "back":
        field = np.stack([0.02 * x, 0.25 - 0.08 * (z + 4.0) * -1.0, -1.0 + 0.0 * x], 1)
        strand = np.stack([np.arctan2(x, np.maximum(y + 14.0, 1.0) * 0.8) * 18.0, 0.4 * y - z], 1)
    else:
        field = np.stack(
            [np.sin(np.radians(azimuth)), -1.0 + 0.0 * x, np.cos(np.radians(azimuth))], 1
        )
        strand = np.stack([np.radians(azimuth) * 8.0, -1.2 * y], 1)
    along = field - (field * normals).sum(axis=1, keepdims=True) * normals
    along /= np.sqrt((along**2).sum(axis=1, keepdims=True)) + 1e-9
    return np.asarray(along, np.float64), np.asarray(strand, np.float64)


def _curtain(style: Style, azimuth: F64, polar: F64) -> F64:
    """Angle in degrees inside the hair that falls to both sides of the face."""
    if style.flow != "side":
        return np.asarray(np.minimum(np.abs(azimuth) - style.open, 30.0), np.float64)
    opened = 6.0 + (style.open - 6.0) * _smooth(46.0, 100.0, polar) ** 0.8
    return np.minimum(np.abs(azimuth) - opened, 30.0)


def _head_radius(points: F64, skull: Skull) -> F32:
    """Distance of the head's surface from the skull's center: (18, 44) in steps of 10 degrees.

    Rows run from the top of the head down, columns around it from the back over the viewer's
    left, with four columns repeated on each side.
    """
    offset = points - skull.center
    length = np.sqrt((offset**2).sum(axis=1))
    polar = np.degrees(np.arccos(np.clip(offset[:, 1] / length, -1.0, 1.0)))
    azimuth = np.degrees(np.arctan2(offset[:, 0], offset[:, 2])) + 180.0
    cell = np.minimum(polar / 10.0, 17.0).astype(np.int64) * 36
    cell += np.minimum(azimuth / 10.0, 35.0).astype(np.int64)
    fields = []
    for weight in (np.ones_like(length), length):
        total = np.bincount(cell, weight, 18 * 36).reshape(18, 36).astype(np.float32)
        wrapped = np.concatenate([total[:, -4:], total, total[:, :4]], axis=1)
        fields.append(cv2.GaussianBlur(wrapped, (0, 0), 0.7))
    turn, fall = np.meshgrid(np.arange(-175.0, 185.0, 10.0), np.arange(5.0, 180.0, 10.0))
    smooth = skull.radius(_direction(turn.ravel(), fall.ravel())).reshape(18, 36)
    smooth = np.concatenate([smooth[:, -4:], smooth, smooth[:, :4]], axis=1)
    known = np.clip(fields[0] * 4.0, 0.0, 1.0)
    measured = fields[1] / np.maximum(fields[0], 1e-6)
    return np.asarray(smooth + (measured - smooth) * known, np.float32)


def _direction(azimuth: F64, polar: F64) -> F64:
    a, p = np.radians(azimuth), np.radians(polar)
    return np.stack([np.sin(p) * np.sin(a), np.cos(p), np.sin(p) * np.cos(a)], 1)


def _points(style: Style, skull: Skull, surface: F64, place: tuple[F64, F64], thick: F64) -> F64:
    """Points of the shell at ``place`` (azimuth, polar), ``thick`` cm above the head."""
    azimuth, polar = place
    reach = np.minimum(polar, _EQUATOR) if style.length else polar
    field = _head_radius(surface, skull)
    at = sample(
        field,
        ((azimuth + 175.0) / 10.0 + 4.0).astype(np.float32),
        ((reach - 5.0) / 10.0).astype(np.float32),
    )
    return _hang(style, skull, polar, at + thick, _direction(azimuth, polar))


def build(identity: Identity, skull: Skull, surface: F64, down: F64) -> Shell | None:
    """The hair over the ``surface`` (n, 3) of the head, or ``None`` for a bald person.

    ``down`` (3,) is the direction of gravity in head coordinates: hair keeps hanging when the
    head nods.
    """
    style = STYLES.get(identity.hair)
    if style is None:
        return None
    values = identity.values
    part = 3.4 * values["parting"]
    last = 178.0 if style.length else 136.0
    turn = (np.arange(_AROUND) + 0.5) * 360.0 / _AROUND - 180.0
    share = np.linspace(0.0, 1.0, _DOWN)
    polar, azimuth = (
        m.ravel() for m in np.meshgrid(1.5 + (last - 1.5) * share, turn, indexing="ij")
    )
    fringe = style.fringe * (1.0 - _smooth(38.0, 56.0, np.abs(azimuth)))
    inside = hairline(azimuth, values) + fringe - polar
    if style.length:
        inside = np.maximum(inside, _curtain(style, azimuth - 3.2 * part, polar))
    thick = _thickness(style, azimuth, np.minimum(polar, 95.0), inside, values["hair_volume"])
    if style.curl > 0.5:
        lump = np.sin(azimuth * 0.21 + 1.3 * np.sin(polar * 0.17)) * np.sin(polar * 0.23)
        thick = thick * (1.0 + 0.12 * lump)
    points = _points(style, skull, surface, (azimuth, polar), thick)
    fallen = _fallen(style, polar) if style.length else np.zeros(len(points))
    if style.length:
        points = points + fallen[:, None] * hanging(down + np.array([0.0, 1.0, 0.0]))
    triangles = grid_triangles(_DOWN, _AROUND, wrap=True)
    normals = vertex_normals(points, triangles)
    tangents, strand = _flow(style, points, normals, azimuth, part)
    hang = ((points[:, 1] < -11.0) & (np.abs(azimuth) < 118.0)).astype(np.float64)
    if style.length:
        inside = np.minimum(inside, 160.0 * (1.0 - share.repeat(_AROUND)) - 3.0)
    falls = style.length > 0.0
    return Shell(points, normals, tangents, strand, inside, hang, triangles, falls, fallen)
