"""Morph of two identities: geometry and colors of both, mixed by a morphing factor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from datagen.core.arrays import Image, Landmarks, Mask
from datagen.core.fields import Range
from datagen.core.rounding import rounded
from datagen.core.schema import Frozen
from datagen.faces import masks
from datagen.faces.face import FaceCrop
from datagen.faces.geometry.in_place import resampled_in_place
from datagen.faces.geometry.outline import (
    convex_hull,
    face_outline,
    face_width,
    with_forehead,
)
from datagen.faces.geometry.warp import (
    WarpMap,
    piecewise_map,
    similarity,
    surround,
    triangulate,
    warp_pixels,
)
from datagen.faces.landmarks import FEATURES, INNER_LIPS, JAW, LEFT_EYE, RIGHT_EYE, move_points
from datagen.faces.pixels.blend import Region, expand, paste, region_around
from datagen.faces.pixels.color import match_light, reinhard
from datagen.methods.base import Context, Method, Result
from datagen.methods.draws import bare_in_both, checked_faces

__all__ = ["Morph", "MorphOptions", "MorphParams", "Whose"]

Whose: TypeAlias = Literal["mixed", "target", "donor"]
Floats: TypeAlias = NDArray[np.float32]

_SHARES: dict[Whose, float] = {"target": 0.0, "donor": 1.0}
_ALIKE = 0.002
_MIN_LIFT = 0.1
_FADE = 0.08


class MorphOptions(Frozen):
    """Options of ``morph``.

    Attributes:
        min_factor, max_factor: Range of the morphing factor, which is the donor's share, 0.1 to
            0.9. Above 0.5 a retouched full morph has the hair and background of the donor.
        shape: Range of the donor's share in the geometry alone, 0 to 1; null: the factor's.
        likeness: ``both``: the face inclines to the person whose hair, background or jaw is not
            shown, so that face recognition finds both in it; ``varied``: the factor as it is, a
            soft edge of any width, and more of the colors of one.
        full: Share of morphs of the whole image; the others are of the face only. 0 to 1.
        retouched: Share of morphs without ghosting artifacts, 0 to 1.
    """

    min_factor: float = Field(0.45, ge=0.1, le=0.9)
    max_factor: float = Field(0.55, ge=0.1, le=0.9)
    shape: Range | None = None
    likeness: Literal["both", "varied"] = "both"
    full: float = Field(0.5, ge=0, le=1)
    retouched: float = Field(0.7, ge=0, le=1)

    @model_validator(mode="after")
    def _in_order(self) -> MorphOptions:
        if self.min_factor > self.max_factor:
            raise ValueError("min_factor is above max_factor")
        if self.shape is not None and not 0 <= self.shape[0] <= self.shape[1] <= 1:
            raise ValueError("shape: must be a range within 0 and 1")
        return self


class MorphParams(Frozen):
    """Parameters of one morph.

    Attributes:
        factor: Morphing factor: the donor's share in geometry and colors.
        kind: ``full``: the whole image is morphed; ``splicing``: only the face, inserted into
            the target's image along the target's jaw.
        eyes, mouth, outside: Identity whose eyes, inside of the mouth, and hair and background
            are shown; ``mixed``: both, with ghosting artifacts.
        lift: Height of the face above the brows, as a share of the forehead.
        feather: Width of its soft edge, as a share of the face's width.
        color: Strength with which one face takes the colors and light of the one whose
            background is kept, 0 to 1.
        shape: The donor's share in the geometry, if it is not the factor.
    """

    factor: float
    kind: Literal["full", "splicing"]
    eyes: Whose
    mouth: Whose
    outside: Whose
    lift: float
    feather: float
    color: float
    shape: float | None = None

    @model_serializer(mode="wrap")
    def _as_before_there_was_a_shape(self, handler: SerializerFunctionWrapHandler) -> Any:
        body = handler(self)
        if self.shape is None:
            del body["shape"]
        return body


class Morph(Method):
    """Morph target and donor into one face that resembles both."""

    name = "morph"
    version = 3
    family = "morph"
    options = MorphOptions
    params = MorphParams
    needs_donor = True
    added_options: ClassVar[Mapping[str, Any]] = {"shape": None, "likeness": "varied"}
    min_change = 2.5
    paper = (
        "Ferrara et al., IJCB 2014, The Magic Passport; Makrushin et al., VISAPP 2017 "
        "(full and spliced morphs); terms of ISO/IEC 20059"
    )

    def sample(self, rng: np.random.Generator, ctx: Context) -> MorphParams:
        """Draw factor, kind and retouching; the face extends as high as both foreheads are bare."""
        target, donor = checked_faces(ctx)
        given = self.config
        assert isinstance(given, MorphOptions)
        factor = rng.uniform(given.min_factor, given.max_factor)
        nearer: Whose = "target" if factor <= 0.5 else "donor"
        full, retouched = rng.random() < given.full, rng.random() < given.retouched
        outside = nearer if retouched else "mixed"
        bare = bare_in_both(target, donor)
        free = max(float(np.median(bare)) - 0.1, _MIN_LIFT)
        adapt = retouched or not full
        params = MorphParams(
            factor=rounded(factor),
            kind="full" if full else "splicing",
            eyes=nearer if retouched else "mixed",
            mouth=_mouth(target.landmarks, donor.landmarks, nearer) if retouched else "mixed",
            outside=outside if full else "target",
            lift=rounded(min(rng.uniform(0.2, 0.9), free)),
            feather=rounded(rng.uniform(0.08, 0.16)),
            color=rounded(rng.uniform(0.6, 1.0)) if adapt else 0.0,
        )
        if given.likeness == "both":
            params = _like_both(rng, params, free)
        if given.shape is None:
            return params
        return params.model_copy(update={"shape": rounded(rng.uniform(*given.shape))})

    def apply(self, ctx: Context, params: MorphParams) -> Result:
        """Warp both faces to an intermediate geometry and mix them."""
        target, donor = ctx.target, ctx.need_donor()
        stage = _stage(ctx, params)
        ours, theirs = _fields(stage)
        share = _shares(ctx, stage, params, theirs)
        warped = warp_pixels(target.image, ours), warp_pixels(donor.image, theirs)
        return Result(
            _mixed(warped, target, stage, params, share),
            expand(stage.mask, stage.region, target.image.shape),
            stage.corners[:68].copy(),
        )

    def control(self, ctx: Context, params: MorphParams) -> Image:
        """Resample the target in place by both maps, and mix the two."""
        target, stage = ctx.target, _stage(ctx, params)
        ours, theirs = _fields(stage)
        first, second = (
            resampled_in_place(target.image, field, stage.region, stage.mask)
            for field in (ours, theirs)
        )
        share = _shares(ctx, stage, params, theirs)
        return _mixed((first, second), target, stage, params, share)


def _fields(stage: _Stage) -> tuple[WarpMap, WarpMap]:
    """Return the maps from the morph to target and donor."""
    triangles = triangulate(stage.corners)
    ours = piecewise_map(stage.corners, stage.ours, triangles, stage.region)
    return ours, piecewise_map(stage.corners, stage.theirs, triangles, stage.region)


def _mixed(
    warped: tuple[Image, Image], target: FaceCrop, stage: _Stage, params: MorphParams, share: Floats
) -> Image:
    """Mix two warped faces by the donor's share, over the target."""
    ours, theirs = warped
    if params.outside == "donor":
        ours = _adapt(ours, theirs, stage, params)
    else:
        theirs = _adapt(theirs, ours, stage, params)
    mixed = np.asarray(cv2.blendLinear(theirs, ours, share, 1 - share), np.uint8)
    return paste(target.image, mixed, stage.mask, stage.region)


