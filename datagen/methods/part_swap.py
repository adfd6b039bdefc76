"""Swap of single parts: the donor's eyes, brows, nose or mouth in the target's face."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from datagen.core.arrays import Affine, Image, Landmarks, Mask
from datagen.core.rounding import rounded
from datagen.core.schema import Frozen
from datagen.errors import ItemError
from datagen.faces import masks
from datagen.faces.face import FaceCrop
from datagen.faces.geometry.in_place import affine_map, resampled_in_place
from datagen.faces.geometry.outline import bare_forehead, check_face, convex_hull, face_width
from datagen.faces.geometry.warp import (
    WarpMap,
    piecewise_map,
    similarity,
    surround,
    triangulate,
    warp_affine,
    warp_pixels,
)
from datagen.faces.landmarks import (
    BROWS,
    EYES,
    FEATURES,
    LEFT_BROW,
    LEFT_EYE,
    MOUTH,
    NOSE,
    OUTER_LIPS,
    RIGHT_BROW,
    RIGHT_EYE,
    move_points,
)
from datagen.faces.pixels.blend import Region, expand, paste, region_around
from datagen.faces.pixels.color import match_light, reinhard
from datagen.methods.base import Context, Method, Result
from datagen.methods.draws import checked_faces

__all__ = ["PartName", "PartSwap", "PartSwapOptions", "PartSwapParams", "SwappedPart"]

PartName: TypeAlias = Literal["nose", "mouth", "eyes", "brows"]

_POINTS: dict[PartName, slice] = {
    "nose": NOSE,
    "mouth": MOUTH,
    "eyes": EYES,
    "brows": BROWS,
}
_PIECES: dict[PartName, tuple[slice, ...]] = {
    "nose": (NOSE,),
    "mouth": (OUTER_LIPS,),
    "eyes": (RIGHT_EYE, LEFT_EYE),
    "brows": (RIGHT_BROW, LEFT_BROW),
}
_MIN_BARE = 0.15
_ALIKE = 0.02
_NEARBY = 0.07
_PAD = 4


class PartSwapOptions(Frozen):
    """Options of ``part_swap``.

    Attributes:
        parts: Parts that may be swapped.
        max_parts: Largest number of parts per fake, 1 to 4.
        poisson: Share of fakes that are blended in the gradient domain, 0 to 1.
    """

    parts: tuple[PartName, ...] = Field(tuple(_POINTS), min_length=1)
    max_parts: int = Field(3, ge=1, le=4)
    poisson: float = Field(0.3, ge=0, le=1)


class SwappedPart(Frozen):
    """Parameters of one part.

    Attributes:
        name: Name of the part.
        warp: ``similarity``: the part keeps the donor's shape; ``piecewise``: it is warped to
            ``shape``.
        shape: Share of the donor's shape in a piecewise warp: 0 = the target's, 1 = the donor's.
    """

    name: PartName
    warp: Literal["similarity", "piecewise"]
    shape: float


class PartSwapParams(Frozen):
    """Parameters of one fake.

    Attributes:
        parts: The swapped parts.
        margin, feather: Distance that the full mask extends beyond a part, and width of the soft
            edge around it, as shares of the face's width.
        blend: ``alpha``: alpha blending; ``poisson``: blending of gradients.
        color: Strength of the color transfer, 0 to 1.
        light: Strength of the transfer of the target's light around the part, 0 to 1.
    """

    parts: list[SwappedPart]
    margin: float
    feather: float
    blend: Literal["alpha", "poisson"]
    color: float
    light: float


class PartSwap(Method):
    """Swap single parts of the face: eyes, brows, nose or mouth of the donor."""

    name = "part_swap"
    version = 2
    family = "face_swap"
    options = PartSwapOptions
    params = PartSwapParams
    needs_donor = True
    min_change = 4.0
    paper = "Bitouk et al., SIGGRAPH 2008, Face Swapping; Perez et al., SIGGRAPH 2003 (Poisson)"

    def sample(self, rng: np.random.Generator, ctx: Context) -> PartSwapParams:
        """Draw parts and blend; brows only if no hair covers them in either face."""
        target, donor = checked_faces(ctx)
        given = self.config
        assert isinstance(given, PartSwapOptions)
        names = [name for name in _POINTS if name in given.parts]
        if "brows" in names and not (_brows_free(target) and _brows_free(donor)):
            names.remove("brows")
        if not names:
            raise ItemError("method_failed", "hair covers the brows, the only part allowed")
        count = 1 if rng.random() < 0.5 else int(rng.integers(1, given.max_parts + 1))
        chosen = rng.permutation(len(names))[:count]
        return PartSwapParams(
            parts=[_draw_part(rng, names[index], target, donor) for index in sorted(chosen)],
            margin=rounded(rng.uniform(0.025, 0.045)),
            feather=rounded(rng.uniform(0.03, 0.07)),
            blend="poisson" if rng.random() < given.poisson else "alpha",
            color=rounded(rng.uniform(0.7, 1.0)),
            light=rounded(rng.uniform(0.6, 1.0)),
        )

    def apply(self, ctx: Context, params: PartSwapParams) -> Result:
        """Swap the parts one after the other."""
        target, donor = ctx.target, ctx.need_donor()
        image, marks = target.image, target.landmarks.copy()
        mask: Mask = np.zeros(image.shape[:2], np.uint8)
        for part in params.parts:
            stage = _stage(ctx, part, params)
            image = _blended(_take(donor.image, stage), image, stage, params)
            mask = _over(mask, expand(stage.mask, stage.region, image.shape))
            marks[_POINTS[part.name]] = stage.marks[_POINTS[part.name]]
        return Result(image, mask, marks)

    def control(self, ctx: Context, params: PartSwapParams) -> Image:
        """Resample the target's own parts in place by the maps of the donor's, and blend them."""
        image = ctx.target.image
        for part in params.parts:
            stage = _stage(ctx, part, params)
            field = _field(stage)
            still = resampled_in_place(ctx.target.image, field, stage.region, stage.mask)
            image = _blended(still, image, stage, params)
        return image


def _brows_free(face: FaceCrop) -> bool:
    return float(np.median(bare_forehead(face.image, face.landmarks))) >= _MIN_BARE


def _draw_part(
    rng: np.random.Generator, name: PartName, target: FaceCrop, donor: FaceCrop
) -> SwappedPart:
    """Draw the warp; piecewise only if both faces have a similar shape there."""
    laid = move_points(donor.landmarks, _alignment(name, target.landmarks, donor.landmarks))
    points = _POINTS[name]
    apart = np.linalg.norm(laid[points] - target.landmarks[points], axis=1).mean()
    alike = apart < _ALIKE * face_width(target.landmarks)
    bend, shape = rng.random() < 0.6, rounded(rng.uniform(0.0, 0.8))
    if bend and alike:
        return SwappedPart(name=name, warp="piecewise", shape=shape)
    return SwappedPart(name=name, warp="similarity", shape=1.0)


class _Stage(NamedTuple):
    """Geometry and mask of one part."""

    affine: Affine
    marks: Landmarks
    corners: tuple[NDArray[np.float32], NDArray[np.float32]] | None
    region: Region
    mask: Mask


def _stage(ctx: Context, part: SwappedPart, params: PartSwapParams) -> _Stage:
    target, donor = ctx.target.landmarks, ctx.need_donor().landmarks
    check_face(target)
    check_face(donor)
    affine = _alignment(part.name, target, donor)
    marks, points = target.copy(), _POINTS[part.name]
    laid = move_points(donor, affine)
    marks[points] += part.shape * (laid[points] - target[points])
    corners = surround(marks, donor) if part.warp == "piecewise" else None
    region, mask = _mask(part.name, ctx.target, marks, params)
    return _Stage(affine, marks, corners, region, mask)


def _alignment(name: PartName, target: Landmarks, donor: Landmarks) -> Affine:
    """Align the donor's part: rotation and scale by the part and the face around it."""
    points = _POINTS[name]
    ours, theirs = (np.concatenate([m[FEATURES], *[m[points]] * 3]) for m in (target, donor))
    affine = similarity(theirs, ours)
    off = target[points].mean(axis=0) - move_points(donor[points], affine).mean(axis=0)
    affine[:, 2] += off
    return affine


