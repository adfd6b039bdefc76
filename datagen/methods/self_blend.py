"""Self-blended images: a face blended with a slightly altered copy of itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import cv2
import numpy as np

from datagen.core.arrays import Image, Landmarks, Mask
from datagen.core.rounding import rounded
from datagen.core.schema import Frozen
from datagen.errors import ItemError
from datagen.faces import masks
from datagen.faces.face import FaceCrop
from datagen.faces.geometry.in_place import resampled_in_place
from datagen.faces.geometry.outline import check_face
from datagen.faces.geometry.warp import WarpMap
from datagen.faces.part_masks import Bending, PartName, is_visible, part_mask
from datagen.faces.pixels.blend import Region, expand, paste
from datagen.methods.base import Context, Method, Result
from datagen.methods.draws import draw_field
from datagen.methods.self_blend_options import (
    Alteration,
    SelfBlendOptions,
    Side,
    alter,
    draw_alteration,
)

__all__ = ["Alteration", "SelfBlend", "SelfBlendOptions", "SelfBlendParams"]

_WEIGHTS: dict[PartName, int] = {
    "face": 40,
    "no_forehead": 20,
    "features": 12,
    "lower_half": 10,
    "eyes": 5,
    "nose": 5,
    "mouth": 5,
    "brows": 3,
}


class SelfBlendParams(Frozen):
    """Parameters of one fake.

    Attributes:
        altered: The copy that is altered; an altered target is also the real of the pair.
        alteration: Changes of color and sharpness.
        shift: Translation of the source, as a share of the face's width and height.
        scale: Scale of the source about the center of the face.
        lift: Height of the mask above the brows, as a share of the forehead.
        part: Part whose hull the mask starts from.
        field: Random displacements of the mask, ``(5, 5, 2)``, in units of ``bend``.
        bend: Unit of the displacements, as a share of the face's width, reduced for small parts.
        erode, blur: Standard deviations of the first and of the second Gaussian filter of the
            mask, in the same unit.
        ratio: Weight of the source where the mask is full.
    """

    altered: Side
    alteration: Alteration
    shift: tuple[float, float]
    scale: float
    lift: float
    part: PartName
    field: list[list[list[float]]]
    bend: float
    erode: float
    blur: float
    ratio: float


class SelfBlend(Method):
    """Blend two slightly different copies of the target with a soft mask."""

    name = "self_blend"
    version = 3
    family = "pseudo_fake"
    options = SelfBlendOptions
    params = SelfBlendParams
    added_options: ClassVar[Mapping[str, Any]] = {"kernels": ["area"]}
    min_change = 2.0
    paper = "Shiohara & Yamasaki, CVPR 2022, Detecting Deepfakes with Self-Blended Images"

    def sample(self, rng: np.random.Generator, ctx: Context) -> SelfBlendParams:
        """Draw the copies (section 3.2 of the paper) and the mask (section 3.3)."""
        check_face(ctx.target.landmarks)
        given = self.config
        assert isinstance(given, SelfBlendOptions)
        return SelfBlendParams(
            altered=given.sides[rng.integers(len(given.sides))],
            alteration=draw_alteration(rng, given),
            shift=(rounded(rng.uniform(*given.shift_x)), rounded(rng.uniform(*given.shift_y))),
            scale=rounded(np.exp(rng.uniform(*np.log(given.scale)))),
            lift=rounded(rng.uniform(0.15, 0.9)),
            part=_draw_part(rng, ctx.target, given.parts),
            field=draw_field(rng),
            bend=rounded(rng.uniform(*given.bend)),
            erode=rounded(rng.uniform(*given.erode)),
            blur=rounded(rng.uniform(*given.blur)),
            ratio=given.ratios[rng.integers(len(given.ratios))],
        )

    def apply(self, ctx: Context, params: SelfBlendParams) -> Result:
        """Blend the two copies."""
        target = ctx.target
        stage = _stage(target, params)
        moved = _take(target.image, stage.origin, stage.region)
        real = None
        if params.altered == "source":
            moved = alter(moved, params.alteration)
        else:
            real = alter(target.image, params.alteration)
        mask = expand(stage.mask, stage.region, target.image.shape)
        return Result(
            paste(target.image if real is None else real, moved, stage.mask, stage.region),
            mask,
            _landmarks(target.landmarks, mask, stage),
            real,
        )

    def control(self, ctx: Context, params: SelfBlendParams) -> Image:
        """Resample the copy in place, without altering it, and blend."""
        target = ctx.target
        stage = _stage(target, params)
        image = target.image
        if params.altered == "target":
            image = alter(image, params.alteration)
        field = _field(stage)
        still = resampled_in_place(image, field, stage.region, stage.mask, cv2.INTER_CUBIC)
        return paste(image, still, stage.mask, stage.region)


def _draw_part(rng: np.random.Generator, target: FaceCrop, parts: Sequence[PartName]) -> PartName:
    """Draw one of the visible parts by its weight.

    Raises:
        ItemError: ``method_failed`` when none is visible.
    """
    seen = [part for part in parts if is_visible(part, target.landmarks, target.image.shape)]
    if not seen:
        raise ItemError("method_failed", f"all parts are outside the image: {', '.join(parts)}")
    steps = np.cumsum([_WEIGHTS[part] for part in seen])
    return seen[int(np.searchsorted(steps, rng.random() * steps[-1], side="right"))]


class _Stage(NamedTuple):
    """The region that changes, the region of its source, and the mask."""

    region: Region
    origin: Region
    mask: Mask


def _stage(target: FaceCrop, params: SelfBlendParams) -> _Stage:
    check_face(target.landmarks)
    marks = target.landmarks
    how = Bending(params.field, params.bend, params.erode, params.blur)
    region, mask = part_mask(params.part, marks, params.lift, how, target.image.shape)
    return _Stage(region, _origin(marks, region, params), masks.scale(mask, params.ratio))


def _origin(marks: Landmarks, region: Region, params: SelfBlendParams) -> Region:
    """Return the rectangle that is mapped to ``region``; it may extend beyond the image.

    It has whole pixels, because resizing a rectangle is ten times as fast as a general warp.
    """
    low, high = marks.min(axis=0), marks.max(axis=0)
    middle, shift = (low + high) / 2, (high - low) * np.array(params.shift)
    corners = np.array([region[:2], region[2:]], np.float64) - 0.5
    x0, y0, x1, y1 = np.rint((corners - shift - middle) / params.scale + middle + 0.5).ravel()
    return Region(int(x0), int(y0), int(x1), int(y1))


def _field(stage: _Stage) -> WarpMap:
    """Return the map that ``_take`` samples."""
    (x0, y0, x1, y1), region = stage.origin, stage.region
    columns = (np.arange(region.width) + 0.5) * ((x1 - x0) / region.width) + x0 - 0.5
    rows = (np.arange(region.height) + 0.5) * ((y1 - y0) / region.height) + y0 - 0.5
    x, y = np.meshgrid(columns.astype(np.float32), rows.astype(np.float32))
    return WarpMap(x, y)


def _take(image: Image, origin: Region, region: Region) -> Image:
    """Resize ``origin`` to the size of ``region``; the image is continued by reflection."""
    height, width = image.shape[:2]
    left, top = max(0, -origin.x0), max(0, -origin.y0)
    right, bottom = max(0, origin.x1 - width), max(0, origin.y1 - height)
    if left or top or right or bottom:
        edged = cv2.copyMakeBorder(image, top, bottom, left, right, cv2.BORDER_REFLECT_101)
        image = np.asarray(edged, np.uint8)
        origin = Region(origin.x0 + left, origin.y0 + top, origin.x1 + left, origin.y1 + top)
    size = (region.width, region.height)
    return np.asarray(cv2.resize(origin.of(image), size, interpolation=cv2.INTER_CUBIC), np.uint8)


def _landmarks(marks: Landmarks, mask: Mask, stage: _Stage) -> Landmarks:
    """Take each landmark from the copy that has the greater weight there."""
    region, origin = stage.region, stage.origin
    factor = np.array([region.width / origin.width, region.height / origin.height])
    moved = (marks + 0.5 - origin[:2]) * factor - 0.5 + region[:2]
    at = np.rint(marks).astype(int)
    height, width = mask.shape
    weight = mask[at[:, 1].clip(0, height - 1), at[:, 0].clip(0, width - 1)]
    return np.where(weight[:, None] > 127, moved, marks).astype(np.float32)
