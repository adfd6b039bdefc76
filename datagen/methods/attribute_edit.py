"""Attribute editing: shape of nose, jaw, eyes or lips, make-up, colors, or age."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Image, Landmarks, Mask
from datagen.errors import ItemError
from datagen.faces import masks
from datagen.faces.face import FaceCrop
from datagen.faces.geometry.deform import Motion, motion, motion_mask, warp_field
from datagen.faces.geometry.in_place import resampled_in_place
from datagen.faces.geometry.outline import check_face, face_outline, face_width, up_axis
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
from datagen.methods.attribute_edit_options import (
    Aging,
    AttributeEditOptions,
    AttributeEditParams,
    Edit,
    Tint,
    draw_edit,
)
from datagen.methods.base import Context, Method, Result

__all__ = ["AttributeEdit"]


class AttributeEdit(Method):
    """Change the shape of a part, the make-up, a color or the age of the face."""

    name = "attribute_edit"
    version = 2
    family = "attribute_edit"
    options = AttributeEditOptions
    params = AttributeEditParams
    min_change = 1.5
    paper = "He et al., TIP 2019, AttGAN (the attributes); Guo & Sim, CVPR 2009 (make-up layers)"

    def sample(self, rng: np.random.Generator, ctx: Context) -> AttributeEditParams:
        """Draw edits among those whose part is inside the image."""
        assert isinstance(self.config, AttributeEditOptions)
        face = ctx.target
        check_face(face.landmarks)
        present = _present(face)
        edits = [edit for edit in self.config.edits if edit in present]
        if not edits:
            raise ItemError("method_failed", "all parts to be edited are outside the image")
        order = [edits[index] for index in rng.permutation(len(edits))]
        chosen = order[: rng.integers(1, min(self.config.max_edits, len(order)) + 1)]
        drawn: dict[str, object] = {}
        for edit in sorted(chosen):
            drawn |= draw_edit(edit, rng, face)
        return AttributeEditParams.model_validate(drawn)

    def apply(self, ctx: Context, params: AttributeEditParams) -> Result:
        """Warp the face, then change its colors."""
        face = ctx.target
        move = _motion(face, params)
        field = warp_field(move)
        moved = motion_mask(field, move.region, move.unit)
        image = paste(face.image, warp_pixels(face.image, field), moved, move.region)
        mask = expand(moved, move.region, image.shape)
        marks = move.corners[:68].copy()
        return _colored(face, image, mask, marks, params)

    def control(self, ctx: Context, params: AttributeEditParams) -> Image:
        """Resample in place by the map of the motion, without any change of color."""
        move = _motion(ctx.target, params)
        field = warp_field(move)
        mask = motion_mask(field, move.region, move.unit)
        still = resampled_in_place(ctx.target.image, field, move.region, mask)
        return paste(ctx.target.image, still, mask, move.region)


_PLACES: dict[Edit, slice] = {
    "nose": NOSE,
    "lips": OUTER_LIPS,
    "lip_color": OUTER_LIPS,
    "brow_color": BROWS,
    "eyes": EYES,
    "makeup": EYES,
}


def _present(face: FaceCrop) -> tuple[Edit, ...]:
    """Return the edits whose part is entirely inside the image."""
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
    """Scale each part about its own center along the face's axes."""
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
    """Darken the wrinkles, lighten their edges, and make the tone uneven and yellower."""
    lines = makeup.wrinkle_lines(marks, region, age.lift, age.bends).astype(np.float32) / 255
    wide = cv2.GaussianBlur(lines, (0, 0), max(0.015 * face_width(marks), 0.5))
    light = 1 - 0.4 * age.depth * lines + 0.3 * age.depth * (wide - 0.5 * lines)
    grid = np.array(age.tone, np.float32) * np.float32(age.uneven)
    tone = 1 + cv2.resize(grid, lines.shape[::-1], interpolation=cv2.INTER_CUBIC)
    gain = (light * tone)[..., None] * np.array([0.985, 0.955, 0.92], np.float32)
    return np.clip(np.rint(region.of(image) * gain), 0, 255).astype(np.uint8)
