"""What a recipe may set of any method that runs a diffusion pipeline."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field

from datagen.core.fields import Range
from datagen.networks.diffusion.prompts import PromptOptions
from datagen.networks.options import NetworkOptions

__all__ = ["DiffusionOptions", "Strength", "own_steps"]


def own_steps(steps: int, strength: float) -> int:
    """Return how many of ``steps`` are gone at ``strength``, as the pipelines of diffusers count.

    They round down, so that 0.7 of 10 steps is 6 for one float and 7 for the next: a millionth is
    added here.
    """
    return min(int(steps * strength + 1e-6), steps)


def _is_strength(pair: tuple[float, float]) -> tuple[float, float]:
    if not 0 < pair[0] <= pair[1] <= 1:
        raise ValueError(f"want [low, high] above 0 and up to 1, found {list(pair)}")
    return pair


Strength: TypeAlias = Annotated[Range, AfterValidator(_is_strength)]
"""``[low, high]``: share of the way from the image to noise; 1: nothing of it is left."""


class DiffusionOptions(NetworkOptions):
    """Options of a diffusion method; ``steps`` and ``guidance`` hold for all of its faces.

    One call of a pipeline has one schedule and one guidance, and a batch is one call. For several,
    list the method several times.

    Attributes:
        weights: Id of the card of its pipeline.
        steps: Of the whole schedule, of which a strength below 1 goes the last part.
        guidance: Scale of classifier-free guidance (Ho and Salimans, 2022); 1: none.
        prompt: Which keys of the vocabulary may be drawn.
        compile: Whether ``torch.compile`` goes over the denoiser; on a GPU alone.
    """

    weights: str = Field(min_length=1)
    steps: int = Field(default=30, ge=1, le=1000)
    guidance: float = Field(default=7.5, ge=1, le=30)
    prompt: PromptOptions = Field(default_factory=PromptOptions)
    compile: bool = False
