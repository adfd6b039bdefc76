"""Resolution loss: down- and upsampling by a factor, with any two kernels."""

from __future__ import annotations

from typing import Literal, TypeAlias

import cv2
import numpy as np
from pydantic import model_validator

from datagen.core.arrays import Image
from datagen.core.fields import Range
from datagen.core.schema import Frozen
from datagen.degradations.base import Degradation, Shape
from datagen.degradations.ops.draws import check_ranges, pick

__all__ = ["Kernel", "Resize", "ResizeOptions", "ResizeParams"]

Kernel: TypeAlias = Literal["nearest", "linear", "cubic", "area", "lanczos"]

# INTER_NEAREST_EXACT samples the center of a block; INTER_NEAREST samples its corner, which would
# move the image by half a block.
_KERNELS: dict[Kernel, int] = {
    "nearest": cv2.INTER_NEAREST_EXACT,
    "linear": cv2.INTER_LINEAR,
    "cubic": cv2.INTER_CUBIC,
    "area": cv2.INTER_AREA,
    "lanczos": cv2.INTER_LANCZOS4,
}


class ResizeOptions(Frozen):
    """Options of ``resize``.

    Attributes:
        factor: Factor by which both sides are divided, 1 to 32.
        down: Downsampling kernels to draw from. All except ``area`` use only a few pixels and
            cause aliasing, as many programs do.
        up: Upsampling kernels to draw from.
    """

    factor: Range = (1.2, 5.0)
    down: tuple[Kernel, ...] = ("nearest", "linear", "cubic", "area", "lanczos")
    up: tuple[Kernel, ...] = ("nearest", "linear", "cubic", "area", "lanczos")

    @model_validator(mode="after")
    def _sane(self) -> ResizeOptions:
        check_ranges(self, {"factor": (1, 32)})
        for name, choices in (("down", self.down), ("up", self.up)):
            if not choices:
                raise ValueError(f"{name}: must have at least one of {', '.join(_KERNELS)}")
        return self


class ResizeParams(Frozen):
    """What was drawn for one pair.

    Attributes:
        factor: Factor by which both sides are divided, 1 to 32.
        down: Downsampling kernel.
        up: Upsampling kernel.
    """

    factor: float
    down: Kernel
    up: Kernel


class Resize(Degradation):
    """Downsample and upsample to the original size, which loses detail.

    ``downscale`` of albumentations is not used: it reduces by the factor itself and enlarges by
    the ratio of whole sizes, so the far side of an image can move by half a factor.
    """

    name = "resize"
    options = ResizeOptions
    params = ResizeParams
    levels = tuple(
        {"factor": factor, "down": ["area"], "up": ["linear", "cubic", "lanczos"]}
        for factor in ([1.3, 1.5], [1.9, 2.2], [2.8, 3.3], [4.4, 5.0], [7.0, 8.0])
    )
    config: ResizeOptions

    def sample(self, rng: np.random.Generator, shape: Shape) -> ResizeParams:
        """Draw factor and kernels."""
        draws = rng.random(3).tolist()
        low, high = self.config.factor
        return ResizeParams(
            factor=round(low + draws[0] * (high - low), 6),
            down=pick(draws[1], self.config.down),
            up=pick(draws[2], self.config.up),
        )

    def apply(self, image: Image, params: ResizeParams) -> Image:
        """Resize twice; a factor that does not change the size has no effect."""
        height, width = image.shape[:2]
        size = tuple(max(1, round(side / params.factor)) for side in (width, height))
        if size == (width, height):
            return image
        small = cv2.resize(image, size, interpolation=_KERNELS[params.down])
        again = cv2.resize(small, (width, height), interpolation=_KERNELS[params.up])
        return np.asarray(again, np.uint8)
