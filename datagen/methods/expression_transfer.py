"""Reenactment: the target with the donor's expression."""

from __future__ import annotations

from typing import Annotated, Literal, Self, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from datagen.core.arrays import Image, Landmarks, Mask
from datagen.core.rounding import rounded
from datagen.core.schema import Frozen
from datagen.faces import masks
from datagen.faces.face import FaceCrop
from datagen.faces.geometry.deform import Motion, motion, motion_mask, warp_field
from datagen.faces.geometry.expression import differences, expression_offsets, keep_order
from datagen.faces.geometry.in_place import resampled_in_place
from datagen.faces.geometry.outline import check_face
from datagen.faces.geometry.warp import WarpMap, piecewise_map, surround, triangulate, warp_pixels
from datagen.faces.landmarks import (
    BROWS,
    EYES,
    INNER_LIPS,
    INNER_MOUTH_CORNERS,
    JAW,
    LEFT_MOUTH_CORNER,
    MOUTH,
    NOSE_BASE,
    RIGHT_MOUTH_CORNER,
    mouth_opening,
)
from datagen.faces.pixels.blend import Region, expand, paste, region_around
from datagen.methods.base import Context, Method, Result

__all__ = ["ExpressionTransfer", "ExpressionTransferOptions", "ExpressionTransferParams"]

_Strength: TypeAlias = Annotated[float, Field(ge=0.1, le=1.5)]


class ExpressionTransferOptions(Frozen):
    """Options of ``expression_transfer``.

    Attributes:
        strength: Range of the factor on the donor's expression, 0.1 to 1.5.
    """

    strength: tuple[_Strength, _Strength] = (0.9, 1.15)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.strength[0] > self.strength[1]:
            raise ValueError("strength: the first number is above the second")
        return self


class ExpressionTransferParams(Frozen):
    """Parameters of one fake.

    Attributes:
        mouth, eyes, brows: Factors on the donor's expression in each part; larger when the two
            expressions are similar, so that the change is visible.
        inside: Face whose teeth are shown between the lips. ``target``: its own, stretched or
            compressed; ``donor``: the donor's, because the target's lips are closed.
        lift: Additional distance that brows and corners of the mouth move up (< 0: down), in
            distances between the eyes; 0 unless the two expressions are the same.
    """

    mouth: float
    eyes: float
    brows: float
    inside: Literal["target", "donor"]
    lift: float = 0.0


class ExpressionTransfer(Method):
    """Transfer the donor's expression to the target."""

    name = "expression_transfer"
    version = 2
    family = "reenactment"
    options = ExpressionTransferOptions
    params = ExpressionTransferParams
    needs_donor = True
    min_change = 2.0
    paper = "Thies et al., CVPR 2016, Face2Face (in two dimensions, from landmarks)"

    def sample(self, rng: np.random.Generator, ctx: Context) -> ExpressionTransferParams:
        """Draw the strength of each part; larger where the two expressions hardly differ."""
        target, donor = ctx.target, ctx.need_donor()
        assert isinstance(self.config, ExpressionTransferOptions)
        low, high = self.config.strength
        drawn = rng.uniform(low, high, 3)
        _, offsets = _offsets(target, donor)
        size = np.linalg.norm(offsets, axis=1)
        seen = [max(float(size[part].mean()), 1e-6) for part in (MOUTH, EYES, BROWS)]
        drawn *= np.clip(np.array(_MIN) / seen, 1.0, _MAX)
        mouth, eyes, brows = (rounded(value) for value in drawn)
        lift = rng.choice([-1, 1]) * rng.uniform(0.04, 0.07) * (max(seen) < _SAME)
        open_up = (
            mouth_opening(donor.landmarks) > _OPEN and mouth_opening(target.landmarks) < _CLOSED
        )
        return ExpressionTransferParams(
            mouth=mouth,
            eyes=eyes,
            brows=brows,
            inside="donor" if open_up else "target",
            lift=rounded(lift),
        )

    def apply(self, ctx: Context, params: ExpressionTransferParams) -> Result:
        """Warp the target to the donor's expression."""
        target, donor = ctx.target, ctx.need_donor()
        move = _motion(target, donor, params)
        field = warp_field(move)
        warped = warp_pixels(target.image, field)
        mask = _mask(field, move, params)
        if params.inside == "donor":
            warped = _fill_mouth(warped, move, target, donor)
        return Result(
            paste(target.image, warped, mask, move.region),
            expand(mask, move.region, target.image.shape),
            move.corners[:68].copy(),
        )

    def control(self, ctx: Context, params: ExpressionTransferParams) -> Image:
        """Resample the target in place by the map of the motion."""
        move = _motion(ctx.target, ctx.need_donor(), params)
        field = warp_field(move)
        mask = _mask(field, move, params)
        still = resampled_in_place(ctx.target.image, field, move.region, mask)
        return paste(ctx.target.image, still, mask, move.region)


