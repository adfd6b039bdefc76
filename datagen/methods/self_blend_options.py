"""Options of ``self_blend``, and the alterations of a copy of the face."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import cv2
import numpy as np
from pydantic import AfterValidator

from datagen.core.arrays import Image
from datagen.core.fields import Range
from datagen.core.rounding import rounded
from datagen.core.schema import Frozen
from datagen.faces.part_masks import PARTS, PartName
from datagen.faces.pixels.color import color_matrix, recolor, resharpen

__all__ = ["Alteration", "SelfBlendOptions", "Side", "alter", "draw_alteration"]

Side: TypeAlias = Literal["source", "target"]
Detail: TypeAlias = Literal["sharpen", "reduce"]
Kernel: TypeAlias = Literal["area", "nearest"]

_RATIOS = (0.25, 0.5, 0.75, 1.0)


_KERNELS: dict[Kernel, int] = {"area": cv2.INTER_AREA, "nearest": cv2.INTER_NEAREST}


def _limits(low: float, high: float) -> AfterValidator:
    def check(pair: tuple[float, float]) -> tuple[float, float]:
        if pair[0] < low or pair[1] > high:
            raise ValueError(f"expected [low, high] within [{low:g}, {high:g}]")
        return pair

    return AfterValidator(check)


def _some(values: tuple[object, ...]) -> tuple[object, ...]:
    if not values:
        raise ValueError("list at least one, or leave the key out for all")
    return values


def _once(names: tuple[str, ...]) -> tuple[str, ...]:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"list each once: {', '.join(twice)} is listed more than once")
    return names


def _weights(ratios: tuple[float, ...]) -> tuple[float, ...]:
    if not set(ratios) <= set(_RATIOS):
        raise ValueError("expected a list of 0.25, 0.5, 0.75 and 1")
    return ratios


_NAMES = AfterValidator(_once)
_ANY = AfterValidator(_some)


class SelfBlendOptions(Frozen):
    """Options of ``self_blend``: parts, sides, and ranges ``[low, high]``.

    The paper names the changes; the ranges of color, sharpness and mask are chosen here. Color
    changes come in three kinds, each with probability 1/2: ``rgb``; ``hue`` with ``saturation``
    and ``value``; ``brightness`` with ``contrast``. Sharpness always changes.

    Attributes:
        parts: Parts whose hull the mask may start from. Of 100 fakes with all of them: ``face``,
            with some of the forehead, 40; ``no_forehead`` 20; ``features``, the hull of brows,
            eyes, nose and mouth, 12; ``lower_half`` 10; ``eyes``, ``nose`` and ``mouth`` 5 each;
            ``brows`` 3.
        sides: Copies that may be altered.
        ratios: Weights of the source where the mask is full, out of 0.25, 0.5, 0.75 and 1; one
            that is listed three times is drawn three times as often.
        shift_x, shift_y: Translation of the source, as a share of the face's width and height.
        scale: Scale of the source about the center of the face, log-uniform.
        rgb: Offset of each channel, in 8-bit intensity levels.
        hue: Rotation of the hue, in degrees.
        saturation, value: Factors on saturation and value.
        brightness: Offset of all channels, as a share of the full range.
        contrast: Factor on the distance from mid-gray.
        details: Whether a copy may be sharpened (``sharpen``), or reduced and enlarged again
            (``reduce``).
        sharpen: Amount of unsharp masking.
        reduce: Factor by which a copy is reduced.
        kernels: How it is reduced: ``area`` averages, ``nearest`` leaves pixels out.
        bend: Elastic deformation of the mask, as a share of the face's width; less for small
            parts, as are the next two.
        erode, blur: Standard deviations of the first and of the second Gaussian filter of the
            mask, as shares of the face's width.
    """

    parts: Annotated[tuple[PartName, ...], _ANY, _NAMES] = PARTS
    sides: Annotated[tuple[Side, ...], _ANY, _NAMES] = ("source", "target")
    ratios: Annotated[tuple[float, ...], _ANY, AfterValidator(_weights)] = (*_RATIOS, 1.0, 1.0)
    shift_x: Annotated[Range, _limits(-0.1, 0.1)] = (-0.03, 0.03)
    shift_y: Annotated[Range, _limits(-0.1, 0.1)] = (-0.015, 0.015)
    scale: Annotated[Range, _limits(0.9, 1.12)] = (0.95, 1.0526)
    rgb: Annotated[Range, _limits(-60, 60)] = (-20, 20)
    hue: Annotated[Range, _limits(-45, 45)] = (-15, 15)
    saturation: Annotated[Range, _limits(0, 2)] = (0.65, 1.35)
    value: Annotated[Range, _limits(0.5, 1.5)] = (0.8, 1.2)
    brightness: Annotated[Range, _limits(-0.3, 0.3)] = (-0.12, 0.12)
    contrast: Annotated[Range, _limits(0.5, 1.5)] = (0.85, 1.15)
    details: Annotated[tuple[Detail, ...], _ANY, _NAMES] = ("sharpen", "reduce")
    sharpen: Annotated[Range, _limits(0, 2)] = (0.2, 0.6)
    reduce: Annotated[Range, _limits(1, 8)] = (1.5, 6.0)
    kernels: Annotated[tuple[Kernel, ...], _ANY, _NAMES] = ("area", "nearest")
    bend: Annotated[Range, _limits(0, 0.1)] = (0.01, 0.05)
    erode: Annotated[Range, _limits(0, 0.06)] = (0.01, 0.04)
    blur: Annotated[Range, _limits(0.01, 0.15)] = (0.01, 0.12)


class Alteration(Frozen):
    """The difference between the two copies of the face.

    Attributes:
        rgb: Offset of each channel, in 8-bit intensity levels.
        hue: Rotation about the gray axis, in degrees.
        saturation: Factor on the distance from gray.
        value: Factor on all channels.
        contrast: Factor on the distance from mid-gray.
        brightness: Offset of all channels, as a share of the full range.
        sharpness: > 0: amount of unsharp masking; < 0: the copy is reduced by ``1 - sharpness``
            and enlarged again.
        kernel: How it is reduced.
    """

    rgb: tuple[float, float, float] = (0.0, 0.0, 0.0)
    hue: float = 0.0
    saturation: float = 1.0
    value: float = 1.0
    contrast: float = 1.0
    brightness: float = 0.0
    sharpness: float = 0.0
    kernel: Kernel = "area"


def draw_alteration(rng: np.random.Generator, given: SelfBlendOptions) -> Alteration:
    """Draw each kind of color change with probability 1/2, and one kind of sharpness."""

    def within(pair: tuple[float, float]) -> float:
        return rounded(rng.uniform(pair[0], pair[1]))

    shift, tone, light = rng.random(3) < 0.5
    drawn: dict[str, object] = {}
    if shift:
        drawn["rgb"] = (within(given.rgb), within(given.rgb), within(given.rgb))
    if tone:
        drawn |= {name: within(getattr(given, name)) for name in ("hue", "saturation", "value")}
    if light:
        drawn |= {name: within(getattr(given, name)) for name in ("contrast", "brightness")}
    kind = given.details[rng.integers(len(given.details))]
    sharpness = within(given.sharpen) if kind == "sharpen" else rounded(1 - within(given.reduce))
    if kind == "reduce":
        # one kernel alone costs no draw, so that older recipes keep their fakes
        at = rng.integers(len(given.kernels)) if len(given.kernels) > 1 else 0
        drawn["kernel"] = given.kernels[at]
    return Alteration.model_validate({**drawn, "sharpness": sharpness})


def alter(image: Image, alteration: Alteration) -> Image:
    """Return an altered copy of ``(height, width, 3)`` uint8, rounded once for all colors."""
    matrix = color_matrix(
        alteration.rgb,
        alteration.hue,
        alteration.saturation,
        alteration.contrast,
        alteration.brightness,
    )
    matrix *= np.float32(alteration.value)
    return resharpen(recolor(image, matrix), alteration.sharpness, _KERNELS[alteration.kernel])