def _like_both(rng: np.random.Generator, params: MorphParams, free: float) -> MorphParams:
    """Incline the face to the person whose outside is not shown, whose eyes it also gets.

    Face recognition sees hair line and jaw as well: with equal shares in the face, the person whose
    outside is kept would be found more easily.
    """
    other: dict[Whose, Whose] = {"target": "donor", "donor": "target", "mixed": "mixed"}
    toward = _TOWARD[params.outside]
    update: dict[str, object] = {
        "factor": rounded(float(np.clip(params.factor + toward, 0.1, 0.9))),
        "lift": rounded(min(rng.uniform(*_BOTH_LIFT), free)),
        "feather": rounded(rng.uniform(*_BOTH_FEATHER)),
        "color": rounded(rng.uniform(*_BOTH_COLOR)) if params.color else 0.0,
    }
    if params.eyes != "mixed":
        update["eyes"] = other[params.outside]
    return params.model_copy(update=update)


_TOWARD: dict[Whose, float] = {"target": 0.1, "donor": -0.1, "mixed": 0.0}
_BOTH_LIFT, _BOTH_FEATHER, _BOTH_COLOR = (0.6, 0.9), (0.05, 0.08), (0.2, 0.5)


def _mouth(target: Landmarks, donor: Landmarks, nearer: Whose) -> Whose:
    """Choose the mouth that is open: closed lips that are stretched apart show no teeth."""
    ours, theirs = (
        float(cv2.contourArea(marks[INNER_LIPS])) / face_width(marks) ** 2
        for marks in (target, donor)
    )
    if abs(ours - theirs) < _ALIKE:
        return nearer
    return "target" if ours > theirs else "donor"


