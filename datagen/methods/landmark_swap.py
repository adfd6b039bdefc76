"""The classical face swap: landmarks, warp, color transfer, and one of three blends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal, NamedTuple, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Image, Landmarks, Mask
from datagen.core.rounding import rounded
from datagen.faces import masks
from datagen.faces.face import FaceCrop
from datagen.faces.geometry.in_place import resampled_in_place
from datagen.faces.geometry.outline import (
    bare_forehead,
    convex_hull,
    face_outline,
    face_width,
    with_forehead,
)
from datagen.faces.geometry.thin_plate import plate_map
from datagen.faces.geometry.warp import (
    WarpMap,
    piecewise_map,
    similarity,
    surround,
    triangulate,
    warp_pixels,
)
from datagen.faces.landmarks import (
    BROWS,
    FEATURES,
    INNER_LIPS,
    JAW,
    LEFT_EYE,
    OUTER_LIPS,
    RIGHT_EYE,
    move_points,
)
from datagen.faces.pixels.blend import Region, expand, paste, region_around
from datagen.faces.pixels.color import match_light, reinhard
from datagen.faces.pixels.poisson import clone, similar_colors
from datagen.faces.pixels.pyramid import blend_bands
from datagen.faces.pixels.transfer import match_covariance, match_histograms
from datagen.methods.base import Context, Method, Result
from datagen.methods.draws import checked_faces
from datagen.methods.landmark_swap_options import (
    BLENDS,
    Blend,
    LandmarkSwapOptions,
    LandmarkSwapParams,
    Transfer,
)

__all__ = ["LandmarkSwap", "LandmarkSwapOptions", "LandmarkSwapParams"]

_TRANSFERS: dict[Transfer, float] = {"reinhard": 0.6, "histogram": 0.2, "covariance": 0.2}
_RECOLOR: dict[Transfer, Callable[[Image, Image, Mask, float], Image]] = {
    "reinhard": reinhard,
    "histogram": match_histograms,
    "covariance": match_covariance,
}
_THIN_PLATE = 0.15
_FEATHER: dict[Blend, tuple[float, float]] = {
    "alpha": (0.06, 0.16),
    "poisson": (0.05, 0.1),
    "pyramid": (0.05, 0.1),
}
_NO_STEP, _NO_HAIR = 0.08, 0.4
_INSET = np.interp(np.arange(256), [96, 255], [0, 255]).round().astype(np.uint8)
_SEAM, _SPLIT = 0.06, 96


class LandmarkSwap(Method):
    """Warp the donor's face to the target's landmarks, match its colors and blend it in."""

    name = "landmark_swap"
    version = 3
    family = "face_swap"
    options = LandmarkSwapOptions
    params = LandmarkSwapParams
    needs_donor = True
    added_options: ClassVar[Mapping[str, Any]] = {"identity": "varied"}
    min_change = 4.0
    paper = (
        "Roessler et al. 2019, FaceForensics++ (FaceSwap); Reinhard et al. 2001; "
        "Perez et al. 2003 (Poisson); Burt and Adelson 1983 (pyramid)"
    )

    def sample(self, rng: np.random.Generator, ctx: Context) -> LandmarkSwapParams:
        """Draw mask, color and blend; the mask includes the forehead only where both are bare."""
        target, donor = checked_faces(ctx)
        given = self.config
        assert isinstance(given, LandmarkSwapOptions)
        blend = _choose(rng, {name: BLENDS[name] for name in BLENDS if name in given.blend})
        reach = rng.uniform(0.15, 0.9)
        feather, color = rng.uniform(*_FEATHER[blend]), rng.uniform(0.7, 1.0)
        light = rng.uniform(0.4, 1.0)
        ratio, shape = _RATIO_AND_SHAPE[rng.integers(len(_RATIO_AND_SHAPE))]
        params = LandmarkSwapParams(
            lift=_lift(reach, target, donor),
            feather=rounded(feather),
            transfer=_choose(rng, _TRANSFERS),
            color=rounded(color),
            light=rounded(light),
            ratio=ratio,
            shape=shape,
            mouth=_mouth(target.landmarks, donor.landmarks, bool(rng.integers(2))),
            eyes=_eyes(target.landmarks, donor.landmarks),
            warp="thin_plate" if rng.random() < _THIN_PLATE else "mesh",
            blend=blend,
        )
        if given.identity == "varied":
            return params
        return (_clear if given.identity == "clear" else _strong)(rng, params, target, donor)

    def apply(self, ctx: Context, params: LandmarkSwapParams) -> Result:
        """Warp, recolor and blend the donor's face."""
        stage = _stage(ctx, params)
        target, donor = ctx.target, ctx.need_donor()
        warped = warp_pixels(donor.image, _field(stage, params))
        return Result(
            _blended(warped, target, stage, params),
            expand(stage.mask, stage.region, target.image.shape),
            stage.corners[:68].copy(),
        )

    def control(self, ctx: Context, params: LandmarkSwapParams) -> Image:
        """Resample the target in place by the map of the donor, match it to itself and blend."""
        stage = _stage(ctx, params)
        field = _field(stage, params)
        still = resampled_in_place(ctx.target.image, field, stage.region, stage.mask)
        return _blended(still, ctx.target, stage, params)


