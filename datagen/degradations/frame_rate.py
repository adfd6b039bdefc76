"""Frame-rate conversion: to a lower rate, and back by repeating frames."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from pydantic import model_validator

from datagen.core.arrays import Image
from datagen.core.fields import Range
from datagen.core.schema import Frozen
from datagen.degradations.base import Degradation, Shape
from datagen.degradations.ops.draws import between, check_ranges

__all__ = ["FrameRate", "FrameRateOptions", "FrameRateParams"]


class FrameRateOptions(Frozen):
    """Options of ``frame_rate``.

    Attributes:
        factor: Factor by which the rate is divided, 1 to 8: 25 frames per second divided by 2.5
            are 10.
    """

    factor: Range = (1.2, 4.0)

    @model_validator(mode="after")
    def _sane(self) -> FrameRateOptions:
        check_ranges(self, {"factor": (1, 8)})
        return self


class FrameRateParams(Frozen):
    """What was drawn for one pair.

    Attributes:
        factor: Factor by which the rate is divided.
        phase: Position of the first frame between two of the lower rate, 0 to 1.
    """

    factor: float
    phase: float


class FrameRate(Degradation):
    """Show a clip at a lower frame rate: frames are left out and others repeated, none is mixed."""

    name = "frame_rate"
    options = FrameRateOptions
    params = FrameRateParams
    levels = tuple(
        {"factor": factor}
        for factor in ([1.2, 1.3], [1.5, 1.7], [2.0, 2.2], [2.8, 3.2], [4.0, 5.0])
    )
    clips_only = True
    config: FrameRateOptions

    def sample(self, rng: np.random.Generator, shape: Shape) -> FrameRateParams:
        """Draw factor and phase."""
        draws = rng.random(2)
        return FrameRateParams(
            factor=between(draws[0], self.config.factor), phase=between(draws[1], (0.0, 1.0))
        )

    def apply(self, image: Image, params: FrameRateParams) -> Image:
        """Return the image: a single frame has no rate."""
        return image

    def apply_clips(
        self, clips: Sequence[Sequence[Image]], params: FrameRateParams
    ) -> list[list[Image]]:
        """Repeat frames."""
        shown = self.shown(params, len(clips[0]))
        return [[clip[number] for number in shown] for clip in clips]

    def shown(self, params: FrameRateParams, count: int) -> list[int]:
        """Return for each position the newest frame that the lower rate has by then."""
        ticks = (math.floor(number / params.factor + params.phase) for number in range(count))
        times = (math.ceil((tick - params.phase) * params.factor - 1e-9) for tick in ticks)
        return [max(0, time) for time in times]