class _Stage(NamedTuple):
    """Geometry and masks of one morph.

    Attributes:
        corners, ours, theirs: Landmarks, forehead and ring in the morph, the target and the
            donor, ``(104, 2)`` each.
        region: Region that changes; the whole image for a full morph.
        face: Soft mask of the face.
        mask: The released mask; full everywhere for a full morph.
    """

    corners: Floats
    ours: Floats
    theirs: Floats
    region: Region
    face: Mask
    mask: Mask


def _stage(ctx: Context, params: MorphParams) -> _Stage:
    target, donor = checked_faces(ctx)
    marks = _between(target.landmarks, donor.landmarks, params)
    points = with_forehead(marks)
    corners, ours = surround(points, with_forehead(target.landmarks))
    theirs = surround(points, with_forehead(donor.landmarks))[1]
    height, width = target.image.shape[:2]
    if params.kind == "full":
        region = Region(0, 0, width, height)
        face = _face(target, marks, region, params)
        return _Stage(corners, ours, theirs, region, face, np.full_like(face, 255))
    margin = 0.05 * face_width(target.landmarks)
    around = np.concatenate([face_outline(marks, params.lift), target.landmarks])
    region = region_around(around, target.image.shape, margin)
    face = _face(target, marks, region, params)
    return _Stage(corners, ours, theirs, region, face, face)


def _between(target: Landmarks, donor: Landmarks, params: MorphParams) -> Landmarks:
    """Interpolate landmarks, after aligning the donor's with the target's.

    Rotated heads would shrink on a straight path between them. A spliced face keeps the target's
    jaw line.
    """
    laid = move_points(donor, similarity(donor, target))
    share = params.factor if params.shape is None else params.shape
    weight = np.full((68, 1), share, np.float32)
    if params.kind == "splicing":
        weight[JAW] = 0
    between: Landmarks = target + weight * (laid - target)
    return between.astype(np.float32)


def _face(target: FaceCrop, marks: Landmarks, region: Region, params: MorphParams) -> Mask:
    """Draw the face: a wide soft edge, but full over the features of morph and target."""
    features = convex_hull(np.concatenate([marks[FEATURES], target.landmarks[FEATURES]]))
    canvas = masks.canvas_for(region)
    unit = face_width(marks) * canvas.scale
    outline = masks.fill(face_outline(marks, params.lift), canvas)
    core = masks.dilate(masks.fill(features, canvas), 0.02 * unit)
    soft = masks.feather(outline, params.feather * unit)
    return masks.enlarge(np.maximum(soft, masks.feather(core, 0.03 * unit)), canvas)


def _adapt(source: Image, kept: Image, stage: _Stage, params: MorphParams) -> Image:
    """Give one face the colors and light of the one whose background is kept."""
    if params.color == 0:
        return source
    inside = masks.threshold(stage.face, 127)
    reach = 0.12 * face_width(stage.corners[:68])
    source = reinhard(source, kept, inside, params.color)
    return match_light(source, kept, inside, reach, params.color)


def _shares(ctx: Context, stage: _Stage, params: MorphParams, theirs: WarpMap) -> Floats:
    """Return the donor's share at each pixel of the region, ``(height, width)`` float32."""
    factor = np.float32(params.factor)
    share = np.full(stage.face.shape, factor, np.float32)
    if params.kind == "full" and params.outside != "mixed":
        beside = np.float32(_SHARES[params.outside])
        share = beside + (factor - beside) * (stage.face * np.float32(1 / 255))
    kept = ((params.eyes, RIGHT_EYE), (params.eyes, LEFT_EYE))
    canvas = masks.canvas_for(stage.region, max(stage.region.width, stage.region.height))
    for whose, points in (*kept, (params.mouth, INNER_LIPS)):
        if whose != "mixed":
            drawn = masks.dilate(masks.fill(stage.corners[points], canvas), 1)
            share += (_SHARES[whose] - share) * (masks.soften(drawn, 1.2) * np.float32(1 / 255))
    if params.outside != "donor":
        fade = _FADE * face_width(ctx.target.landmarks)
        share *= _covered(theirs, ctx.need_donor().image.shape, fade)
    return share


def _covered(field: WarpMap, shape: tuple[int, ...], fade: float) -> Floats:
    """Fade to 0 where a map leaves its image, which is only continued by reflection."""
    height, width = shape[:2]
    x = np.minimum(field.x, (width - 1) - field.x)
    y = np.minimum(field.y, (height - 1) - field.y)
    inside: Floats = np.clip(np.minimum(x, y) * np.float32(1 / max(fade, 1.0)), 0, 1)
    return inside
