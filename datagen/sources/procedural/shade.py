"""Shading: from painted layers to linear light, material by material."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from . import clothes as cloth
from . import eye_paint, hair, hairstyle, mouth, raster, scene, skin
from .arrays import F32, I64, U8, Mask, smoothstep
from .clothes import Clothes
from .figure import Figure
from .held import Held
from .light import Light
from .patch import BODY, HAIR, LEFT_EYE, MOUTH_HOLE, RIGHT_EYE, SKIN
from .sample import sample
from .scene import Scene
from .texture import Texture

_NECK_UV = (0.945, 0.935)
_GRAY = np.array([0.25, 0.215, 0.185], np.float32)

_KINDS = (SKIN, RIGHT_EYE, LEFT_EYE, MOUTH_HOLE, BODY, HAIR)


@dataclass(frozen=True, slots=True)
class Pixels:
    """The covered pixels of the solid layer.

    Attributes:
        rows, columns: (p,) positions of the pixels.
        values: (9, p) interpolated values, as in ``scene``.
        material: (p,) uint8, in ascending order.
    """

    rows: I64
    columns: I64
    values: F32
    material: U8

    def of(self, material: int) -> Pixels:
        """The pixels of one material; pixels are sorted by material."""
        first, last = np.searchsorted(self.material, [material, material + 1])
        part = slice(int(first), int(last))
        return Pixels(
            self.rows[part], self.columns[part], self.values[:, part], self.material[part]
        )

    def at(self, chosen: I64) -> Pixels:
        """The pixels with these numbers."""
        values = np.take(self.values, chosen, axis=1, mode="clip")
        return Pixels(self.rows[chosen], self.columns[chosen], values, self.material[chosen])


@dataclass(frozen=True, slots=True)
class Stage:
    """What shading needs in addition to the surfaces; the last two only in videos.

    Attributes:
        figure, light, texture, clothes: those of the image.
        held: what all frames share.
        canvas: (size, size, 3) linear light behind the person.
    """

    figure: Figure
    light: Light
    texture: Texture
    clothes: Clothes
    held: Held | None = None
    canvas: F32 | None = None


def _unit(vectors: F32) -> F32:
    return np.asarray(vectors / np.sqrt((vectors * vectors).sum(axis=0) + 1e-12), np.float32)


def _view(pixels: Pixels, stage: Stage) -> F32:
    camera = stage.figure.camera
    per_pixel = np.float32(1.0 / camera.focal)
    x = (np.float32(camera.middle[0]) - pixels.columns.astype(np.float32)) * per_pixel
    y = (pixels.rows.astype(np.float32) - np.float32(camera.middle[1])) * per_pixel
    return _unit(np.stack([x, y, np.ones_like(x)]).astype(np.float32))


def _skin_uv(pixels: Pixels) -> F32:
    """Texture coordinates of pixels of one material; the neck uses a uniform corner."""
    uv = pixels.values[scene.UV]
    if pixels.material[0] != BODY:
        return uv
    u = _NECK_UV[0] + 0.05 * (np.abs(np.mod(uv[0] * 20.0, 2.0) - 1.0) - 0.5)
    v = _NECK_UV[1] + 0.05 * (np.abs(np.mod(uv[1] * 0.55, 2.0) - 1.0) - 0.5)
    return np.stack([u, v])


def _skin(pixels: Pixels, stage: Stage) -> F32:
    """Light from skin with pigment, relief, hair and gloss: (3, n)."""
    uv = _skin_uv(pixels)
    side = np.float32(stage.texture.pigment.shape[0])
    x, y = uv[0] * side - 0.5, uv[1] * side - 0.5
    pigment = sample(stage.texture.pigment, x, y, cv2.BORDER_REFLECT).T
    relief = sample(stage.texture.relief, x, y, cv2.BORDER_REFLECT).T
    turn = stage.figure.camera.rotation.astype(np.float32)
    strength = np.float32(1.15)
    slope_x, slope_y = relief[0] * strength, relief[1] * strength
    normal = pixels.values[scene.NORMAL]
    normal = normal + turn[:, 0, None] * -slope_x + turn[:, 1, None] * slope_y
    normal = _unit(normal)
    shade, sky = pixels.values[scene.SHADE], pixels.values[scene.SKY]
    falls = skin.lit(normal, stage.light, shade, sky)
    color = skin.albedo(pigment[0], pigment[1])
    values = stage.figure.identity.values
    tint = hair.color(values)
    gray = np.float32(0.55 * values["hair_gray"])
    tint = tint * np.float32(0.75) * (1 - gray) + _GRAY * gray
    cover = np.maximum(np.clip(pigment[2], 0.0, 1.0), 0.85 * pixels.values[scene.SCALP])
    color += (tint[:, None] - color) * cover
    shine = skin.glint(normal, _view(pixels, stage), stage.light, shade, relief[2])
    return np.asarray(color * falls + shine * (1.0 - 0.7 * cover), np.float32)


def _hair_light(
    values: F32, stage: Stage, tangent: F32, strand: F32
) -> tuple[F32, tuple[F32, F32]]:
    style = hairstyle.STYLES[stage.figure.identity.hair]
    fine, coarse = hair.strands(strand[0] * style.fineness, strand[1], style.curl)
    base = hair.mixed(stage.figure.identity.values, 0.75 * fine + 0.25 * coarse)
    noise = (fine, coarse)
    return hair.shaded(base, values[:3], _unit(tangent), stage.light, noise), noise


def _behind(pixels: Pixels, stage: Stage) -> F32:
    """The inside of hair behind the neck: dark strands."""
    strand = pixels.values[scene.UV]
    down = np.zeros((3, strand.shape[1]), np.float32)
    down[1] = 1.0
    out, _ = _hair_light(pixels.values, stage, down, strand)
    return out * np.float32(0.4)


def _eyes(pixels: Pixels, side: int, stage: Stage) -> F32:
    size = stage.figure.camera.size
    mask: U8 = np.zeros((size, size), np.uint8)
    mask[pixels.rows, pixels.columns] = 255
    scale = stage.figure.camera.focal / stage.figure.camera.distance
    top, left = max(0, pixels.rows.min() - 16), max(0, pixels.columns.min() - 16)
    cut = mask[top : pixels.rows.max() + 16, left : pixels.columns.max() + 16]
    under = eye_paint.lid_shade(cut, scale)[pixels.rows - top, pixels.columns - left]
    return eye_paint.paint(pixels.rows, pixels.columns, side, stage.figure, stage.light, under)


def _body(pixels: Pixels, stage: Stage) -> F32:
    """Neck and clothes."""
    uv = pixels.values[scene.UV]
    below = cloth.below_neckline(stage.clothes, uv[0], uv[1])
    out = np.empty((3, len(below)), np.float32)
    at = np.flatnonzero(below <= 0.0)
    if len(at):
        # Cloth casts a thin shadow on the skin above its edge.
        near = 1.0 - 0.5 * np.exp(below[at] * 2.2)
        out[:, at] = _skin(pixels.at(at), stage) * near
    at = np.flatnonzero(below > 0.0)
    if len(at):
        worn = pixels.at(at)
        uv, received = worn.values[scene.UV], worn.values[[scene.SHADE, scene.SKY]]
        normal = worn.values[scene.NORMAL]
        out[:, at] = cloth.shaded(stage.clothes, uv, below[at], normal, stage.light, received)
    return out


def _place(covered: I64, size: int) -> tuple[I64, I64]:
    """Rows and columns of flat pixel indices."""
    rows = (covered.astype(np.int32) // np.int32(size)).astype(np.int64)
    return rows, covered - rows * size


def _spread(light: F32, covered: I64, size: int) -> F32:
    """An image (size, size, 3) with light (3, n) at the pixels ``covered``, zero elsewhere."""
    planes = np.zeros((3, size * size), np.float32)
    for plane, channel in zip(planes, light, strict=True):
        plane[covered] = channel
    return np.asarray(cv2.merge(list(planes.reshape(3, size, size))), np.float32)


def _paint(kind: int, part: Pixels, stage: Stage) -> F32:
    """Linear light (3, n) of pixels of one material."""
    if kind == SKIN:
        return _skin(part, stage)
    if kind == BODY:
        return _body(part, stage)
    if kind == HAIR:
        return _behind(part, stage)
    if kind == MOUTH_HOLE:
        sky = part.values[scene.SKY]
        return mouth.paint(part.rows, part.columns, stage.figure, stage.light, sky)
    return _eyes(part, 0 if kind == RIGHT_EYE else 1, stage)


def solid(surfaces: Scene, stage: Stage, hidden: Mask) -> tuple[F32, Pixels]:
    """Linear light of the solid layer (size, size, 3), zero where empty or ``hidden``."""
    ids = surfaces.solid.ids
    covered = np.flatnonzero((ids > 0) & ~hidden)
    material = surfaces.material.astype(np.uint8)[ids.ravel()[covered] - 1]
    order = np.concatenate([np.flatnonzero(material == kind) for kind in _KINDS])
    material, covered = material[order], covered[order]
    rows, columns = _place(covered, len(ids))
    values = raster.interpolate(surfaces.solid, rows, columns, surfaces.solid_values)
    pixels = Pixels(rows, columns, values, material)
    size = ids.shape[0]
    light = [_paint(kind, part, stage) for kind in _KINDS if len((part := pixels.of(kind)).rows)]
    return _spread(
        np.concatenate([np.zeros((3, 0), np.float32), *light], axis=1), covered, size
    ), pixels


def _in_front(surfaces: Scene, rows: I64, columns: I64, values: F32, size: int) -> Mask:
    """Where hair is nearer than head and neck; hanging hair is always in front of the shoulders."""
    below = surfaces.solid.ids[rows, columns]
    front = below == 0
    at = np.nonzero(~front)[0]
    used = surfaces.solid_values[:, [scene.DEPTH, scene.UV.start + 1]]
    depth, height = raster.interpolate(surfaces.solid, rows[at], columns[at], used)
    on_body = (surfaces.material[below[at] - 1] == BODY) & (height < -10.0)
    tolerance = np.float32(0.026 * size)
    nearer = values[scene.HAIR_DEPTH, at] < depth + tolerance
    front[at] = nearer | (on_body & (values[scene.HANG, at] > 0.3))
    return np.asarray(front, np.bool_)


def front_hair(surfaces: Scene, stage: Stage) -> tuple[F32, F32] | None:
    """Linear light (size, size, 3) and cover (size, size) of the hair in front."""
    if surfaces.hair is None:
        return None
    size = len(surfaces.hair.ids)
    covered = np.flatnonzero(surfaces.hair.ids)
    if not len(covered):
        return None
    rows, columns = _place(covered, size)
    values = raster.interpolate(surfaces.hair, rows, columns, surfaces.hair_values)
    light, noise = _hair_light(values, stage, values[scene.TANGENT], values[scene.STRAND])
    style = hairstyle.STYLES[stage.figure.identity.hair]
    # Locks end at different heights, and their ends thin out.
    rough = np.float32(style.ragged * (0.6 if style.length and not style.fringe else 1.3))
    edge = values[scene.MARGIN] + (noise[0] - 0.5) * rough + (noise[1] - 0.5) * rough * 1.8
    cover = smoothstep(-0.7 * style.ragged, 1.0 * style.ragged, edge)
    cover = cover * _in_front(surfaces, rows, columns, values, stage.figure.camera.image_size)
    alpha = np.zeros(size * size, np.float32)
    alpha[covered] = cover
    return _spread(light, covered, size), alpha.reshape(size, size)
