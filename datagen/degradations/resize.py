"""Fewer pixels for a while: down by a factor and up again, with any two kernels."""

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

# The exact kind of nearest takes the middle of a block; the other its corner, which would move
# the image by half a block.
_KERNELS: dict[Kernel, int] = {
    "nearest": cv2.INTER_NEAREST_EXACT,
    "linear": cv2.INTER_LINEAR,
    "cubic": cv2.INTER_CUBIC,
    "area": cv2.INTER_AREA,
    "lanczos": cv2.INTER_LANCZOS4,
}


class ResizeOptions(Frozen):
    """How far down, and with which kernels.

    Attributes:
        factor: By which both sides are divided, 1 to 32.
        down: Kernels to choose from for the way down. All but ``area`` look at a few pixels
            only and leave jagged edges (aliases), as many programs do.
        up: Kernels to choose from for the way up.
    """

    factor: Range = (1.2, 5.0)
    down: tuple[Kernel, ...] = ("nearest", "linear", "cubic", "area", "lanczos")
    up: tuple[Kernel, ...] = ("nearest", "linear", "cubic", "area", "lanczos")

    @model_validator(mode="after")
    def _sane(self) -> ResizeOptions:
        check_ranges(self, {"factor": (1, 32)})
        for name, choices in (("down", self.down), ("up", self.up)):
            if not choices:
                raise ValueError(f"{name}: want at least one of {', '.join(_KERNELS)}")
        return self


class ResizeParams(Frozen):
    """What was drawn for one pair: the factor (1 to 32) and the kernels of both ways."""

    factor: float
    down: Kernel
    up: Kernel


class Resize(Degradation):
    """Detail lost to a smaller size; the image has its own size again afterward.

    Not albumentations' ``downscale``: that reduces by the factor itself and enlarges by the
    ratio of whole sizes, so that the far side of an image can slide by half a factor.
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
        """Resize twice; a factor that leaves the size as it is does nothing."""
        height, width = image.shape[:2]
        size = tuple(max(1, round(side / params.factor)) for side in (width, height))
        if size == (width, height):
            return image
        small = cv2.resize(image, size, interpolation=_KERNELS[params.down])
        again = cv2.resize(small, (width, height), interpolation=_KERNELS[params.up])
        return np.asarray(again, np.uint8)