_CORNERS = [RIGHT_MOUTH_CORNER, LEFT_MOUTH_CORNER, *INNER_MOUTH_CORNERS]
_MAX = 2.2
_MIN = (0.045, 0.03, 0.05)
_SAME = 0.01
_OPEN, _CLOSED = 0.05, 0.03


def _offsets(target: FaceCrop, donor: FaceCrop) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    check_face(target.landmarks)
    check_face(donor.landmarks)
    turn, own = differences(target.landmarks)
    return turn, expression_offsets(own, differences(donor.landmarks)[1])


def _motion(target: FaceCrop, donor: FaceCrop, params: ExpressionTransferParams) -> Motion:
    turn, offsets = _offsets(target, donor)
    weight = np.ones((68, 1))
    weight[JAW] = weight[NOSE_BASE] = weight[MOUTH] = params.mouth
    weight[EYES] = params.eyes
    weight[BROWS] = params.brows
    offsets = weight * offsets
    offsets[_CORNERS, 1] -= params.lift
    offsets[BROWS, 1] -= params.lift
    moved = target.landmarks + keep_order(target.landmarks, offsets @ turn)
    return motion(target.landmarks, moved.astype(np.float32), target.image.shape)


def _mask(field: WarpMap, move: Motion, params: ExpressionTransferParams) -> Mask:
    mask = motion_mask(field, move.region, move.unit)
    if params.inside == "donor":
        mask = np.maximum(mask, _lips(move.corners[:68], move.region, move.unit))
    return mask


def _lips(marks: Landmarks, region: Region, unit: float) -> Mask:
    """Draw the gap between the lips, with a soft edge."""
    canvas = masks.canvas_for(region, max(region.width, region.height))
    return masks.soften(masks.fill(marks[INNER_LIPS], canvas), 0.005 * unit)


def _fill_mouth(warped: Image, move: Motion, target: FaceCrop, donor: FaceCrop) -> Image:
    """Insert the donor's teeth between the opened lips, with the target's brightness."""
    marks = move.corners[:68]
    corners, origins = surround(marks[MOUTH], donor.landmarks[MOUTH])
    here = region_around(marks[MOUTH], target.image.shape, 2)
    field = piecewise_map(corners, origins, triangulate(corners), here)
    taken = warp_pixels(donor.image, field)
    lips = _lips(marks, here, move.unit)
    light = (_light(target) / max(_light(donor), 1.0)) ** _TEETH_FOLLOW
    bright = np.percentile(taken[lips > 127], 90) if (lips > 127).any() else 255
    light = min(light, _WHITEST * _light(target, 100) / max(float(bright), 1.0))
    teeth = cv2.convertScaleAbs(taken, alpha=float(np.clip(light, 0.5, 1.2)))
    full = target.image.copy()
    move.region.of(full)[...] = warped
    whole = paste(full, np.asarray(teeth, np.uint8), lips, here)
    return np.ascontiguousarray(move.region.of(whole))


def _light(face: FaceCrop, level: float = 50) -> float:
    """Return a percentile of the brightness of the skin around nose and cheeks."""
    region = region_around(face.landmarks[[2, 14, 29, 33]], face.image.shape, 1)
    return float(np.percentile(np.ascontiguousarray(region.of(face.image))[::4, ::4], level))


_TEETH_FOLLOW = 0.3
_WHITEST = 1.0
