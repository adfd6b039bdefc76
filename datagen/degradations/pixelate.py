"""Pixelation: down- and upsampling by a whole factor."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from pydantic import model_validator

from datagen.core.arrays import Image
from datagen.core.fields import IntRange
from datagen.core.schema import Frozen
from datagen.degradations.base import Degradation, Shape
from datagen.degradations.ops.draws import check_ranges, pick, whole

__all__ = ["Pixelate", "PixelateOptions", "PixelateParams"]


class PixelateOptions(Frozen):
    """Options of ``pixelate``.

    Attributes:
        factor: Side length of a block in pixels, 2 to 64.
        up: Upsampling kernels to draw from: ``nearest`` shows the blocks, ``linear`` smooths them.
    """

    factor: IntRange = (2, 8)
    up: tuple[Literal["nearest", "linear"], ...] = ("nearest", "linear")

    @model_validator(mode="after")
    def _sane(self) -> PixelateOptions:
        check_ranges(self, {"factor": (2, 64)})
        if not self.up:
            raise ValueError("up: must have at least one of nearest, linear")
        return self


class PixelateParams(Frozen):
    """What was drawn for one pair.

    Attributes:
        factor: Side length of a block in pixels, 2 to 64.
        up: Upsampling kernel.
    """

    factor: int
    up: Literal["nearest", "linear"]


class Pixelate(Degradation):
    """Pixelation from point samples: pixels between the samples are ignored.

    The levels are what DeeperForensics-1.0 (Jiang et al., CVPR 2020) calls "JPEG": both sides
    divided by 2, 3, 4, 5 or 6 and rounded down, ``cv2.resize`` with its default (bilinear)
    kernel, and back in the same way. No JPEG encoder is involved.
    """

    name = "pixelate"
    options = PixelateOptions
    params = PixelateParams
    levels = tuple({"factor": factor, "up": ["linear"]} for factor in (2, 3, 4, 5, 6))
    config: PixelateOptions

    def sample(self, rng: np.random.Generator, shape: Shape) -> PixelateParams:
        """Draw factor and kernel."""
        draws = rng.random(2).tolist()
        return PixelateParams(
            factor=whole(draws[0], self.config.factor), up=pick(draws[1], self.config.up)
        )

    def apply(self, image: Image, params: PixelateParams) -> Image:
        """Downsample with a bilinear kernel, then upsample."""
        height, width = image.shape[:2]
        size = (max(1, width // params.factor), max(1, height // params.factor))
        small = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
        kernel = cv2.INTER_LINEAR if params.up == "linear" else cv2.INTER_NEAREST_EXACT
        return np.asarray(cv2.resize(small, (width, height), interpolation=kernel), np.uint8)
