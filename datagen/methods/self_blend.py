"""Self-blended images: a face blended with a slightly altered copy of itself."""

from __future__ import annotations

from typing import Literal, NamedTuple

import cv2
import numpy as np

from datagen.faces import hull
from datagen.faces.blend import Region, expand, paste, region_around
from datagen.faces.colour import colour_matrix, recolour, resharpen
from datagen.faces.face import FaceCrop
from datagen.methods.base import Context, Method, Result
from datagen.model import Frozen
from datagen.types import Image, Landmarks, Mask

__all__ = ["Alteration", "SelfBlend", "SelfBlendParams"]

_FIELD = 5
_RATIOS = (0.25, 0.5, 0.75, 1.0, 1.0, 1.0)


class Alteration(Frozen):
    """What tells one copy of the face from the other.

    Attributes:
        rgb: Added to each channel, grey levels.
        hue: Turn about the grey axis, degrees.
        saturation: Factor on the distance from grey.
        contrast: Factor on the distance from mid grey.
        brightness: Added to all channels, as a share of the full range.
        sharpness: > 0: amount of unsharp masking; < 0: reduced by ``1 - sharpness`` and
            enlarged again.
    """

    rgb: tuple[float, float, float]
    hue: float
    saturation: float
    contrast: float
    brightness: float
    sharpness: float


class SelfBlendParams(Frozen):
    """What was drawn for one blend.

    Attributes:
        altered: Which copy is altered; the target is then the pair's real too.
        alteration: How.
        shift: Translation of the source, as a share of the face's width and height.
        scale: Scale of the source about the middle of the face.
        lift: How far the mask reaches over the brows, as a share of the forehead.
        part: Whose hull the mask starts from: the whole face, or what lies within the brows,
            eyes, nose and mouth.
        field: ``(5, 5, 2)`` displacements of the mask, in units of ``bend``.
        bend: As a share of the face's width.
        erode, blur: Deviations of the first and of the second Gaussian filter of the mask,
            as a share of the face's width.
        ratio: Weight of the source where the mask is full.
    """

    altered: Literal["source", "target"]
    alteration: Alteration
    shift: tuple[float, float]
    scale: float
    lift: float
    part: Literal["face", "features"]
    field: list[list[list[float]]]
    bend: float
    erode: float
    blur: float
    ratio: float


class SelfBlend(Method):
    """One person, two slightly different copies, one soft mask."""

    name = "self_blend"
    family = "pseudo_fake"
    params = SelfBlendParams
    min_change = 2.0
    paper = "Shiohara & Yamasaki, CVPR 2022, Detecting Deepfakes with Self-Blended Images"

    def sample(self, rng: np.random.Generator, ctx: Context) -> SelfBlendParams:
        """Draw both halves of the paper's generator: the copies (3.2) and the mask (3.3)."""
        hull.check_face(ctx.target.landmarks)
        scale = rng.uniform(0.95, 1.0)
        return SelfBlendParams(
            altered="source" if rng.integers(2) else "target",
            alteration=_draw_alteration(rng),
            shift=(_within(rng, 0.03), _within(rng, 0.015)),
            scale=_plain(scale if rng.integers(2) else 1 / scale),
            lift=_plain(rng.uniform(0.15, 0.9)),
            part="features" if rng.random() < 0.15 else "face",
            field=[
                [[_plain(value, 3) for value in cell] for cell in row]
                for row in rng.standard_normal((_FIELD, _FIELD, 2))
            ],
            bend=_plain(rng.uniform(0.01, 0.05)),
            erode=_plain(rng.uniform(0.01, 0.04)),
            blur=_plain(rng.uniform(0.01, 0.06)),
            ratio=_RATIOS[rng.integers(len(_RATIOS))],
        )

    def apply(self, ctx: Context, params: SelfBlendParams) -> Result:
        """Blend the two copies."""
        target = ctx.target
        stage = _stage(target, params)
        moved = _take(target.image, stage.origin, stage.region)
        real = None
        if params.altered == "source":
            moved = _alter(moved, params.alteration)
        else:
            real = _alter(target.image, params.alteration)
        mask = expand(stage.mask, stage.region, target.image.shape)
        return Result(
            paste(target.image if real is None else real, moved, stage.mask, stage.region),
            mask,
            _landmarks(target.landmarks, mask, stage),
            real,
        )

    def control(self, ctx: Context, params: SelfBlendParams) -> Image:
        """Move the copy there and back, alter neither side against the other, and blend."""
        target = ctx.target
        stage = _stage(target, params)
        image = target.image
        if params.altered == "target":
            image = _alter(image, params.alteration)
        size = (stage.origin.width, stage.origin.height)
        there = cv2.resize(stage.region.of(image), size, interpolation=cv2.INTER_CUBIC)
        back = cv2.resize(
            there, (stage.region.width, stage.region.height), interpolation=cv2.INTER_CUBIC
        )
        return paste(image, np.asarray(back, np.uint8), stage.mask, stage.region)


def _plain(value: float, digits: int = 6) -> float:
    return round(float(value), digits)


