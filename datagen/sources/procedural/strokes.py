"""Single strands over the shell of hair: light, dark, and loose at its outline."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .arrays import F32, F64, I64, U8
from .camera import Camera
from .hairstyle import Shell, Style

_COUNT = 620
_STEPS = np.linspace(0.0, 1.0, 6)
_SKULL = 9.5
# Share of the strands that soften the hairline.
_AT_EDGE = 0.3


@dataclass(frozen=True, slots=True)
class Strokes:
    """Cover by strands, (h, w) float32 0..1 each.

    Attributes:
        light: strands brighter than their surroundings.
        dark: strands darker than them.
    """

    light: F32
    dark: F32


def _paths(shell: Shell, style: Style, chosen: I64, rng: np.random.Generator) -> F64:
    """Curves (n, steps, 3) in head coordinates that start at the chosen points."""
    at = chosen
    count = len(at)
    start, along, out = shell.points[at], shell.tangents[at], shell.normals[at]
    across = np.cross(along, out)
    start = start + across * rng.normal(0.0, 0.4, count)[:, None]
    start = start + along * rng.normal(0.0, 0.4, count)[:, None]
    short = 0.5 if style.curl > 0.5 else 1.0
    length = rng.uniform(1.4, 4.2, count) * short * min(1.0, 0.35 + style.top * 0.6)
    t = _STEPS[None, :, None]
    curve = np.where(start[:, 1] > 2.0, 0.5 / _SKULL, 0.0)[:, None, None]
    if style.flow == "back":
        # In hair combed away from the camera, straight strands would stick out like spines.
        curve, length = np.full_like(curve, 0.11), length * 0.7
    reach = length[:, None, None] * t
    lift = (np.abs(rng.normal(0.0, 0.1, count)) - 0.03)[:, None, None] * t
    sway = rng.normal(0.0, 0.16, count)[:, None, None] * np.sin(2.5 * t) * (1.0 + style.curl)
    if style.curl > 0.5:
        phase = rng.uniform(0.0, 6.28, count)[:, None, None]
        sway = sway + 0.22 * (np.sin(phase + 7.0 * t) - np.sin(phase))
    path = start[:, None] + along[:, None] * reach + across[:, None] * sway
    return np.asarray(path + out[:, None] * (lift - curve * reach**2), np.float64)


@dataclass(frozen=True, slots=True)
class Strands:
    """Strands that were chosen for a shell of hair.

    Attributes:
        start: (k,) points of the shell that they start near.
        paths: (k, steps, 3) in head coordinates.
        strength: (k,) 50 to 229.
    """

    start: I64
    paths: F64
    strength: I64

    def seen(self, toward: F64) -> I64:
        """Strength of each strand, less where its start (k,) turns away from the camera."""
        share = np.clip((toward + 0.2) / 0.3, 0.0, 1.0)
        return np.asarray(np.round(self.strength * share), np.int64)


def choose(
    shell: Shell, style: Style, camera: Camera, rng: np.random.Generator, behind: float = 0.12
) -> Strands | None:
    """Draw strands of the side of the shell that faces the camera.

    Args:
        shell: the hair.
        style: its style.
        camera: pose of the head.
        rng: the stream to draw from.
        behind: sine of the angle by which their starts may face away from the camera.
    """
    toward = (shell.normals @ camera.rotation.T)[:, 2]
    able = np.nonzero((shell.margin > 0.5) & (toward > -behind))[0]
    if not len(able):
        return None
    chosen = able[rng.integers(0, len(able), _COUNT)]
    ends = able[(shell.margin[able] < 8.0) & (shell.normals[able, 2] > 0.25)]
    if len(ends):
        at_edge = rng.random(_COUNT) < _AT_EDGE
        chosen = np.where(at_edge, ends[rng.integers(0, len(ends), _COUNT)], chosen)
    paths = _paths(shell, style, chosen, rng)
    return Strands(chosen, paths, rng.integers(50, 230, _COUNT))


def draw(strands: Strands | None, camera: Camera, box: tuple[slice, slice]) -> Strokes:
    """The strands, cut to a box of the image."""
    size = camera.size
    light: U8 = np.zeros((size, size), np.uint8)
    dark: U8 = np.zeros((size, size), np.uint8)
    if strands is not None:
        screen = camera.project(camera.place(strands.paths.reshape(-1, 3)))[:, :2] - 0.5
        fixed = np.round(screen * 16).astype(np.int32).reshape(len(strands.paths), -1, 2)
        for index, (path, value) in enumerate(zip(fixed, strands.strength.tolist(), strict=True)):
            if value:
                canvas = light if index % 2 else dark
                cv2.polylines(canvas, [path], False, value, 1, cv2.LINE_AA, 4)
    scale = np.float32(1.0 / 255.0)
    return Strokes(light[box].astype(np.float32) * scale, dark[box].astype(np.float32) * scale)
