"""Dropped and duplicated frames, as in a call or a stream over a bad connection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np
from pydantic import model_validator

from datagen.core.arrays import Image
from datagen.core.fields import IntRange, Range
from datagen.core.schema import Frozen
from datagen.degradations.base import Degradation, Shape
from datagen.degradations.ops.draws import between, check_ranges, pick

__all__ = ["FrameDrops", "FrameDropsOptions", "FrameDropsParams"]

Kind: TypeAlias = Literal["lost", "late"]


class FrameDropsOptions(Frozen):
    """Options of ``frame_drops``.

    Attributes:
        kinds: Kinds to draw from with equal probability: ``lost`` frames never arrive, and the last
            one stays; ``late`` ones are waited for, and are made up for by leaving out as many.
        gaps: Probability that a gap starts at a frame, 0 to 0.5.
        length: Length of a gap in frames, 1 to 12.
    """

    kinds: tuple[Kind, ...] = ("lost", "late")
    gaps: Range = (0.03, 0.2)
    length: IntRange = (1, 3)

    @model_validator(mode="after")
    def _sane(self) -> FrameDropsOptions:
        check_ranges(self, {"gaps": (0, 0.5), "length": (1, 12)})
        if not self.kinds:
            raise ValueError("kinds: must have at least one of lost, late")
        return self


class FrameDropsParams(Frozen):
    """What was drawn for one pair.

    Attributes:
        kind: ``lost`` or ``late``.
        gaps: Probability that a gap starts at a frame.
        length: Shortest and longest gap in frames.
        seed: Seed of the gaps.
    """

    kind: Kind
    gaps: float
    length: tuple[int, int]
    seed: int


class FrameDrops(Degradation):
    """Drop and repeat single frames of a clip; real, control and fake lose the same ones."""

    name = "frame_drops"
    options = FrameDropsOptions
    params = FrameDropsParams
    levels = tuple(
        {"gaps": gaps, "length": length}
        for gaps, length in (
            ([0.03, 0.05], 1),
            ([0.08, 0.1], [1, 2]),
            ([0.14, 0.17], [1, 2]),
            ([0.2, 0.24], [1, 3]),
            ([0.28, 0.34], [2, 4]),
        )
    )
    clips_only = True
    config: FrameDropsOptions

    def sample(self, rng: np.random.Generator, shape: Shape) -> FrameDropsParams:
        """Draw kind, probability and a seed."""
        draws = rng.random(2)
        return FrameDropsParams(
            kind=pick(draws[0], self.config.kinds),
            gaps=between(draws[1], self.config.gaps),
            length=self.config.length,
            seed=int(rng.integers(2**32)),
        )

    def apply(self, image: Image, params: FrameDropsParams) -> Image:
        """Return the image: a single frame has no gaps."""
        return image

    def apply_clips(
        self, clips: Sequence[Sequence[Image]], params: FrameDropsParams
    ) -> list[list[Image]]:
        """Repeat and leave out frames."""
        shown = self.shown(params, len(clips[0]))
        return [[clip[number] for number in shown] for clip in clips]

    def shown(self, params: FrameDropsParams, count: int) -> list[int]:
        """Return for each position the frame that is there; the first one always is."""
        draws = np.random.Generator(np.random.Philox(params.seed)).random((count, 2))
        low, high = params.length
        shown, stays, behind = [0], 0, 0
        for number in range(1, count):
            if stays == 0 and behind == 0 and draws[number, 0] < params.gaps:
                stays = low + int(draws[number, 1] * (high - low + 1))
            elif stays == 0 and behind and draws[number, 0] < 0.5:
                behind = 0  # left out as many as it was late
            if stays:
                stays -= 1
                behind += params.kind == "late"
                shown.append(shown[-1])
            else:
                shown.append(number - behind)
        return shown