def _within(rng: np.random.Generator, bound: float) -> float:
    return _plain(rng.uniform(-bound, bound))


def _draw_alteration(rng: np.random.Generator) -> Alteration:
    """Draw each kind of colour change with even odds, and one kind of sharpness."""
    use = rng.random(3) < 0.5
    drawn = Alteration(
        rgb=(_within(rng, 15), _within(rng, 15), _within(rng, 15)),
        hue=_within(rng, 10),
        saturation=_plain(1 + rng.uniform(-0.25, 0.25)),
        contrast=_plain(1 + rng.uniform(-0.1, 0.1)),
        brightness=_within(rng, 0.1),
        sharpness=_plain(rng.uniform(0.2, 0.6) if rng.integers(2) else -rng.uniform(0.5, 2.0)),
    )
    plain = {"rgb": (0.0, 0.0, 0.0), "hue": 0.0, "saturation": 1.0}
    keep = {"rgb": use[0], "hue": use[1], "saturation": use[1]}
    changed = {name: value for name, value in plain.items() if not keep[name]}
    if not use[2]:
        changed |= {"contrast": 1.0, "brightness": 0.0}
    return drawn.model_copy(update=changed)


class _Stage(NamedTuple):
    """Where the blend happens, where its source is taken from, and the mask."""

    region: Region
    origin: Region
    mask: Mask


def _stage(target: FaceCrop, params: SelfBlendParams) -> _Stage:
    hull.check_face(target.landmarks)
    region, mask = _mask(target, params)
    return _Stage(region, _origin(target.landmarks, region, params), mask)


def _origin(marks: Landmarks, region: Region, params: SelfBlendParams) -> Region:
    """Find the whole pixels that come to lie in ``region``; may reach over the picture's edge.

    Whole pixels, because resizing a rectangle is ten times as fast as a general warp.
    """
    low, high = marks.min(axis=0), marks.max(axis=0)
    middle, shift = (low + high) / 2, (high - low) * np.array(params.shift)
    corners = np.array([region[:2], region[2:]], np.float64) - 0.5
    x0, y0, x1, y1 = np.rint((corners - shift - middle) / params.scale + middle + 0.5).ravel()
    return Region(int(x0), int(y0), int(x1), int(y1))


def _take(image: Image, origin: Region, region: Region) -> Image:
    """Resize ``origin`` to the size of ``region``; beyond the picture lies its mirror image."""
    height, width = image.shape[:2]
    left, top = max(0, -origin.x0), max(0, -origin.y0)
    right, bottom = max(0, origin.x1 - width), max(0, origin.y1 - height)
    if left or top or right or bottom:
        edged = cv2.copyMakeBorder(image, top, bottom, left, right, cv2.BORDER_REFLECT_101)
        image = np.asarray(edged, np.uint8)
        origin = Region(origin.x0 + left, origin.y0 + top, origin.x1 + left, origin.y1 + top)
    size = (region.width, region.height)
    return np.asarray(cv2.resize(origin.of(image), size, interpolation=cv2.INTER_CUBIC), np.uint8)


def _mask(target: FaceCrop, params: SelfBlendParams) -> tuple[Region, Mask]:
    """Deform the hull, shrink or grow it, soften its edge and scale it (section 3.3).

    The first filter erodes: only what it leaves full is kept. The second softens, so that
    the mask grows when it is the wider of the two.
    """
    marks = target.landmarks
    whole = params.part == "face"
    polygon = hull.hull(hull.outline(marks, params.lift) if whole else marks[17:])
    unit = hull.face_width(marks)
    margin = unit * (0.08 + 3 * params.bend + 3 * params.blur) + 2
    region = region_around(polygon, target.image.shape, margin)
    canvas = hull.canvas_for(region)
    unit *= canvas.scale
    mask = hull.fill(polygon, canvas)
    if not whole:
        mask = hull.grow(mask, 0.08 * unit)
    mask = hull.elastic(mask, params.field, params.bend * unit)
    full = hull.above(hull.soften(mask, params.erode * unit), 253)
    mask = hull.soften(full, params.blur * unit)
    return region, hull.weaken(hull.enlarge(mask, canvas), params.ratio)


def _alter(image: Image, alteration: Alteration) -> Image:
    matrix = colour_matrix(
        alteration.rgb,
        alteration.hue,
        alteration.saturation,
        alteration.contrast,
        alteration.brightness,
    )
    return resharpen(recolour(image, matrix), alteration.sharpness)


def _landmarks(marks: Landmarks, mask: Mask, stage: _Stage) -> Landmarks:
    """Take each point from the copy that has the greater weight there."""
    region, origin = stage.region, stage.origin
    factor = np.array([region.width / origin.width, region.height / origin.height])
    moved = (marks + 0.5 - origin[:2]) * factor - 0.5 + region[:2]
    at = np.rint(marks).astype(int)
    height, width = mask.shape
    weight = mask[at[:, 1].clip(0, height - 1), at[:, 0].clip(0, width - 1)]
    return np.where(weight[:, None] > 127, moved, marks).astype(np.float32)
