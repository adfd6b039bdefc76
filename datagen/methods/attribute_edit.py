"""Attribute editing: another nose, jaw, eyes or lips, make-up, other colors, or more years."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias, get_args

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from datagen.core.arrays import Image, Landmarks, Mask
from datagen.core.rounding import rounded
from datagen.core.schema import Frozen
from datagen.errors import ItemError
from datagen.faces import masks
from datagen.faces.face import FaceCrop
from datagen.faces.geometry.deform import Motion, motion, motion_mask, motion_round_trip, warp_field
from datagen.faces.geometry.outline import (
    bare_forehead,
    check_face,
    face_outline,
    face_width,
    up_axis,
)
from datagen.faces.geometry.warp import warp_pixels
from datagen.faces.landmarks import (
    BROWS,
    CHIN,
    EYES,
    INNER_LIPS,
    JAW,
    LEFT_EYE,
    LEFT_NOSTRIL,
    NOSE,
    NOSE_BASE,
    NOSE_TIP,
    NOSE_TOP,
    OUTER_LIPS,
    RIGHT_EYE,
    RIGHT_NOSTRIL,
    SUBNASALE,
)
from datagen.faces.pixels import makeup
from datagen.faces.pixels.blend import Region, expand, paste, region_around
from datagen.faces.pixels.color import recolor
from datagen.faces.pixels.eyes import find_eye
from datagen.methods.base import Context, Method, Result

__all__ = ["Aging", "AttributeEdit", "AttributeEditOptions", "AttributeEditParams", "Tint"]

Triple: TypeAlias = tuple[float, float, float]
Edit: TypeAlias = Literal[
    "nose", "jaw", "eyes", "lips", "lip_color", "brow_color", "eye_color", "makeup", "age"
]


class AttributeEditOptions(Frozen):
    """Keys of its entry in a recipe.

    Attributes:
        edits: What may be edited.
        most: How many of them at once.
    """

    edits: tuple[Edit, ...] = Field(default=get_args(Edit), min_length=1)
    most: int = Field(default=2, ge=1, le=4)


class Tint(Frozen):
    """A change of color.

    Attributes:
        gain: Factor on each channel.
        offset: Added to each channel afterward, gray levels.
        ratio: Weight where the mask is full.
    """

    gain: Triple
    offset: Triple
    ratio: float


class Aging(Frozen):
    """More years.

    Attributes:
        depth: How dark the folds are; 1 = half the light.
        lift: How far up the bare forehead reaches.
        bends: Ten numbers that bend the folds.
        tone: ``(6, 6)`` uneven tone of the skin, about 0.
        uneven: Deviation of the tone, as a share of the light.
    """

    depth: float
    lift: float
    bends: list[float]
    tone: list[list[float]]
    uneven: float


class AttributeEditParams(Frozen):
    """What was drawn for one edit; 0 or nothing leaves a part alone.

    Attributes:
        nose, jaw, eyes, lips: How much wider, or fuller, as a share.
        lip_color, brow_color, eye_color, shadow, cheeks: Changes of color.
        age: More years.
    """

    nose: float = 0.0
    jaw: float = 0.0
    eyes: float = 0.0
    lips: float = 0.0
    lip_color: Tint | None = None
    brow_color: Tint | None = None
    eye_color: Tint | None = None
    shadow: Tint | None = None
    cheeks: Tint | None = None
    age: Aging | None = None


class AttributeEdit(Method):
    """The same person with another nose, make-up or age."""

    name = "attribute_edit"
    family = "attribute_edit"
    options = AttributeEditOptions
    params = AttributeEditParams
    min_change = 1.5
    paper = "He et al., TIP 2019, AttGAN (the attributes); Guo & Sim, CVPR 2009 (make-up layers)"

    def sample(self, rng: np.random.Generator, ctx: Context) -> AttributeEditParams:
        """Draw one or two edits among those whose place lies in the image."""
        assert isinstance(self.config, AttributeEditOptions)
        face = ctx.target
        check_face(face.landmarks)
        present = _present(face)
        edits = [edit for edit in self.config.edits if edit in present]
        if not edits:
            raise ItemError("method_failed", "what should be edited is outside the image")
        order = [edits[index] for index in rng.permutation(len(edits))]
        chosen = order[: rng.integers(1, min(self.config.most, len(order)) + 1)]
        drawn: dict[str, object] = {}
        for edit in sorted(chosen):
            drawn |= _draw(edit, rng, face)
        return AttributeEditParams.model_validate(drawn)

    def apply(self, ctx: Context, params: AttributeEditParams) -> Result:
        """Move what is moved, then color what came to lie there."""
        face = ctx.target
        move = _motion(face, params)
        field = warp_field(move)
        moved = motion_mask(field, move.region, move.unit)
        image = paste(face.image, warp_pixels(face.image, field), moved, move.region)
        mask = expand(moved, move.region, image.shape)
        marks = move.corners[:68].copy()
        return _colored(face, image, mask, marks, params)

    def control(self, ctx: Context, params: AttributeEditParams) -> Image:
        """Move by a fraction of a pixel, there and back, and color nothing."""
        move = _motion(ctx.target, params)
        mask = motion_mask(warp_field(move), move.region, move.unit)
        return paste(ctx.target.image, motion_round_trip(ctx.target.image, move), mask, move.region)


_LIP_COLORS = ((1.0, 0.42, 0.48), (0.62, 0.3, 0.42), (0.8, 0.55, 0.5), (1.03, 0.6, 0.54))
_BROW_COLORS = (
    ((0.5, 0.47, 0.47), (0.0, 0.0, 0.0)),
    ((0.9, 0.84, 0.74), (38.0, 30.0, 16.0)),
    ((0.92, 0.72, 0.62), (14.0, 4.0, 0.0)),
    ((0.85, 0.86, 0.88), (30.0, 30.0, 32.0)),
)
_EYE_COLORS = (
    ((0.75, 0.85, 0.95), (0.0, 14.0, 38.0)),
    ((0.8, 0.95, 0.75), (6.0, 26.0, 4.0)),
    ((0.62, 0.42, 0.28), (8.0, 0.0, 0.0)),
    ((0.85, 0.85, 0.85), (30.0, 32.0, 35.0)),
)
_SHADOWS = ((0.62, 0.48, 0.6), (0.5, 0.6, 0.8), (0.62, 0.48, 0.4), (0.5, 0.66, 0.56))


def _tint(rng: np.random.Generator, least: float, gain: Triple, offset: Triple = (0, 0, 0)) -> Tint:
    jitter = rng.uniform(0.93, 1.07, 3)
    red, green, blue = (rounded(g * j) for g, j in zip(gain, jitter, strict=True))
    return Tint(gain=(red, green, blue), offset=offset, ratio=rounded(rng.uniform(least, 1.0)))


def _either(
    rng: np.random.Generator, less: tuple[float, float], more: tuple[float, float]
) -> float:
    return rounded(-rng.uniform(*less) if rng.integers(2) else rng.uniform(*more))


_SIZES: dict[str, tuple[tuple[float, float], tuple[float, float]]] = {
    "nose": ((0.15, 0.28), (0.15, 0.35)),
    "jaw": ((0.05, 0.09), (0.05, 0.1)),
    "eyes": ((0.1, 0.16), (0.12, 0.22)),
    "lips": ((0.2, 0.35), (0.25, 0.5)),
}


def _draw(edit: Edit, rng: np.random.Generator, face: FaceCrop) -> dict[str, object]:
    if edit in _SIZES:
        return {edit: _either(rng, *_SIZES[edit])}
    kind = int(rng.integers(4))
    if edit == "lip_color":
        return {edit: _tint(rng, 0.5, _LIP_COLORS[kind])}
    if edit == "brow_color":
        return {edit: _tint(rng, 0.7, *_BROW_COLORS[kind])}
    if edit == "eye_color":
        return {edit: _tint(rng, 0.7, *_EYE_COLORS[kind])}
    if edit == "makeup":
        shadow = _tint(rng, 0.6, _SHADOWS[kind])
        return {"shadow": shadow, "cheeks": _tint(rng, 0.5, (1.0, 0.82, 0.82))}
    return {"age": _draw_age(rng, face)}


def _draw_age(rng: np.random.Generator, face: FaceCrop) -> Aging:
    lift = float(np.median(bare_forehead(face.image, face.landmarks)))
    return Aging(
        depth=rounded(rng.uniform(0.5, 0.9)),
        lift=rounded(max(lift - 0.05, 0.1)),
        bends=[rounded(value) for value in rng.uniform(-1, 1, 10)],
        tone=[[round(float(v), 3) for v in row] for row in rng.standard_normal((6, 6))],
        uneven=rounded(rng.uniform(0.03, 0.06)),
    )


_PLACES: dict[Edit, slice] = {
    "nose": NOSE,
    "lips": OUTER_LIPS,
    "lip_color": OUTER_LIPS,
    "brow_color": BROWS,
    "eyes": EYES,
    "makeup": EYES,
}


def _present(face: FaceCrop) -> tuple[Edit, ...]:
    """Say what lies in the image with all its points."""
    height, width = face.image.shape[:2]
    low, high = face.landmarks, np.array([width - 2, height - 2]) - face.landmarks
    inside = np.asarray(np.minimum(low - 1, high).min(axis=1) > 0)
    present: list[Edit] = [edit for edit, part in _PLACES.items() if inside[part].all()]
    if inside[JAW].sum() > 8:
        present.append("jaw")
    if "eyes" in present and find_eye(face, RIGHT_EYE) and find_eye(face, LEFT_EYE):
        present.append("eye_color")
    if inside.sum() > 40:
        present.append("age")
    return tuple(present)


def _motion(face: FaceCrop, params: AttributeEditParams) -> Motion:
    """Scale each part about its own middle along the face's axes."""
    check_face(face.landmarks)
    marks = face.landmarks.astype(np.float64)
    up = up_axis(face.landmarks).astype(np.float64)
    right = np.array([-up[1], up[0]])
    way = np.zeros((68, 2))
    base, nostrils = marks[SUBNASALE], marks[[RIGHT_NOSTRIL, LEFT_NOSTRIL]]
    wing = nostrils + 0.6 * (nostrils - base)
    nose = np.concatenate([marks[NOSE_BASE], wing])
    across = (nose - base) @ right
    stretch = 1.6 * params.nose * across[:, None] * right
    length = 0.25 * params.nose * (marks[NOSE_TOP] - base)
    way[NOSE_BASE] = stretch[:5] - length
    way[NOSE_TIP] = -length
    middle = marks[[CHIN, NOSE_TOP, SUBNASALE]].mean(axis=0)
    reach = np.sin(np.linspace(0, np.pi, 17)) ** 0.7
    way[JAW] = params.jaw * reach[:, None] * ((marks[JAW] - middle) @ right)[:, None]
    way[JAW] *= right
    chin = 0.6 * params.jaw * float((base - marks[CHIN]) @ up)
    way[JAW] -= chin * reach[:, None] ** 3 * up
    for part in (RIGHT_EYE, LEFT_EYE):
        way[part] = params.eyes * (marks[part] - marks[part].mean(axis=0))
    tall = (marks[OUTER_LIPS] - marks[INNER_LIPS].mean(axis=0)) @ up
    way[OUTER_LIPS] += params.lips * tall[:, None] * up
    more = (wing.astype(np.float32), (wing + stretch[5:] - length).astype(np.float32))
    moved = (face.landmarks + way).astype(np.float32)
    return motion(face.landmarks, moved, face.image.shape, more)


