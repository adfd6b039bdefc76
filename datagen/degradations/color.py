"""Color and tone: white balance, saturation, contrast, gamma, posterization, grayscale."""

from __future__ import annotations

from typing import Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from datagen.core.arrays import Image
from datagen.core.fields import IntRange, Range
from datagen.core.schema import Frozen
from datagen.degradations.base import Degradation, Shape
from datagen.degradations.ops.draws import between, check_ranges, whole
from datagen.degradations.ops.white_balance import LUMA, balance

__all__ = ["Color", "ColorOptions", "ColorParams"]

Pivot: TypeAlias = Literal["middle", "black"]

_BOUNDS: dict[str, tuple[float, float]] = {
    "temperature": (-100, 200),
    "tint": (-0.5, 0.5),
    "saturation": (0, 4),
    "contrast": (0, 4),
    "gamma": (0.1, 5),
    "posterize": (1, 8),
    "gray": (0, 1),
}
# Range and probability of each operation if a recipe names none.
_USUAL: dict[str, tuple[tuple[float, float], float]] = {
    "temperature": ((-50, 90), 0.5),
    "tint": ((-0.12, 0.12), 0.5),
    "saturation": ((0.3, 1.6), 0.5),
    "contrast": ((0.5, 1.5), 0.5),
    "gamma": ((0.55, 1.7), 0.5),
    "posterize": ((3, 5), 0.05),
    "gray": ((1, 1), 0.08),
}
_NEUTRAL = {"temperature": 0.0, "tint": 0.0, "saturation": 1.0, "contrast": 1.0, "gamma": 1.0}


class ColorOptions(Frozen):
    """Options of ``color``.

    The named operations are applied to every pair, and no others. If none is named, each of the
    first five is applied to half of the pairs, within typical ranges, and few pairs are posterized
    (0.05) or made gray (0.08).

    Attributes:
        temperature: Shift of the color temperature toward warm, in mired from daylight (154
            mired, 6504 K), -100 to 200: 96 looks like 4000 K to a camera set to daylight.
        tint: Shift toward magenta (> 0) or green (< 0), as a power of two on green, -0.5 to 0.5.
        saturation: Factor on both color differences of YCbCr (BT.601), 0 to 4.
        contrast: Factor on the distance from the pivot, 0 to 4.
        pivot: Fixed point of ``contrast``: level 128 (``middle``), or ``black``, so that the image
            gets darker or brighter.
        gamma: Exponent on values from 0 to 1, 0.1 to 5; above 1 darkens.
        posterize: Number of bits kept per channel, 1 to 8 (all).
        gray: Share of the pairs that lose all color, 0 to 1.
    """

    temperature: Range | None = None
    tint: Range | None = None
    saturation: Range | None = None
    contrast: Range | None = None
    pivot: Pivot = "middle"
    gamma: Range | None = None
    posterize: IntRange | None = None
    gray: float | None = None

    @model_validator(mode="after")
    def _sane(self) -> ColorOptions:
        given = {name: span for name, span in _BOUNDS.items() if getattr(self, name) is not None}
        if self.gray is not None and not 0 <= self.gray <= 1:
            raise ValueError("gray: must be a share from 0 to 1")
        given.pop("gray", None)
        check_ranges(self, given)
        return self


class ColorParams(Frozen):
    """What was drawn for one pair, in the units of the options.

    Attributes:
        temperature, tint: Shifts of the white balance; 0 for none.
        saturation: Factor; 1 for none, 0 for gray.
        contrast, gamma: Factor and exponent; 1 for none.
        pivot: Fixed point of ``contrast``.
        bits: Number of bits kept per channel; 8 for all.
    """

    temperature: float
    tint: float
    saturation: float
    contrast: float
    pivot: Pivot
    gamma: float
    bits: int


class Color(Degradation):
    """White balance, then saturation, then contrast, gamma and posterization.

    CS of DeeperForensics-1.0 (Jiang et al., CVPR 2020) is ``saturation`` .4, .3, .2, .1 or 0. Its
    "contrast" CC is a factor on all values: ``contrast`` .85, .725, .6, .475 or .35 with
    ``pivot: black``. Both are rounded here, where that code truncates. No operation depends on the
    image, because a mean would differ between the images of a pair.
    """

    name = "color"
    options = ColorOptions
    params = ColorParams
    levels = tuple(
        {
            "temperature": [-cold, warm],
            "tint": [-tint, tint],
            "saturation": saturation,
            "contrast": contrast,
            "gamma": gamma,
        }
        for cold, warm, tint, saturation, contrast, gamma in (
            (8, 12, 0.02, [0.88, 0.95], [0.92, 0.96], [1.03, 1.06]),
            (16, 25, 0.05, [0.75, 0.82], [0.82, 0.87], [1.1, 1.16]),
            (28, 45, 0.08, [0.6, 0.68], [0.68, 0.74], [1.22, 1.3]),
            (40, 80, 0.12, [0.45, 0.52], [0.54, 0.6], [1.4, 1.5]),
            (60, 150, 0.2, [0.25, 0.35], [0.38, 0.44], [1.65, 1.8]),
        )
    )
    tints = True
    config: ColorOptions

    def sample(self, rng: np.random.Generator, shape: Shape) -> ColorParams:
        """Draw for each operation whether it is applied, and how strongly."""
        amounts, chances = rng.random(len(_USUAL)), rng.random(len(_USUAL))
        given = {name: getattr(self.config, name) for name in _USUAL}
        free = all(value is None for value in given.values())
        spans: dict[str, tuple[float, float]] = {}
        chance = {}
        for name, (usual, odds) in _USUAL.items():
            value = given[name]
            if free:
                spans[name], chance[name] = usual, odds
            elif name == "gray":
                spans[name], chance[name] = (1, 1), value or 0.0
            elif value is not None:
                spans[name], chance[name] = value, 1.0
        done: dict[str, float] = dict(_NEUTRAL)
        bits = 8
        for name, amount, draw in zip(_USUAL, amounts, chances, strict=True):
            if name not in spans or draw >= chance[name]:
                continue
            if name == "gray":
                done["saturation"] = 0.0
            elif name == "posterize":
                bits = whole(amount, (int(spans[name][0]), int(spans[name][1])))
            else:
                done[name] = between(amount, spans[name])
        return ColorParams(pivot=self.config.pivot, bits=bits, **done)

    def apply(self, image: Image, params: ColorParams) -> Image:
        """Apply white balance, saturation and tone curve through tables and a color matrix."""
        table = balance(params.temperature, params.tint)
        tone = _tone(params)
        if params.saturation == 1:
            return np.asarray(cv2.LUT(image, tone[table]), np.uint8)
        if params.temperature or params.tint:
            image = np.asarray(cv2.LUT(image, table), np.uint8)
        matrix = params.saturation * np.eye(3) + (1 - params.saturation) * LUMA
        image = np.asarray(cv2.transform(image, matrix.astype(np.float32)), np.uint8)
        return np.asarray(cv2.LUT(image, tone), np.uint8)


def _tone(params: ColorParams) -> NDArray[np.uint8]:
    """Return contrast, gamma and posterization as one table of 256 values."""
    pivot = 128 if params.pivot == "middle" else 0
    values = np.clip((np.arange(256) - pivot) * params.contrast + pivot, 0, 255)
    values = np.rint(255 * (values / 255) ** params.gamma).astype(np.uint8)
    return np.asarray(values & (256 - (1 << (8 - params.bits))), np.uint8)
