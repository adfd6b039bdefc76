"""Sharpening, as in cameras and image editors."""

from __future__ import annotations

import cv2
import numpy as np
from pydantic import model_validator

from datagen.core.arrays import Image
from datagen.core.fields import Range
from datagen.core.schema import Frozen
from datagen.degradations.base import Degradation, Shape
from datagen.degradations.ops.draws import between, check_ranges

__all__ = ["Sharpen", "SharpenOptions", "SharpenParams"]

_MIN_PIXELS = 0.6


class SharpenOptions(Frozen):
    """Options of ``sharpen``.

    Attributes:
        amount: Factor on the detail that is added, 0 to 10.
        radius: Standard deviation of the Gaussian that separates detail, as a share of the short
            side, 0.001 to 0.05, and at least 0.6 pixels.
    """

    amount: Range = (0.3, 3.0)
    radius: Range = (0.002, 0.008)

    @model_validator(mode="after")
    def _sane(self) -> SharpenOptions:
        check_ranges(self, {"amount": (0, 10), "radius": (0.001, 0.05)})
        return self


class SharpenParams(Frozen):
    """What was drawn for one pair.

    Attributes:
        amount: Factor on the detail that is added.
        radius: Standard deviation as a share of the short side.
    """

    amount: float
    radius: float


class Sharpen(Degradation):
    """Unsharp masking, with halos if overdone.

    ``unsharp_mask`` of albumentations is not used: it blurs twice in float32 and fades by a mask.
    """

    name = "sharpen"
    options = SharpenOptions
    params = SharpenParams
    levels = tuple(
        {"amount": [0.85 * amount, amount], "radius": radius}
        for amount, radius in (
            (0.4, [0.002, 0.003]),
            (0.9, [0.003, 0.004]),
            (1.8, [0.004, 0.005]),
            (3.5, [0.005, 0.006]),
            (7.0, [0.006, 0.008]),
        )
    )
    config: SharpenOptions

    def sample(self, rng: np.random.Generator, shape: Shape) -> SharpenParams:
        """Draw amount and radius."""
        draws = rng.random(2)
        return SharpenParams(
            amount=between(draws[0], self.config.amount),
            radius=between(draws[1], self.config.radius),
        )

    def apply(self, image: Image, params: SharpenParams) -> Image:
        """Add the detail that a blur removes."""
        deviation = max(params.radius * min(image.shape[:2]), _MIN_PIXELS)
        soft = cv2.GaussianBlur(image, (0, 0), deviation)
        sharp = cv2.addWeighted(image, 1 + params.amount, soft, -params.amount, 0)
        return np.asarray(sharp, np.uint8)