def _colored(
    face: FaceCrop, image: Image, mask: Mask, marks: Landmarks, params: AttributeEditParams
) -> Result:
    rim = np.concatenate([face_outline(marks, 1.0), marks])
    region = region_around(rim, image.shape, 0.05 * face_width(marks))
    places: list[tuple[Tint | None, Callable[[], Mask]]] = [
        (params.lip_color, lambda: makeup.lip_mask(marks, region)),
        (params.brow_color, lambda: makeup.brow_mask(face.image, face.landmarks, region)),
        (params.eye_color, lambda: makeup.iris_mask(face, region)),
        (params.shadow, lambda: makeup.shadow_mask(marks, region)),
        (params.cheeks, lambda: makeup.cheek_mask(marks, region)),
    ]
    for tint, place in places:
        if tint is not None:
            weight = masks.scale(place(), tint.ratio)
            image = paste(image, _tinted(region.of(image), tint), weight, region)
            region.of(mask)[...] = np.maximum(region.of(mask), weight)
    if params.age:
        skin = makeup.skin_mask(marks, region, params.age.lift)
        image = paste(image, _aged(image, marks, region, params.age), skin, region)
        region.of(mask)[...] = np.maximum(region.of(mask), skin)
    return Result(image, mask, marks)


def _tinted(part: NDArray[np.uint8], tint: Tint) -> Image:
    matrix = np.column_stack([np.diag(tint.gain), tint.offset]).astype(np.float32)
    return recolor(np.ascontiguousarray(part), matrix)


def _aged(image: Image, marks: Landmarks, region: Region, age: Aging) -> Image:
    """Darken the folds, lighten their lower edges, and make the tone uneven and yellower."""
    lines = makeup.wrinkle_lines(marks, region, age.lift, age.bends).astype(np.float32) / 255
    wide = cv2.GaussianBlur(lines, (0, 0), max(0.015 * face_width(marks), 0.5))
    light = 1 - 0.4 * age.depth * lines + 0.3 * age.depth * (wide - 0.5 * lines)
    grid = np.array(age.tone, np.float32) * np.float32(age.uneven)
    tone = 1 + cv2.resize(grid, lines.shape[::-1], interpolation=cv2.INTER_CUBIC)
    gain = (light * tone)[..., None] * np.array([0.985, 0.955, 0.92], np.float32)
    return np.clip(np.rint(region.of(image) * gain), 0, 255).astype(np.uint8)
