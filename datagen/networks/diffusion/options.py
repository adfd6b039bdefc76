"""Options of methods that run a diffusion pipeline."""

from __future__ import annotations

from typing import Annotated, Self, TypeAlias

from pydantic import AfterValidator, Field, model_validator

from datagen.core.fields import Range
from datagen.networks.diffusion.prompts import PromptOptions
from datagen.networks.options import NetworkOptions

__all__ = ["DiffusionOptions", "RepaintOptions", "Strength", "own_steps"]


def own_steps(steps: int, strength: float) -> int:
    """Return how many of ``steps`` are taken at ``strength``, counted as diffusers does.

    Its pipelines round down, so that 0.7 of 10 steps may be 6 or 7 depending on the last bit: a
    millionth is added here.
    """
    return min(int(steps * strength + 1e-6), steps)


def _is_strength(pair: tuple[float, float]) -> tuple[float, float]:
    if not 0 < pair[0] <= pair[1] <= 1:
        raise ValueError("expected [low, high] above 0 and at most 1")
    return pair


Strength: TypeAlias = Annotated[Range, AfterValidator(_is_strength)]
"""Range of the share of the noise schedule that is applied; at 1 nothing of the image is left."""


class DiffusionOptions(NetworkOptions):
    """Options of a diffusion method; ``steps`` and ``guidance`` are the same for all faces.

    A batch is one call of the pipeline, which has one schedule and one guidance scale. To vary
    them, list the method several times.

    Attributes:
        weights: Id of the weight card of the pipeline.
        steps: Number of steps of the whole schedule, of which a strength below 1 takes the last
            part; 1 to 1000.
        guidance: Scale of classifier-free guidance (Ho and Salimans, 2022), 1 to 30; 1 for none.
        prompt: Keys of the vocabulary that may be drawn.
        compile: Whether the denoiser is compiled by ``torch.compile``; only on a GPU.
    """

    weights: str = Field(min_length=1)
    steps: int = Field(default=30, ge=1, le=1000)
    guidance: float = Field(default=7.5, ge=1, le=30)
    prompt: PromptOptions = Field(default_factory=PromptOptions)
    compile: bool = False


class RepaintOptions(DiffusionOptions):
    """Options of a method that noises an image and denoises it again.

    Attributes:
        strength: Range of the share of the noise schedule that is applied, above 0 and at most 1.
    """

    strength: Strength = (0.5, 1.0)

    @model_validator(mode="after")
    def _takes_a_step(self) -> Self:
        if own_steps(self.steps, self.strength[0]) < 1:
            raise ValueError("steps x the lowest strength is below 1, so nothing would change")
        return self
