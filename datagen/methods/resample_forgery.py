"""The spectral traces of a generator's decoder in a face, without any network."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from datagen.core.arrays import Image, Mask
from datagen.core.rounding import rounded
from datagen.core.schema import Frozen
from datagen.faces import masks
from datagen.faces.face import FaceCrop
from datagen.faces.geometry.outline import check_face, convex_hull, face_outline, face_width
from datagen.faces.geometry.warp import affine_round_trip
from datagen.faces.landmarks import FEATURES
from datagen.faces.pixels.blend import Region, expand, paste, region_around
from datagen.methods.base import Context, Method, Result

__all__ = ["ResampleForgery", "ResampleForgeryOptions", "ResampleForgeryParams", "UpSampler"]

Kind: TypeAlias = Literal["zero_insert", "nearest_conv", "checkerboard"]
Floats: TypeAlias = NDArray[np.float32]

# Low-pass filters whose two phases both add up to 1: by them no trace is left at Nyquist.
_IDEAL = {
    3: (0.5, 1.0, 0.5),
    4: (0.25, 0.75, 0.75, 0.25),
    5: (0.125, 0.5, 0.75, 0.5, 0.125),
}
_MIN = 0.15


class ResampleForgeryOptions(Frozen):
    """Ranges that a recipe may set.

    Attributes:
        factors: By how much the face may be reduced and enlarged.
        kinds: Which up-samplers may be drawn.
        strength: Largest difference between the two phases of the last filter, as a share of
            its gain; at least a seventh of it is drawn.
        detail: Least share of the fine structure that is given back.
    """

    factors: tuple[Literal[2, 4], ...] = Field((2, 4), min_length=1)
    kinds: tuple[Kind, ...] = Field(("zero_insert", "nearest_conv", "checkerboard"), min_length=1)
    strength: float = Field(0.06, ge=0.01, le=0.3)
    detail: float = Field(0.6, ge=0, le=1)


class UpSampler(Frozen):
    """One doubling of the size: zeros are put between the pixels, then two filters follow.

    Attributes:
        kind: ``zero_insert``: a low-pass filter with imperfect taps; ``nearest_conv``: each
            pixel twice, then a small filter; ``checkerboard``: a size that the stride does not
            divide, so that the filter overlaps itself unevenly.
        columns, rows: Taps along x and along y, of the same number; each adds up to 2.
    """

    kind: Kind
    columns: list[float]
    rows: list[float]


class ResampleForgeryParams(Frozen):
    """What was drawn for one fake.

    Attributes:
        stages: The doublings, the first at the lowest resolution.
        phase: Where the grid of pixels that are kept begins, x and y.
        detail: Share of the target's own fine structure that is given back, as a good decoder
            makes its own; 0 = only what went through.
        part: Whose hull the mask starts from: the whole face, or brows, eyes, nose and mouth.
        lift: How far the mask reaches over the brows, as a share of the forehead.
        feather: Width of the soft edge, as a share of the face's width.
        shift: Pixels by which the control is moved there and back.
    """

    stages: list[UpSampler]
    phase: tuple[int, int]
    detail: float
    part: Literal["face", "features"]
    lift: float
    feather: float
    shift: tuple[float, float]


class ResampleForgery(Method):
    """The periodic traces that up-sampling leaves in a generator's spectrum, under a mask.

    The traces are subtle: one gray level under the mask already stands far out of the spectrum
    at the frequencies that up-sampling mirrors, and is hardly seen by eye. Plain resizing
    leaves none of them; it is a degradation and not this.
    """

    name = "resample_forgery"
    family = "pseudo_fake"
    options = ResampleForgeryOptions
    params = ResampleForgeryParams
    min_change = 1.0
    paper = "Durall et al., CVPR 2020, Watch Your Up-Convolution; Frank et al., ICML 2020"

    def sample(self, rng: np.random.Generator, ctx: Context) -> ResampleForgeryParams:
        """Draw up-samplers and mask."""
        check_face(ctx.target.landmarks)
        given = self.config
        assert isinstance(given, ResampleForgeryOptions)
        factor = given.factors[rng.integers(len(given.factors))]
        kind = given.kinds[rng.integers(len(given.kinds))]
        stages = [_draw_stage(rng, kind, given.strength, left) for left in range(factor // 2)][::-1]
        lost = rng.uniform(0.0, 1 - given.detail) / len(stages) ** 2
        sign = rng.choice((-1.0, 1.0), 2)
        shift = sign * rng.uniform(0.2, 0.5, 2)
        return ResampleForgeryParams(
            stages=stages,
            phase=(int(rng.integers(factor)), int(rng.integers(factor))),
            detail=rounded(1 - lost),
            part="features" if rng.random() < 0.2 else "face",
            lift=rounded(rng.uniform(0.15, 0.9)),
            feather=rounded(rng.uniform(0.04, 0.14)),
            shift=(rounded(shift[0]), rounded(shift[1])),
        )

    def apply(self, ctx: Context, params: ResampleForgeryParams) -> Result:
        """Send the face through the up-samplers."""
        target = ctx.target
        region, mask = _mask(target, params)
        made = _decode(target.image, region, params)
        return Result(
            paste(target.image, made, mask, region),
            expand(mask, region, target.image.shape),
            target.landmarks.copy(),
        )

    def control(self, ctx: Context, params: ResampleForgeryParams) -> Image:
        """Move the face by part of a pixel and back: resampled, but on no coarser grid."""
        target = ctx.target
        region, mask = _mask(target, params)
        move = np.array([[1.0, 0.0, params.shift[0]], [0.0, 1.0, params.shift[1]]])
        return paste(target.image, affine_round_trip(target.image, move, region), mask, region)


def _draw_stage(rng: np.random.Generator, kind: Kind, strength: float, left: int) -> UpSampler:
    """Draw the filters of a doubling after which ``left`` more follow."""
    sizes = {"zero_insert": (4, 5), "nearest_conv": (4, 4), "checkerboard": (3, 5)}[kind]
    size = sizes[rng.integers(2)]
    columns, rows = (_draw_taps(rng, kind, size, strength, left) for _ in range(2))
    return UpSampler(kind=kind, columns=columns, rows=rows)


def _draw_taps(
    rng: np.random.Generator, kind: Kind, size: int, strength: float, left: int
) -> list[float]:
    """Draw a filter that is not quite a low-pass filter; less far from it where it is coarse.

    What an early doubling leaves is enlarged by the later ones to blocks that anyone sees.
    """
    taps = np.array(_IDEAL[size])
    uneven = strength * rng.uniform(_MIN, 1.0) / 2 ** (left + 1)
    if kind == "nearest_conv":
        side = rng.uniform(0.15, 0.22) if left else rng.uniform(-0.08, 0.05)
        taps = np.array([side, 1 - side, 1 - side, side])
    elif kind == "checkerboard":
        taps += uneven * size * (np.full(size, 2 / size) - taps)
    else:
        taps += rng.normal(0, 0.04 / 2**left, size)
        uneven *= rng.choice((-1.0, 1.0))
        taps[::2] *= (1 + uneven) / taps[::2].sum()
        taps[1::2] *= (1 - uneven) / taps[1::2].sum()
    return [rounded(tap) for tap in taps]


def _decode(image: Image, region: Region, params: ResampleForgeryParams) -> Image:
    """Reduce what lies in ``region`` and enlarge it again by the drawn up-samplers."""
    window, whole = _window(image, region, params)
    small = whole
    for stage in reversed(params.stages):
        small = _halve(small, len(stage.columns))
    made = clean = small
    for stage in params.stages:
        made = _double(made, stage.columns, stage.rows)
        ideal = list(_IDEAL[len(stage.columns)])
        clean = _double(clean, ideal, ideal)
    made = made + params.detail * (whole - clean)
    left, top = region.x0 - window.x0, region.y0 - window.y0
    inner = made[top : top + region.height, left : left + region.width]
    return np.clip(np.rint(inner), 0, 255).astype(np.uint8)


def _window(image: Image, region: Region, params: ResampleForgeryParams) -> tuple[Region, Floats]:
    """Grow a region to whole cells of the coarse grid; beyond the image lies its mirror."""
    factor = 2 ** len(params.stages)
    low = np.array([region.x0, region.y0]) - params.phase
    high = np.array([region.x1, region.y1]) - params.phase
    x0, y0 = (low // factor * factor + params.phase).tolist()
    x1, y1 = (-(-high // factor) * factor + params.phase).tolist()
    height, width = image.shape[:2]
    part = image[max(y0, 0) : y1, max(x0, 0) : x1].astype(np.float32)
    edges = ((max(-y0, 0), max(y1 - height, 0)), (max(-x0, 0), max(x1 - width, 0)), (0, 0))
    return Region(x0, y0, x1, y1), np.pad(part, edges, mode="reflect")


def _halve(image: Floats, size: int) -> Floats:
    """Halve an image so that filters of ``size`` taps put each pixel back in its place."""
    small = (image.shape[1] // 2, image.shape[0] // 2)
    if size % 2:
        return np.asarray(cv2.pyrDown(image, dstsize=small), np.float32)
    return np.asarray(cv2.resize(image, small, interpolation=cv2.INTER_AREA), np.float32)


def _double(image: Floats, columns: list[float], rows: list[float]) -> Floats:
    """Put zeros between the pixels and filter: a transposed convolution of stride 2."""
    height, width = image.shape[:2]
    spread = np.zeros((2 * height, 2 * width, 3), np.float32)
    spread[::2, ::2] = image
    x, y = np.array(columns[::-1], np.float32), np.array(rows[::-1], np.float32)
    anchor = (len(columns) // 2, len(rows) // 2)
    return np.asarray(cv2.sepFilter2D(spread, cv2.CV_32F, x, y, anchor=anchor), np.float32)


class _Drawn(NamedTuple):
    region: Region
    mask: Mask


def _mask(target: FaceCrop, params: ResampleForgeryParams) -> _Drawn:
    marks = target.landmarks
    check_face(marks)
    whole = params.part == "face"
    polygon = face_outline(marks, params.lift) if whole else convex_hull(marks[FEATURES])
    unit = face_width(marks)
    region = region_around(polygon, target.image.shape, 0.1 * unit)
    canvas = masks.canvas_for(region)
    unit *= canvas.scale
    mask = masks.fill(polygon, canvas)
    if not whole:
        mask = masks.dilate(mask, 0.08 * unit)
    return _Drawn(region, masks.enlarge(masks.feather(mask, params.feather * unit), canvas))