def _clear(
    rng: np.random.Generator, params: LandmarkSwapParams, target: FaceCrop, donor: FaceCrop
) -> LandmarkSwapParams:
    """Show so much of the donor's face that it is not taken for the target's."""
    return params.model_copy(
        update={
            "lift": _lift(rng.uniform(*_CLEAR_REACH), target, donor),
            "light": rounded(rng.uniform(*_CLEAR_LIGHT)),
            "ratio": max(params.ratio, _CLEAR_RATIO),
            "shape": rounded(rng.uniform(*_CLEAR_SHAPE)),
        }
    )


def _strong(
    rng: np.random.Generator, params: LandmarkSwapParams, target: FaceCrop, donor: FaceCrop
) -> LandmarkSwapParams:
    """Show all of the donor's face: its inner shape, at full weight, with little of the light."""
    return params.model_copy(
        update={
            "lift": _lift(rng.uniform(*_STRONG_REACH), target, donor),
            "feather": rounded(rng.uniform(*_STRONG_FEATHER)),
            "light": rounded(rng.uniform(*_STRONG_LIGHT)),
            "ratio": 1.0,
            "shape": 1.0,
            "mouth": "donor",
            "eyes": "donor",
        }
    )


_CLEAR_REACH, _CLEAR_LIGHT = (0.4, 0.9), (0.1, 0.6)
_CLEAR_RATIO, _CLEAR_SHAPE = 0.95, (0.5, 1.0)
_STRONG_REACH, _STRONG_FEATHER, _STRONG_LIGHT = (0.6, 0.9), (0.04, 0.07), (0.0, 0.35)
_MIN_LIFT = 0.12
_FRINGE_LIFT = -0.18
_RATIO_AND_SHAPE = ((1.0, 0.0), (1.0, 0.25), (1.0, 0.5), (1.0, 0.75), (0.9, 0.0), (0.85, 0.0))


class _Stage(NamedTuple):
    """Geometry and masks of one swap.

    Attributes:
        corners: Control points in the fake.
        origins: The same points in the donor.
        region: Region of the image that changes.
        mask: The released mask, of the region's size.
        whole: The mask before eyes and teeth are excluded from it.
    """

    corners: NDArray[np.float32]
    origins: NDArray[np.float32]
    region: Region
    mask: Mask
    whole: Mask


_T = TypeVar("_T")


def _choose(rng: np.random.Generator, weights: Mapping[_T, float]) -> _T:
    """Draw a key by its weight; the weights need not sum to 1."""
    at = rng.random() * sum(weights.values())
    bounds = np.cumsum(list(weights.values()))
    return list(weights)[min(int(np.searchsorted(bounds, at, "right")), len(bounds) - 1)]


def _field(stage: _Stage, params: LandmarkSwapParams) -> WarpMap:
    if params.warp == "thin_plate":
        return plate_map(stage.corners, stage.origins, region=stage.region)
    triangles = triangulate(stage.corners)
    return piecewise_map(stage.corners, stage.origins, triangles, stage.region)


def _blended(warped: Image, target: FaceCrop, stage: _Stage, params: LandmarkSwapParams) -> Image:
    part = np.ascontiguousarray(stage.region.of(target.image))
    inside = masks.threshold(stage.mask, 127)
    warped = _RECOLOR[params.transfer](warped, part, inside, params.color)
    unit = face_width(target.landmarks)
    warped = match_light(warped, part, inside, 0.12 * unit, params.light)
    warped = _joined(warped, part, stage, params.blend)
    return paste(target.image, warped, stage.mask, stage.region)


def _joined(warped: Image, part: Image, stage: _Stage, blend: Blend) -> Image:
    """Return the image that is composited over the target by the mask.

    The seam follows only the outline: the target's eyes or teeth, where they are kept, are holes
    in the mask but not in the blend.
    """
    if blend == "poisson":
        inside = masks.threshold(stage.whole, 0)
        skin = np.full_like(part, np.rint(cv2.mean(part, inside)[:3]))
        pinned = np.minimum(
            similar_colors(warped, part, _NO_STEP), similar_colors(part, skin, _NO_HAIR)
        )
        return clone(warped, part, inside, pinned)
    if blend == "pyramid":
        levels = round(np.log2(max(_SEAM * face_width(stage.corners[:68]), 2)))
        return blend_bands(warped, part, masks.threshold(stage.whole, _SPLIT), levels)
    return warped


