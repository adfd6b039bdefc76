"""Spectral traces of a generator's decoder, without any network."""

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
from datagen.faces.landmarks import FEATURES
from datagen.faces.pixels.blend import Region, expand, paste, region_around
from datagen.methods.base import Context, Method, Result

__all__ = ["ResampleForgery", "ResampleForgeryOptions", "ResampleForgeryParams", "Upsampling"]

Kind: TypeAlias = Literal["zero_insert", "nearest_conv", "checkerboard"]
Floats: TypeAlias = NDArray[np.float32]

# Low-pass filters whose two phases both sum to 1: they leave no trace at Nyquist.
_IDEAL = {
    3: (0.5, 1.0, 0.5),
    4: (0.25, 0.75, 0.75, 0.25),
    5: (0.125, 0.5, 0.75, 0.5, 0.125),
}
_MIN = 0.15


class ResampleForgeryOptions(Frozen):
    """Options of ``resample_forgery``.

    Attributes:
        factors: Factors by which the face may be reduced and enlarged, 2 or 4.
        kinds: Kinds of upsampling that may be drawn.
        strength: Upper bound of the difference between the two phases of the last filter, as a
            share of its gain, 0.01 to 0.3; the lower bound is 0.15 times as large.
        detail: Lower bound of the share of fine structure that is restored, 0 to 1.
    """

    factors: tuple[Literal[2, 4], ...] = Field((2, 4), min_length=1)
    kinds: tuple[Kind, ...] = Field(("zero_insert", "nearest_conv", "checkerboard"), min_length=1)
    strength: float = Field(0.06, ge=0.01, le=0.3)
    detail: float = Field(0.6, ge=0, le=1)


class Upsampling(Frozen):
    """One doubling of the size: zeros are inserted between pixels, then two filters are applied.

    Attributes:
        kind: ``zero_insert``: a low-pass filter with imperfect taps; ``nearest_conv``: pixels
            repeated, then a small filter; ``checkerboard``: a kernel size not divisible by the
            stride, so that the filter overlaps itself unevenly.
        columns, rows: Taps along x and along y, the same number of each; each sums to 2.
    """

    kind: Kind
    columns: list[float]
    rows: list[float]


class ResampleForgeryParams(Frozen):
    """Parameters of one fake.

    Attributes:
        stages: The doublings, starting at the lowest resolution.
        phase: Offset of the grid of kept pixels, x and y, in pixels.
        detail: Share of the target's own fine structure that is restored, as a good decoder
            generates its own; 0 = none.
        part: Part whose hull the mask starts from: the whole face, or brows, eyes, nose and mouth.
        lift: Height of the mask above the brows, as a share of the forehead.
        feather: Width of the soft edge, as a share of the face's width.
        shift: Translation of the control of version 1, in pixels; without effect since.
    """

    stages: list[Upsampling]
    phase: tuple[int, int]
    detail: float
    part: Literal["face", "features"]
    lift: float
    feather: float
    shift: tuple[float, float]


class ResampleForgery(Method):
    """Leave the periodic spectral traces of a generator's upsampling in the face.

    The traces are subtle: a mean change of one 8-bit intensity level already stands out in the
    spectrum at the frequencies that upsampling mirrors, and is hardly visible. Plain resizing
    leaves none of them and is a degradation.
    """

    name = "resample_forgery"
    version = 2
    family = "pseudo_fake"
    options = ResampleForgeryOptions
    params = ResampleForgeryParams
    min_change = 1.0
    paper = "Durall et al., CVPR 2020, Watch Your Up-Convolution; Frank et al., ICML 2020"

    def sample(self, rng: np.random.Generator, ctx: Context) -> ResampleForgeryParams:
        """Draw the upsampling and the mask."""
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
        """Reduce the face and enlarge it by the drawn upsampling."""
        target = ctx.target
        region, mask = _mask(target, params)
        made = _decode(target.image, region, params)
        return Result(
            paste(target.image, made, mask, region),
            expand(mask, region, target.image.shape),
            target.landmarks.copy(),
        )

    def control(self, ctx: Context, params: ResampleForgeryParams) -> Image:
        """Reduce and enlarge the face as often, by filters that leave no trace."""
        target = ctx.target
        region, mask = _mask(target, params)
        stages = [_ideal(stage) for stage in params.stages]
        made = _decode(target.image, region, params.model_copy(update={"stages": stages}))
        return paste(target.image, made, mask, region)


def _draw_stage(rng: np.random.Generator, kind: Kind, strength: float, left: int) -> Upsampling:
    """Draw the filters of a doubling that ``left`` more doublings follow."""
    sizes = {"zero_insert": (4, 5), "nearest_conv": (4, 4), "checkerboard": (3, 5)}[kind]
    size = sizes[rng.integers(2)]
    columns, rows = (_draw_taps(rng, kind, size, strength, left) for _ in range(2))
    return Upsampling(kind=kind, columns=columns, rows=rows)


def _draw_taps(
    rng: np.random.Generator, kind: Kind, size: int, strength: float, left: int
) -> list[float]:
    """Draw an imperfect low-pass filter; less imperfect in early doublings.

    Traces of an early doubling are enlarged by the later ones to visible blocks.
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


def _ideal(stage: Upsampling) -> Upsampling:
    taps = list(_IDEAL[len(stage.columns)])
    return stage.model_copy(update={"columns": taps, "rows": taps})


def _decode(image: Image, region: Region, params: ResampleForgeryParams) -> Image:
    """Reduce ``region`` and enlarge it again by the drawn upsampling."""
    window, whole = _window(image, region, params)
    small = whole
    for stage in reversed(params.stages):
        small = _halve(small, len(stage.columns))
    made = clean = small
    for stage in params.stages:
        made = _double(made, stage.columns, stage.rows)
        ideal = _ideal(stage)
        clean = _double(clean, ideal.columns, ideal.rows)
    made = made + params.detail * (whole - clean)
    left, top = region.x0 - window.x0, region.y0 - window.y0
    inner = made[top : top + region.height, left : left + region.width]
    return np.clip(np.rint(inner), 0, 255).astype(np.uint8)


def _window(image: Image, region: Region, params: ResampleForgeryParams) -> tuple[Region, Floats]:
    """Grow a region to whole cells of the coarse grid; the image is continued by reflection."""
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
    """Halve an image so that filters of ``size`` taps return each pixel to its position."""
    small = (image.shape[1] // 2, image.shape[0] // 2)
    if size % 2:
        return np.asarray(cv2.pyrDown(image, dstsize=small), np.float32)
    return np.asarray(cv2.resize(image, small, interpolation=cv2.INTER_AREA), np.float32)


def _double(image: Floats, columns: list[float], rows: list[float]) -> Floats:
    """Insert zeros between pixels and filter: a transposed convolution of stride 2."""
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
