"""The classical face swap: landmarks, piecewise-affine warp, colour transfer, soft mask."""

from __future__ import annotations

from typing import Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from datagen.faces import hull
from datagen.faces.blend import Region, expand, paste, region_around
from datagen.faces.colour import match_light, reinhard
from datagen.faces.face import FaceCrop
from datagen.faces.warp import (
    RING,
    move_points,
    piecewise_map,
    similarity,
    surround,
    triangulate,
    warp_pixels,
)
from datagen.methods.base import Context, Method, Result
from datagen.model import Frozen
from datagen.types import Image, Landmarks, Mask

__all__ = ["LandmarkSwap", "LandmarkSwapParams"]


class LandmarkSwapParams(Frozen):
    """What was drawn for one swap.

    Attributes:
        lift: How far the mask reaches over each of the ten brow points, as a share of the
            forehead; < 0: it ends between brows and eyes, and the target's brows stay.
        feather: Width of the soft edge, as a share of the face's width.
        colour: Strength of the colour transfer.
        light: Strength with which the target's large light and dark areas are taken over.
        ratio: Weight of the donor where the mask is full.
        shape: How far brows, eyes, nose and mouth take the donor's shape: 0 = the target's.
        mouth: ``warped``: the donor's, drawn into ``shape``; ``donor``: in the donor's own
            shape, for a pair of which one laughs; ``target``: between the donor's lips one
            sees the target's teeth.
        eyes: ``target``: within the donor's lids one sees the target's eyes.
    """

    lift: list[float]
    feather: float
    colour: float
    light: float
    ratio: float
    shape: float
    mouth: Literal["warped", "donor", "target"]
    eyes: Literal["donor", "target"]


class LandmarkSwap(Method):
    """Another person's face in this person's geometry."""

    name = "landmark_swap"
    family = "face_swap"
    params = LandmarkSwapParams
    needs_donor = True
    min_change = 4.0
    paper = "Roessler et al. 2019, FaceForensics++ (FaceSwap); Reinhard et al. 2001"

    def sample(self, rng: np.random.Generator, ctx: Context) -> LandmarkSwapParams:
        """Draw the mask, colour and blend; forehead only where both foreheads are bare."""
        target, donor = ctx.target, ctx.need_donor()
        hull.check_face(target.landmarks)
        hull.check_face(donor.landmarks)
        reach = rng.uniform(0.15, 0.9)
        feather, colour = rng.uniform(0.06, 0.16), rng.uniform(0.7, 1.0)
        light = rng.uniform(0.4, 1.0)
        ratio, shape = _RATIO_AND_SHAPE[rng.integers(len(_RATIO_AND_SHAPE))]
        return LandmarkSwapParams(
            lift=_lift(reach, target, donor),
            feather=round(float(feather), 6),
            colour=round(float(colour), 6),
            light=round(float(light), 6),
            ratio=ratio,
            shape=shape,
            mouth=_mouth(target.landmarks, donor.landmarks, bool(rng.integers(2))),
            eyes=_eyes(target.landmarks, donor.landmarks),
        )

    def apply(self, ctx: Context, params: LandmarkSwapParams) -> Result:
        """Make the swap."""
        stage = _stage(ctx, params)
        target, donor = ctx.target, ctx.need_donor()
        field = piecewise_map(
            stage.corners, stage.origins, triangulate(stage.corners), stage.region
        )
        warped = warp_pixels(donor.image, field)
        part = np.ascontiguousarray(stage.region.of(target.image))
        inside = hull.above(stage.mask, 127)
        warped = reinhard(warped, part, inside, params.colour)
        reach = 0.12 * hull.face_width(target.landmarks)
        warped = match_light(warped, part, inside, reach, params.light)
        return Result(
            paste(target.image, warped, stage.mask, stage.region),
            expand(stage.mask, stage.region, target.image.shape),
            stage.corners[:68].copy(),
        )

    def control(self, ctx: Context, params: LandmarkSwapParams) -> Image:
        """Warp the target's face towards the donor's geometry, and back into its own.

        Only so far that no part is squeezed: a cheek that the donor turns away would come back
        blurred, which no swap does to it.
        """
        stage = _stage(ctx, params)
        target = ctx.target
        triangles = triangulate(stage.corners)
        goal = _towards(stage, _LONGEST_WAY * hull.face_width(target.landmarks))
        there = region_around(goal[:-RING], target.image.shape, 4)
        away = warp_pixels(target.image, piecewise_map(goal, stage.corners, triangles, there))
        shifted = goal - np.array([there.x0, there.y0], np.float32)
        field = piecewise_map(stage.corners, shifted, triangles, stage.region)
        return paste(target.image, warp_pixels(away, field), stage.mask, stage.region)


_LEAST_LIFT = 0.12
_LONGEST_WAY = 0.04
_FRINGE_LIFT = -0.18
_RATIO_AND_SHAPE = ((1.0, 0.0), (1.0, 0.25), (1.0, 0.5), (1.0, 0.75), (0.9, 0.0), (0.85, 0.0))


class _Stage(NamedTuple):
    """Where the swap happens: corners in the fake, the same in the donor, and the mask."""

    corners: NDArray[np.float32]
    origins: NDArray[np.float32]
    region: Region
    mask: Mask