def _lift(reach: float, target: FaceCrop, donor: FaceCrop) -> list[float]:
    theirs = bare_forehead(donor.image, donor.landmarks)
    if np.median(theirs) < _MIN_LIFT:
        return [_FRINGE_LIFT] * 10  # hair covers the donor's brows
    bare = np.minimum(bare_forehead(target.image, target.landmarks), theirs)
    low = np.pad(np.clip(bare - 0.05, _MIN_LIFT, reach), 2, mode="edge")
    low = np.minimum(np.minimum(low[:-2], low[1:-1]), low[2:])
    low = (low[:-2] + low[1:-1] + low[2:]) / 3
    return [rounded(value) for value in low]


def _opening(points: Landmarks) -> float:
    """Return the area of an opening relative to the square of its length."""
    length = float(np.linalg.norm(np.ptp(points, axis=0)))
    return float(cv2.contourArea(points)) / (length * length + 1e-6)


def _mouth(target: Landmarks, donor: Landmarks, coin: bool) -> Literal["warped", "donor", "target"]:
    """Choose a mouth that neither compresses teeth nor stretches closed lips."""
    seen, given = _opening(target[INNER_LIPS]), _opening(donor[INNER_LIPS])
    if abs(seen - given) < _ALIKE:
        return "warped"
    return "target" if coin and seen > given + 2 * _ALIKE else "donor"


def _eyes(target: Landmarks, donor: Landmarks) -> Literal["donor", "target"]:
    seen, given = (
        min(_opening(face[RIGHT_EYE]), _opening(face[LEFT_EYE])) for face in (target, donor)
    )
    return "target" if seen > 0.1 and given < 0.5 * seen else "donor"


def _fake_landmarks(target: Landmarks, donor: Landmarks, params: LandmarkSwapParams) -> Landmarks:
    """Move the target's inner landmarks toward the donor's, aligned by a similarity."""
    weight = np.full((68, 1), params.shape, np.float32)
    weight[JAW] = 0
    weight[OUTER_LIPS] = weight[INNER_LIPS] = _MOUTH_SHAPE.get(params.mouth, params.shape)
    if min(params.lift) < 0:
        weight[BROWS] = 0
    if params.eyes == "target":
        weight[RIGHT_EYE] = weight[LEFT_EYE] = 0
    laid = move_points(donor, similarity(donor[FEATURES], target[FEATURES]))
    return target + weight * (laid - target)


_BELOW_BROWS = slice(BROWS.stop, 68)
_ALIKE = 0.02
_MOUTH_SHAPE = {"donor": 1.0, "target": 0.0}


def _stage(ctx: Context, params: LandmarkSwapParams) -> _Stage:
    target, donor = checked_faces(ctx)
    marks = _fake_landmarks(target.landmarks, donor.landmarks, params)
    corners, origins = surround(with_forehead(marks), with_forehead(donor.landmarks))
    region, whole = _mask(target, marks, params)
    if params.blend == "poisson":
        whole = np.asarray(
            cv2.LUT(whole, _INSET), np.uint8
        )  # the rim lies on skin, not on the outline
    mask = whole.copy()
    for kept in _kept(params):
        fine = masks.canvas_for(region, max(region.width, region.height))
        mask -= np.minimum(mask, masks.soften(masks.fill(marks[kept], fine), 1.0))
    return _Stage(corners, origins, region, masks.scale(mask, params.ratio), whole)


def _mask(target: FaceCrop, marks: Landmarks, params: LandmarkSwapParams) -> tuple[Region, Mask]:
    """Draw the mask: a wide soft edge, but full strength over the features of both faces."""
    inner = FEATURES if min(params.lift) >= 0 else _BELOW_BROWS
    features = convex_hull(np.concatenate([marks[inner], target.landmarks[inner]]))
    polygon = face_outline(marks, params.lift)
    unit = face_width(target.landmarks)
    region = region_around(np.concatenate([polygon, features]), target.image.shape, 0.03 * unit)
    canvas = masks.canvas_for(region)
    unit *= canvas.scale
    mask = masks.feather(masks.fill(polygon, canvas), params.feather * unit)
    core = masks.feather(masks.dilate(masks.fill(features, canvas), 0.02 * unit), 0.03 * unit)
    return region, masks.enlarge(np.maximum(mask, core), canvas)


def _kept(params: LandmarkSwapParams) -> list[slice]:
    kept = [INNER_LIPS] if params.mouth == "target" else []
    return kept + ([RIGHT_EYE, LEFT_EYE] if params.eyes == "target" else [])
