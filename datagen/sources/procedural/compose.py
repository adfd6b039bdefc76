"""Compositing: background, body, hair, lashes and glasses."""

from __future__ import annotations

import cv2
import numpy as np

from . import background, eye_paint, glasses, hair_layer
from .arrays import F32, U8, smoothstep
from .blend import grown, over, softened
from .glasses import Drawn
from .light import Light
from .patch import HAIR
from .scene import Scene
from .shade import Pixels, Stage, solid


def _soft(covered: U8) -> F32:
    soft = cv2.GaussianBlur(covered, (0, 0), 0.9).astype(np.float32) * np.float32(1.0 / 255.0)
    return smoothstep(0.25, 0.95, soft)


def _glass(canvas: F32, drawn: Drawn, lamp: Light, hair: F32, size: int) -> F32:
    """The box of the image with glasses, their shadow and reflections."""
    shadow = cv2.GaussianBlur(drawn.frame, (0, 0), 2.5)
    shadow = np.roll(shadow, max(1, size // 100), axis=0)
    dim = np.asarray(1.0 - 0.45 * shadow * (1.0 - hair), np.float32)
    gleam = drawn.lens * (0.004 + 0.022 * drawn.gleam)
    canvas = canvas * cv2.merge([dim] * 3)
    canvas += gleam[..., None] * (lamp.key_color + lamp.sky_color)
    light = 0.5 * lamp.key_color + 0.8 * lamp.sky_color
    edge = np.clip(drawn.frame - np.roll(drawn.frame, 1, axis=0), 0.0, 1.0)
    frame = drawn.color * light + edge[..., None] * 0.18 * lamp.key_color
    cover = drawn.frame * (1.0 - hair * (drawn.lens < 0.01))
    return over(canvas, np.asarray(frame, np.float32), np.asarray(cover, np.float32))


def _masks(stage: Stage, surfaces: Scene, pixels: Pixels, hair: F32) -> tuple[U8, U8]:
    """Masks of the visible face and of hair, (size, size) 0..255."""
    ids = surfaces.solid.ids
    face = np.where((ids > 0) & (ids <= surfaces.face_triangles), 255, 0).astype(np.uint8)
    behind: U8 = np.zeros_like(face)
    part = pixels.of(HAIR)
    behind[part.rows, part.columns] = 255
    soft = cv2.GaussianBlur(face, (0, 0), 0.8).astype(np.float32) * (1.0 - hair)
    both = np.maximum(hair * 255.0, cv2.GaussianBlur(behind, (0, 0), 0.8))
    return (soft + 0.5).astype(np.uint8), (both + 0.5).astype(np.uint8)


def compose(
    surfaces: Scene, stage: Stage, number: tuple[int, int, int], wears: bool
) -> tuple[F32, U8, U8]:
    """Linear light (size, size, 3), face mask and hair mask (size, size) 0..255."""
    canvas, pixels, hair = paint(surfaces, stage, number, wears)
    return canvas, *_masks(stage, surfaces, pixels, hair)


def paint(
    surfaces: Scene, stage: Stage, number: tuple[int, int, int], wears: bool
) -> tuple[F32, Pixels, F32]:
    """Linear light (size, size, 3), the solid layer's pixels and cover by hair (size, size)."""
    size, whole, canvas = stage.figure.camera.size, stage.figure.camera.image_size, stage.canvas
    if canvas is None:
        canvas = background.make(*number, size, stage.light)
    hair = np.zeros((size, size), np.float32)
    front = hair_layer.draw(surfaces, stage, number)
    if front is not None:
        hair[front[0]] = front[2]
    image, pixels = solid(surfaces, stage, cv2.erode(hair, np.ones((5, 5), np.uint8)) > 0.999)
    ids = surfaces.solid.ids
    covered = np.where(ids > 0, 255, 0).astype(np.uint8)
    kinds: U8 = np.zeros((size, size), np.uint8)
    kinds[pixels.rows, pixels.columns] = pixels.material + 1
    image = softened(grown(image, covered), kinds)
    canvas = over(canvas, image, _soft(covered))
    face = ((ids > 0) & (ids <= surfaces.face_triangles)).astype(np.uint8)
    near_face = cv2.dilate(face, np.ones((3, 3), np.uint8))
    eyes, lashes = eye_paint.lashes(stage.figure, size)
    canvas[eyes] *= cv2.merge([1.0 - lashes * near_face[eyes]] * 3)
    if front is not None:
        box, color, cover = front
        canvas[box] = over(canvas[box], color, cover)
    if wears:
        worn = glasses.draw(number[0], number[1], stage.figure)
        canvas[worn.box] = _glass(canvas[worn.box], worn, stage.light, hair[worn.box], whole)
    return canvas, pixels, hair
