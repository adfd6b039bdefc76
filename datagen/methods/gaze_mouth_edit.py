"""Reenactment without a donor: gaze, eyelids and mouth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from datagen.core.arrays import Image
from datagen.core.rounding import rounded
from datagen.core.schema import Frozen
from datagen.errors import ItemError
from datagen.faces import masks
from datagen.faces.face import FaceCrop
from datagen.faces.geometry.deform import Motion, motion, motion_mask, warp_field
from datagen.faces.geometry.expression import JAW_FOLLOWS, keep_order
from datagen.faces.geometry.in_place import resampled_in_place, within_loss
from datagen.faces.geometry.outline import check_face, up_axis
from datagen.faces.geometry.warp import warp_pixels
from datagen.faces.landmarks import (
    JAW,
    LEFT_EYE,
    LEFT_MOUTH_CORNER,
    MOUTH,
    NOSE_TIP,
    RIGHT_EYE,
    RIGHT_MOUTH_CORNER,
    SUBNASALE,
    mouth_opening,
)
from datagen.faces.pixels.blend import Region, expand, paste, region_around
from datagen.faces.pixels.eyes import Eye, edit_eye, find_eye, move_lids
from datagen.methods.base import Context, Method, Result

__all__ = ["GazeMouthEdit", "GazeMouthEditOptions", "GazeMouthEditParams"]

Part: TypeAlias = Literal["gaze", "lids", "opening", "corners", "purse"]

_EYE_PARTS: tuple[Part, ...] = ("gaze", "lids")
_MOUTH_PARTS: tuple[Part, ...] = ("opening", "corners", "purse")


class GazeMouthEditOptions(Frozen):
    """Options of ``gaze_mouth_edit``.

    Attributes:
        parts: Changes that may be drawn.
        max_parts: Largest number of changes per fake, 1 to 5.
    """

    parts: tuple[Part, ...] = Field(default=(*_EYE_PARTS, *_MOUTH_PARTS), min_length=1)
    max_parts: int = Field(default=3, ge=1, le=5)


class GazeMouthEditParams(Frozen):
    """Parameters of one fake; 0 leaves a part unchanged.

    Attributes:
        gaze: Shift of the irises to the viewer's right and down, in widths of the eye.
        lids: Closure of each eye, viewer's left first: 1 = closed, < 0 = wider open.
        opening: Distance that the lower lip moves down, in widths of the mouth.
        corners: Distance that the corners of the mouth move up, in widths of the mouth.
        purse: Share by which the mouth becomes narrower.
    """

    gaze: tuple[float, float]
    lids: tuple[float, float]
    opening: float
    corners: float
    purse: float


class GazeMouthEdit(Method):
    """Change the gaze, the opening of the eyes, or the shape of the mouth."""

    name = "gaze_mouth_edit"
    version = 2
    family = "reenactment"
    options = GazeMouthEditOptions
    params = GazeMouthEditParams
    min_change = 2.0
    paper = "Ganin et al., ECCV 2016, DeepWarp (gaze); Thies et al., CVPR 2016 (mouth)"

    def sample(self, rng: np.random.Generator, ctx: Context) -> GazeMouthEditParams:
        """Draw changes among those whose part is inside the image."""
        assert isinstance(self.config, GazeMouthEditOptions)
        face = ctx.target
        check_face(face.landmarks)
        parts = [part for part in self.config.parts if part in _present(face)]
        if not parts:
            raise ItemError("method_failed", "all parts to be edited are outside the image")
        order = [parts[index] for index in rng.permutation(len(parts))]
        chosen = set(order[: rng.integers(1, min(self.config.max_parts, len(order)) + 1)])
        side, up = rng.choice([-1, 1], 2)
        wink = rng.random() < 0.25
        shut = rng.uniform(0.35, 0.95) if rng.random() < 0.7 else -rng.uniform(0.12, 0.22)
        values = {
            "gaze": side * rng.uniform(0.1, 0.2),
            "lids": shut,
            "opening": rng.uniform(0.1, 0.22),
            "corners": up * rng.uniform(0.07, 0.13),
            "purse": rng.uniform(0.14, 0.26),
        }
        drawn = {name: rounded(v) if name in chosen else 0.0 for name, v in values.items()}
        down = rounded(rng.uniform(-0.03, 0.04)) if "gaze" in chosen else 0.0
        lids = (0.0, drawn["lids"]) if wink else (drawn["lids"], drawn["lids"])
        return GazeMouthEditParams(
            gaze=(drawn["gaze"], down),
            lids=lids if side > 0 else lids[::-1],
            opening=drawn["opening"],
            corners=drawn["corners"],
            purse=drawn["purse"],
        )

    def apply(self, ctx: Context, params: GazeMouthEditParams) -> Result:
        """Warp lips and jaw, then edit the eyes, which that warp does not reach."""
        face = ctx.target
        move = _motion(face, params)
        field = warp_field(move)
        whole = face.image.copy()
        move.region.of(whole)[...] = warp_pixels(face.image, field)
        if params.opening > 0 and _shut(face):
            whole = _darken(whole, move)
        mask = expand(motion_mask(field, move.region, move.unit), move.region, whole.shape)
        whole, marks = paste(face.image, whole, mask, _all(whole)), move.corners[:68].copy()
        for eye, part, shut in _edited(face, params):
            turned, changed = edit_eye(whole, eye, params.gaze, shut)
            whole = paste(whole, turned, changed, eye.region)
            eye.region.of(mask)[...] = np.maximum(eye.region.of(mask), changed)
            marks[part] = move_lids(eye.lids, shut)
        return Result(whole, mask, marks)

    def control(self, ctx: Context, params: GazeMouthEditParams) -> Image:
        """Resample the same parts in place by the maps of their motion."""
        face = ctx.target
        move = _motion(face, params)
        field = warp_field(move)
        mask = motion_mask(field, move.region, move.unit)
        still = resampled_in_place(face.image, field, move.region, mask)
        whole = paste(face.image, still, mask, move.region)
        for eye, _, shut in _edited(face, params):
            kept, changed = edit_eye(whole, eye, params.gaze, shut, still=True)
            own = np.ascontiguousarray(eye.region.of(whole))
            whole = paste(whole, within_loss(kept, own, changed), changed, eye.region)
        return whole


_CLOSED = 0.035
_LOWER_LIP = [55, 56, 57, 58, 59, 65, 66, 67]
_SEAM = [(60, 61), (63, 64), (64, 65), (67, 60)]
_EYES = (RIGHT_EYE, LEFT_EYE)


def _eyes(face: FaceCrop) -> tuple[Eye | None, Eye | None]:
    return find_eye(face, RIGHT_EYE), find_eye(face, LEFT_EYE)


def _present(face: FaceCrop) -> tuple[Part, ...]:
    height, width = face.image.shape[:2]
    mouth = face.landmarks[MOUTH]
    seen = bool((mouth > 1).all() and (mouth < np.array([width - 2, height - 2])).all())
    found = all(eye is not None for eye in _eyes(face))
    return (_EYE_PARTS if found else ()) + (_MOUTH_PARTS if seen else ())


def _shut(face: FaceCrop) -> bool:
    return mouth_opening(face.landmarks) < _CLOSED


def _edited(face: FaceCrop, params: GazeMouthEditParams) -> Iterator[tuple[Eye, slice, float]]:
    """Yield each eye that changes, its slice of the landmarks, and its closure."""
    for eye, part, shut in zip(_eyes(face), _EYES, params.lids, strict=True):
        if eye is not None and (shut or any(params.gaze)):
            yield eye, part, shut


def _motion(face: FaceCrop, params: GazeMouthEditParams) -> Motion:
    """Move lips, the seam between them and the jaw."""
    check_face(face.landmarks)
    marks = face.landmarks.astype(np.float64)
    up = up_axis(face.landmarks).astype(np.float64)
    right = np.array([-up[1], up[0]])
    seam = np.array([0.5 * (marks[a] + marks[b]) for a, b in _SEAM])
    lips = np.concatenate([marks[MOUTH], seam])
    wide = float(np.linalg.norm(marks[LEFT_MOUTH_CORNER] - marks[RIGHT_MOUTH_CORNER]))
    middle = 0.5 * (marks[RIGHT_MOUTH_CORNER] + marks[LEFT_MOUTH_CORNER])
    x = (lips - middle) @ right / max(0.5 * wide, 1.0)
    outer = np.minimum(np.abs(x), 1.0)
    rise = params.corners * outer**1.5
    lower = np.zeros(24)
    lower[[point - MOUTH.start for point in _LOWER_LIP] + [22, 23]] = 1
    rise -= params.opening * lower * (1 - outer**2)
    out = 0.35 * max(params.corners, 0.0) * x * outer - 0.5 * params.purse * x
    tall = (lips - lips.mean(axis=0)) @ up / wide
    rise += 0.5 * params.purse * tall
    way = np.zeros((68, 2))
    way[MOUTH] = wide * (rise[:20, None] * up + out[:20, None] * right)
    way[JAW] = -JAW_FOLLOWS[:, None] * params.opening * wide * up
    moved = face.landmarks + keep_order(face.landmarks, way)
    after = seam + wide * (rise[20:, None] * up + out[20:, None] * right)
    more = (seam.astype(np.float32), after.astype(np.float32))
    return motion(face.landmarks, moved.astype(np.float32), face.image.shape, more)


def _darken(whole: Image, move: Motion) -> Image:
    """Fill the opened mouth: dark, redder and lighter toward the tongue."""
    marks = move.corners[[60, 68, 61, 62, 63, 69, 64, 70, 65, 66, 67, 71]]
    region = region_around(marks, whole.shape, 2)
    skin = np.median(_pixels(whole, move.corners[_SKIN]), axis=0)
    rows = np.arange(region.y0, region.y1, dtype=np.float64)[:, None]
    low, high = float(marks[:, 1].min()), float(marks[:, 1].max())
    depth = np.clip((rows - low) / max(high - low, 1.0), 0, 1)[..., None]
    color = (0.1 + 0.28 * depth**2) * skin * _RED
    inside = np.broadcast_to(np.rint(color), (region.height, region.width, 3)).astype(np.uint8)
    canvas = masks.canvas_for(region, max(region.width, region.height))
    drawn = masks.soften(masks.fill(marks, canvas), 0.006 * move.unit)
    return paste(whole, np.ascontiguousarray(inside), drawn, region)


_SKIN = [2, 14, NOSE_TIP, SUBNASALE]
_RED = np.array([0.85, 0.5, 0.5])


def _pixels(image: Image, points: NDArray[np.float32]) -> NDArray[np.float64]:
    at = np.rint(points).astype(int)
    height, width = image.shape[:2]
    found = image[at[:, 1].clip(0, height - 1), at[:, 0].clip(0, width - 1)]
    return np.asarray(found, np.float64)


def _all(image: Image) -> Region:
    return Region(0, 0, image.shape[1], image.shape[0])