def _mask(
    name: PartName, target: FaceCrop, marks: Landmarks, params: PartSwapParams
) -> tuple[Region, Mask]:
    """Draw a mask that covers the part in its old and in its new shape."""
    unit = face_width(target.landmarks)
    reach = params.margin + params.feather
    pieces = [np.concatenate([target.landmarks[p], marks[p]]) for p in _PIECES[name]]
    if name == "nose":
        pieces = [_with_wings(pieces[0])]
    region = region_around(np.concatenate(pieces), target.image.shape, (reach + 0.01) * unit + 2)
    canvas = masks.canvas_for(region, 160)
    unit *= canvas.scale
    drawn: Mask = np.max([masks.fill(convex_hull(piece), canvas) for piece in pieces], axis=0)
    mask = masks.feather(masks.dilate(drawn, reach * unit), params.feather * unit)
    return region, masks.enlarge(mask, canvas)


def _with_wings(nose: NDArray[np.float32]) -> NDArray[np.float32]:
    """Add the wings of the nose, which the 68 landmarks leave out."""
    base = np.concatenate([nose[4:9], nose[13:18]])
    bridge = np.concatenate([nose[:4], nose[9:13]])
    middle = base.mean(axis=0)
    rise = 0.35 * (bridge[3] - middle)
    wings = middle + 1.5 * (base - middle)
    return np.concatenate([nose, wings, wings + rise]).astype(np.float32)


