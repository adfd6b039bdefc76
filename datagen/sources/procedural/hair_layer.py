"""The hair in front of the head, with frayed edges and single strands."""

from __future__ import annotations

import cv2
import numpy as np

from datagen.core import rng as streams

from . import strokes
from .arrays import F32, Mask
from .blend import grown
from .hairstyle import STYLES
from .scene import Scene
from .shade import Stage, front_hair

_PAD, _REACH = 14, 13


def _fray(rng: np.random.Generator, rows: int, columns: int) -> F32:
    """Low-frequency noise (rows, columns, 2) in pixels."""
    small = rng.standard_normal((64, 64, 2)).astype(np.float32) * np.float32(1.1)
    noise = cv2.resize(small, (columns, rows), interpolation=cv2.INTER_LINEAR)
    return np.asarray(noise, np.float32)


def _frayed(alpha: F32, noise: F32) -> F32:
    """Cover displaced by noise, so that the outline of hair is not smooth."""
    rows, columns = alpha.shape
    x = noise[..., 0] + np.arange(columns, dtype=np.float32)[None, :]
    y = noise[..., 1] + np.arange(rows, dtype=np.float32)[:, None]
    moved = cv2.remap(alpha, x, y, cv2.INTER_LINEAR)
    return np.asarray(cv2.GaussianBlur(moved, (5, 5), 0.75), np.float32)


def _without_gaps(alpha: F32, solid: Mask, reach: int) -> F32:
    """Cover with narrow gaps between hair and the edge of the head closed."""
    near = np.ones((reach, reach), np.uint8)
    whole = np.maximum(alpha, solid.astype(np.float32))
    closed = cv2.morphologyEx(whole, cv2.MORPH_CLOSE, near) * cv2.dilate(alpha, near)
    return np.asarray(np.where(solid, alpha, np.maximum(alpha, closed)), np.float32)


def _cut(box: tuple[slice, slice], size: int) -> tuple[slice, slice]:
    """The box within the image."""
    return slice(box[0].start, min(size, box[0].stop)), slice(box[1].start, min(size, box[1].stop))


def draw(
    surfaces: Scene, stage: Stage, number: tuple[int, int, int]
) -> tuple[tuple[slice, slice], F32, F32] | None:
    """The box of the hair in the image, its linear light (h, w, 3) and cover (h, w)."""
    front = front_hair(surfaces, stage)
    if front is None or surfaces.hair is None or surfaces.shell is None:
        return None
    color, alpha = front
    left, top, width, height = cv2.boundingRect((surfaces.hair.ids > 0).astype(np.uint8))
    box = (
        slice(max(0, top - _PAD), top + height + _PAD),
        slice(max(0, left - _PAD), left + width + _PAD),
    )
    covered = np.where(surfaces.hair.ids[box] > 0, 255, 0).astype(np.uint8)
    alpha, held, camera = alpha[box], stage.held, stage.figure.camera
    style = STYLES[stage.figure.identity.hair]
    if held is not None:
        noise, chosen = held.frayed(camera, _cut(box, camera.size)), held.strokes(camera)
    else:
        rng = streams.rng(*number, "strands")
        noise = _fray(rng, *alpha.shape)
        chosen = strokes.choose(surfaces.shell, style, camera, rng)
    alpha, color = _frayed(alpha, noise), grown(color[box], covered)
    alpha = _without_gaps(alpha, surfaces.solid.ids[box] > 0, max(3, camera.image_size // 40))
    drawn = strokes.draw(chosen, camera, box)
    reach = np.ones((_REACH, _REACH), np.uint8)
    near = cv2.dilate(alpha, reach)
    cover = np.maximum(alpha, 0.75 * near * np.maximum(drawn.light, drawn.dark))
    gain = 1.0 + 0.45 * drawn.light - 0.45 * drawn.dark
    # Strands beyond the hair take the color of the hair next to them.
    spread = cv2.dilate(color * cv2.merge([alpha] * 3), reach) * np.float32(0.6)
    cv2.copyTo(spread, (alpha < 0.5).astype(np.uint8), color)
    return box, np.asarray(color * cv2.merge([gain] * 3), np.float32), cover
