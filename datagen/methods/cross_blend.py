"""Face X-ray: a similar donor face blended into the target inside a deformed convex hull."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, NamedTuple

import cv2
import numpy as np
from pydantic import Field

from datagen.core.arrays import Affine, Image, Landmarks, Mask
from datagen.core.rounding import rounded
from datagen.core.schema import Frozen
from datagen.errors import ItemError
from datagen.faces import masks
from datagen.faces.face import FaceCrop
from datagen.faces.geometry.in_place import affine_map, resampled_in_place
from datagen.faces.geometry.outline import convex_hull, face_outline, face_width
from datagen.faces.geometry.warp import similarity, warp_affine
from datagen.faces.landmarks import move_points
from datagen.faces.pixels.blend import Region, expand, paste, region_around
from datagen.faces.pixels.color import match_light, reinhard
from datagen.methods.base import Context, Method, Result
from datagen.methods.draws import bare_in_both, checked_faces, draw_field

__all__ = ["CrossBlend", "CrossBlendOptions", "CrossBlendParams"]

_MIN_LIFT = 0.08
_CLEAR_LIFT, _CLEAR_LIGHT = (0.3, 0.8), (0.0, 0.6)
_STRONG_LIFT, _STRONG_BLUR, _STRONG_LIGHT = (0.5, 0.8), (0.014, 0.024), (0.0, 0.4)
_LOWEST = 0.2


class CrossBlendOptions(Frozen):
    """Options of ``cross_blend``.

    Attributes:
        bend: Upper bound of the deformation of the hull, as a share of the face's width, 0.01 to
            0.15.
        blur: Upper bound of the standard deviation of the second Gaussian filter of the mask, as
            a share of the face's width, 0.01 to 0.15.
        color: Lower bound of the strength of the color transfer, 0 to 1.
        identity: ``varied``: hulls of all heights and edges; ``clear``: from a third of the
            forehead upward, with more of the donor's own light; ``strong``: as much of the donor's
            face as the two foreheads allow, with a narrow edge, whatever ``bend`` and ``blur``.
    """

    bend: float = Field(0.05, ge=0.01, le=0.15)
    blur: float = Field(0.06, ge=0.01, le=0.15)
    color: float = Field(0.7, ge=0, le=1)
    identity: Literal["varied", "clear", "strong"] = "clear"


class CrossBlendParams(Frozen):
    """Parameters of one fake.

    Attributes:
        lift: Height of the hull above the brows, as a share of the forehead.
        field: Random displacements of the hull, ``(5, 5, 2)``, in units of ``bend``.
        bend: Unit of the displacements, as a share of the face's width.
        erode, blur: Standard deviations of the first and of the second Gaussian filter of the
            mask, as shares of the face's width.
        color: Strength of the color transfer, 0 to 1.
        light: Strength of the transfer of low-frequency light and shade, 0 to 1.
    """

    lift: float
    field: list[list[list[float]]]
    bend: float
    erode: float
    blur: float
    color: float
    light: float


class CrossBlend(Method):
    """Blend a similar donor face into the target, which leaves a blending boundary."""

    name = "cross_blend"
    version = 2
    family = "pseudo_fake"
    options = CrossBlendOptions
    params = CrossBlendParams
    needs_donor = True
    added_options: ClassVar[Mapping[str, Any]] = {"identity": "varied"}
    min_change = 4.0
    paper = "Li et al., CVPR 2020, Face X-ray for More General Face Forgery Detection"

    def sample(self, rng: np.random.Generator, ctx: Context) -> CrossBlendParams:
        """Draw mask and color; the hull extends no higher than both foreheads are bare."""
        target, donor = checked_faces(ctx)
        bare = bare_in_both(target, donor)
        ranges = self.config
        assert isinstance(ranges, CrossBlendOptions)
        free = max(float(np.median(bare)) - 0.1, _MIN_LIFT)
        params = CrossBlendParams(
            lift=rounded(min(rng.uniform(0.1, 0.8), free)),
            field=draw_field(rng),
            bend=rounded(rng.uniform(0.01, ranges.bend)),
            erode=rounded(rng.uniform(0.02, 0.04)),
            blur=rounded(rng.uniform(0.01, ranges.blur)),
            color=rounded(rng.uniform(ranges.color, 1.0)),
            light=rounded(rng.uniform(0.0, 0.9)),
        )
        if ranges.identity == "varied":
            return params
        if ranges.identity == "clear":
            lift = min(rng.uniform(*_CLEAR_LIFT), max(free, _LOWEST))
            light = rng.uniform(*_CLEAR_LIGHT)
            return params.model_copy(update={"lift": rounded(lift), "light": rounded(light)})
        return params.model_copy(
            update={
                "lift": rounded(min(rng.uniform(*_STRONG_LIFT), max(free, _LOWEST))),
                "bend": 0.01,
                "erode": 0.02,
                "blur": rounded(rng.uniform(*_STRONG_BLUR)),
                "light": rounded(rng.uniform(*_STRONG_LIGHT)),
            }
        )

    def apply(self, ctx: Context, params: CrossBlendParams) -> Result:
        """Align the donor with the target and blend it in (sections 3.1 and 3.2 of the paper)."""
        target, donor = ctx.target, ctx.need_donor()
        stage = _stage(ctx, params)
        moved = warp_affine(donor.image, stage.affine, stage.region)
        mask = expand(stage.mask, stage.region, target.image.shape)
        laid = move_points(donor.landmarks, stage.affine)
        return Result(
            _blended(moved, target, stage, params),
            mask,
            _stronger(laid, target.landmarks, mask),
        )

    def control(self, ctx: Context, params: CrossBlendParams) -> Image:
        """Resample the target in place, and match it to itself."""
        stage = _stage(ctx, params)
        field = affine_map(stage.affine, stage.region)
        still = resampled_in_place(ctx.target.image, field, stage.region, stage.mask)
        return _blended(still, ctx.target, stage, params)


class _Stage(NamedTuple):
    """Alignment of the donor, the region that changes, and the mask."""

    affine: Affine
    region: Region
    mask: Mask


def _stage(ctx: Context, params: CrossBlendParams) -> _Stage:
    target, donor = checked_faces(ctx)
    affine = similarity(donor.landmarks, target.landmarks)
    laid = face_outline(move_points(donor.landmarks, affine), 1.0)
    region, mask = _mask(target, laid, params)
    return _Stage(affine, region, mask)


def _blended(moved: Image, target: FaceCrop, stage: _Stage, params: CrossBlendParams) -> Image:
    part = np.ascontiguousarray(stage.region.of(target.image))
    inside = masks.threshold(stage.mask, 127)
    moved = reinhard(moved, part, inside, params.color)
    reach = 0.15 * face_width(target.landmarks)
    moved = match_light(moved, part, inside, reach, params.light)
    return paste(target.image, moved, stage.mask, stage.region)


def _mask(target: FaceCrop, laid: Landmarks, params: CrossBlendParams) -> tuple[Region, Mask]:
    """Deform the convex hull, erode it by the first filter, and soften its edge.

    It is first limited to the donor's face, so that hair and background of the donor are left
    out.
    """
    marks = target.landmarks
    polygon = convex_hull(face_outline(marks, params.lift))
    unit = face_width(marks)
    region = region_around(polygon, target.image.shape, unit * 3 * (params.bend + params.blur) + 2)
    canvas = masks.canvas_for(region)
    unit *= canvas.scale
    bent = masks.elastic(masks.fill(polygon, canvas), params.field, params.bend * unit)
    bent = np.minimum(bent, masks.fill(convex_hull(laid), canvas))
    full = masks.threshold(masks.soften(bent, params.erode * unit), 253)
    mask = masks.enlarge(masks.soften(full, params.blur * unit), canvas)
    x, y, width, height = cv2.boundingRect(mask)
    if not width:
        raise ItemError("method_failed", "the two faces do not overlap")
    tight = Region(x, y, x + width, y + height)
    x, y = x + region.x0, y + region.y0
    return Region(x, y, x + width, y + height), np.ascontiguousarray(tight.of(mask))


def _stronger(laid: Landmarks, marks: Landmarks, mask: Mask) -> Landmarks:
    """Take each landmark from the face that has the greater weight there."""
    at = np.rint(marks).astype(int)
    height, width = mask.shape
    weight = mask[at[:, 1].clip(0, height - 1), at[:, 0].clip(0, width - 1)]
    return np.where(weight[:, None] > 127, laid, marks).astype(np.float32)