def _take(image: Image, stage: _Stage) -> Image:
    if stage.corners is None:
        return warp_affine(image, stage.affine, stage.region)
    return warp_pixels(image, _field(stage))


def _field(stage: _Stage) -> WarpMap:
    if stage.corners is None:
        return affine_map(stage.affine, stage.region)
    corners, origins = stage.corners
    return piecewise_map(corners, origins, triangulate(corners), stage.region)


def _blended(moved: Image, image: Image, stage: _Stage, params: PartSwapParams) -> Image:
    moved = _fit(moved, np.ascontiguousarray(stage.region.of(image)), stage, params)
    return paste(image, moved, stage.mask, stage.region)


def _fit(moved: Image, part: Image, stage: _Stage, params: PartSwapParams) -> Image:
    """Adapt the part's colors to the skin around it."""
    unit = face_width(stage.marks)
    around = masks.threshold(masks.dilate(stage.mask, 0.5 * _NEARBY * unit), 0)
    moved = reinhard(moved, part, around, params.color)
    if params.blend == "poisson":
        return _clone(moved, part, stage.mask)
    ring = np.minimum(around, 255 - masks.threshold(stage.mask, 200))
    return match_light(moved, part, ring, _NEARBY * unit, params.light)


def _clone(moved: Image, part: Image, mask: Mask) -> Image:
    """Solve Poisson's equation inside the mask (Perez et al., SIGGRAPH 2003, section 2).

    On a padded copy, because the solver needs a frame around the part.
    """
    frame = ((_PAD, _PAD), (_PAD, _PAD))
    source, scene = (np.pad(image, (*frame, (0, 0)), mode="edge") for image in (moved, part))
    inside = np.pad(masks.threshold(mask, 0), frame)
    x, y, width, height = cv2.boundingRect(inside)
    middle = (x + width // 2, y + height // 2)
    cloned = cv2.seamlessClone(source, scene, inside, middle, cv2.NORMAL_CLONE)
    return np.ascontiguousarray(cloned[_PAD:-_PAD, _PAD:-_PAD], np.uint8)


def _over(first: Mask, second: Mask) -> Mask:
    """Combine the masks of two successive blends; 0 only where both are 0."""
    left = (255 - first.astype(np.uint16)) * (255 - second.astype(np.uint16))
    seen: Mask = (255 - (left + 127) // 255).astype(np.uint8)
    return np.maximum(seen, np.maximum(first, second))