def _lift(reach: float, target: FaceCrop, donor: FaceCrop) -> list[float]:
    theirs = hull.bare_forehead(donor.image, donor.landmarks)
    if np.median(theirs) < _LEAST_LIFT:
        return [_FRINGE_LIFT] * 10  # hair hangs over the donor's brows
    bare = np.minimum(hull.bare_forehead(target.image, target.landmarks), theirs)
    low = np.pad(np.clip(bare - 0.05, _LEAST_LIFT, reach), 2, mode="edge")
    low = np.minimum(np.minimum(low[:-2], low[1:-1]), low[2:])
    low = (low[:-2] + low[1:-1] + low[2:]) / 3
    return [round(float(value), 6) for value in low]


def _opening(points: Landmarks) -> float:
    """Return the area of a slit relative to the square of its length."""
    length = float(np.linalg.norm(np.ptp(points, axis=0)))
    return float(cv2.contourArea(points)) / (length * length + 1e-6)


def _mouth(target: Landmarks, donor: Landmarks, coin: bool) -> Literal["warped", "donor", "target"]:
    """Choose a mouth that neither squeezes teeth together nor stretches closed lips."""
    seen, given = _opening(target[hull.INNER_LIPS]), _opening(donor[hull.INNER_LIPS])
    if abs(seen - given) < _ALIKE:
        return "warped"
    return "target" if coin and seen > given + 2 * _ALIKE else "donor"


def _eyes(target: Landmarks, donor: Landmarks) -> Literal["donor", "target"]:
    seen, given = (
        min(_opening(face[hull.RIGHT_EYE]), _opening(face[hull.LEFT_EYE]))
        for face in (target, donor)
    )
    return "target" if seen > 0.1 and given < 0.5 * seen else "donor"


def _fake_landmarks(target: Landmarks, donor: Landmarks, params: LandmarkSwapParams) -> Landmarks:
    """Move the target's inner points towards the donor's, laid over it by a similarity."""
    weight = np.full((68, 1), params.shape, np.float32)
    weight[hull.JAW] = 0
    weight[hull.MOUTH] = weight[hull.INNER_LIPS] = _MOUTH_SHAPE.get(params.mouth, params.shape)
    if min(params.lift) < 0:
        weight[hull.BROWS] = 0
    if params.eyes == "target":
        weight[hull.RIGHT_EYE] = weight[hull.LEFT_EYE] = 0
    laid = move_points(donor, similarity(donor[17:], target[17:]))
    return target + weight * (laid - target)


_ALIKE = 0.02
_MOUTH_SHAPE = {"donor": 1.0, "target": 0.0}


def _stage(ctx: Context, params: LandmarkSwapParams) -> _Stage:
    target, donor = ctx.target, ctx.need_donor()
    hull.check_face(target.landmarks)
    hull.check_face(donor.landmarks)
    marks = _fake_landmarks(target.landmarks, donor.landmarks, params)
    corners, origins = surround(_with_forehead(marks), _with_forehead(donor.landmarks))
    region, mask = _mask(target, marks, params)
    return _Stage(corners, origins, region, mask)


def _towards(stage: _Stage, reach: float) -> NDArray[np.float32]:
    """Move the fake's corners towards the donor's, laid over them, by ``reach`` at the most."""
    inner = slice(0, -RING)
    laid = move_points(stage.origins, similarity(stage.origins[inner], stage.corners[inner]))
    way = laid - stage.corners
    longest = float(np.linalg.norm(way[inner], axis=1).max())
    return (stage.corners + way * min(1.0, reach / max(longest, 1e-6))).astype(np.float32)


def _with_forehead(marks: Landmarks) -> NDArray[np.float32]:
    return np.concatenate([marks, hull.forehead(marks, 0.5), hull.forehead(marks, 1.0)])


def _mask(target: FaceCrop, marks: Landmarks, params: LandmarkSwapParams) -> tuple[Region, Mask]:
    """Draw the mask: wide soft edge, but full over the features of both faces."""
    inner = slice(17 if min(params.lift) >= 0 else 27, 68)
    features = hull.hull(np.concatenate([marks[inner], target.landmarks[inner]]))
    polygon = hull.outline(marks, params.lift)
    unit = hull.face_width(target.landmarks)
    region = region_around(np.concatenate([polygon, features]), target.image.shape, 0.03 * unit)
    canvas = hull.canvas_for(region)
    unit *= canvas.scale
    mask = hull.feather(hull.fill(polygon, canvas), params.feather * unit)
    core = hull.feather(hull.grow(hull.fill(features, canvas), 0.02 * unit), 0.03 * unit)
    mask = hull.enlarge(np.maximum(mask, core), canvas)
    for kept in _kept(params):
        fine = hull.canvas_for(region, max(region.width, region.height))
        mask -= np.minimum(mask, hull.soften(hull.fill(marks[kept], fine), 1.0))
    return region, hull.weaken(mask, params.ratio)


def _kept(params: LandmarkSwapParams) -> list[slice]:
    kept = [hull.INNER_LIPS] if params.mouth == "target" else []
    return kept + ([hull.RIGHT_EYE, hull.LEFT_EYE] if params.eyes == "target" else [])
