"""Common base of methods that run a diffusion pipeline from a weight card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from datagen.methods.batched import BatchedMethod
from datagen.networks.diffusion.images import ImageOrError, network_side
from datagen.networks.diffusion.open import (
    Mode,
    open_repainter,
    run_facts,
    runner,
)
from datagen.networks.diffusion.options import DiffusionOptions, RepaintOptions
from datagen.networks.diffusion.pipeline import diffusers_contract
from datagen.networks.diffusion.repaint import Request, repaint
from datagen.weights import Diffusers

__all__ = ["DiffusionMethod", "RepaintMethod"]


class DiffusionMethod(BatchedMethod):
    """A method with the pipeline of one card.

    Attributes:
        kinds: Values of ``diffusers.loads`` that the method can use.
    """

    memory: ClassVar[float] = 8.0
    kinds: ClassVar[tuple[str, ...]]
    config: DiffusionOptions

    def weight_ids(self) -> tuple[str, ...]:
        """See base class; reads only the card.

        Raises:
            RecipeError: The card's pipeline is of another kind.
        """
        self._contract()
        return (self.config.weights,)

    def run_record(self) -> Mapping[str, Any]:
        """See base class."""
        return run_facts(self.config, self.name)

    def _contract(self) -> Diffusers:
        return diffusers_contract(self.config.weights, self.kinds)

    def _side(self) -> int:
        return network_side(self._contract())


class RepaintMethod(DiffusionMethod):
    """A method that noises an image up to a drawn strength and denoises it again.

    Attributes:
        mode: Whether all of the image is repainted or what a mask covers.
    """

    mode: ClassVar[Mode]
    config: RepaintOptions

    def open(self) -> None:
        """See base class."""
        open_repainter(self.config, self.mode)

    def _repaint(self, requests: Sequence[Request]) -> list[ImageOrError]:
        pipeline, config = open_repainter(self.config, self.mode), self.config

        def network(batch: list[Request]) -> list[ImageOrError]:
            return repaint(pipeline, batch, config, config.strength[1])

        return runner(config, self.name)(network, requests)
