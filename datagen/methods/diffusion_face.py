"""A whole face of nobody: text to image from the real's attributes, or without a prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import Field

from datagen.core.schema import Frozen
from datagen.errors import ItemError
from datagen.faces.geometry.outline import check_face
from datagen.methods.base import Context, Result
from datagen.methods.batched import BatchedMethod
from datagen.networks.diffusion.noise import draw_noise_seed, generators
from datagen.networks.diffusion.options import DiffusionOptions
from datagen.networks.diffusion.pipeline import diffusers_contract
from datagen.networks.diffusion.prompts import Prompt, compose, words
from datagen.networks.diffusion.repaint import (
    GENERATE,
    Repainted,
    image_or_error,
    network_side,
    open_generator,
    resized,
    run_facts,
    runner,
)
from datagen.networks.diffusion.settings import at_work
from datagen.weights.io_contract import Diffusers

__all__ = ["DiffusionFace", "DiffusionFaceParams"]

_UNCONDITIONAL = "DDPMPipeline"


class DiffusionFaceParams(Frozen):
    """What was drawn for one fake.

    Attributes:
        prompt: Keys of the vocabulary; ``None`` where the network takes no prompt.
        noise_seed: Of all noise that it is made from.
    """

    prompt: Prompt | None
    noise_seed: int = Field(ge=0)


class DiffusionFace(BatchedMethod):
    """An entire face that has nothing of the target's pixels: its pair by attributes alone.

    Nobody knows where the landmarks of such a face lie until an analyzer has seen it: its row has
    none, and no box and no pose. Guidance and prompt have no effect where the network takes no
    prompt.
    """

    name = "diffusion_face"
    family = "synthesis"
    options = DiffusionOptions
    params = DiffusionFaceParams
    has_control = False
    min_change = 5.0
    memory = 8.0
    paper = (
        "Rombach et al., CVPR 2022, High-Resolution Image Synthesis with Latent Diffusion Models; "
        "Ho et al., NeurIPS 2020, Denoising Diffusion Probabilistic Models"
    )
    config: DiffusionOptions

    def weight_ids(self) -> tuple[str, ...]:
        """See base class; looks at the card alone.

        Raises:
            RecipeError: The card is of something else.
        """
        diffusers_contract(self.config.weights, GENERATE)
        return (self.config.weights,)

    def open(self) -> None:
        """See base class.

        Raises:
            RecipeError: The card is of something else.
        """
        open_generator(self.config)

    def sample(self, rng: np.random.Generator, ctx: Context) -> DiffusionFaceParams:
        """Draw words that fit the target, and the noise.

        Raises:
            ItemError: ``not_adult`` where the source states an age under 18.
        """
        check_face(ctx.target.landmarks)
        prompt = compose(rng, ctx.target.age, ctx.target.sex, self.config.prompt)
        return DiffusionFaceParams(
            prompt=prompt if self._contract().conditioned else None,
            noise_seed=draw_noise_seed(rng),
        )

    def prepare(self, ctx: Context, params: DiffusionFaceParams) -> DiffusionFaceParams:
        """Take nothing of the target: the network sees no pixel of it."""
        check_face(ctx.target.landmarks)
        return params

    def run(self, prepared: Sequence[DiffusionFaceParams]) -> list[Repainted]:
        """See base class."""
        return runner(self.config, self.name)(self._denoise, prepared)

    def finish(
        self,
        ctx: Context,
        params: DiffusionFaceParams,
        prepared: DiffusionFaceParams,
        output: Repainted,
    ) -> Result:
        """Resize the face to the crop; all of it was replaced."""
        if isinstance(output, ItemError):
            raise output
        height, width = ctx.target.image.shape[:2]
        mask = np.full((height, width), 255, np.uint8)
        image = resized(output, width, height)
        return Result(image, mask, ctx.target.landmarks.copy(), placed=False)

    def run_record(self) -> Mapping[str, Any]:
        """See base class."""
        return run_facts(self.config, self.name)

    def _contract(self) -> Diffusers:
        return diffusers_contract(self.config.weights, GENERATE)

    def _denoise(self, items: list[DiffusionFaceParams]) -> list[Repainted]:
        given, contract, pipeline = self.config, self._contract(), open_generator(self.config)
        asked: dict[str, Any]
        if contract.loads == _UNCONDITIONAL:
            asked = {"batch_size": len(items)}
        else:
            side = network_side(contract)
            texts = ["" if one.prompt is None else words(one.prompt) for one in items]
            guidance = given.guidance if any(texts) else 1.0
            asked = {"prompt": texts, "guidance_scale": guidance, "height": side, "width": side}
        with at_work(given.device, given.threads):
            made = pipeline(
                **asked,
                generator=generators([one.noise_seed for one in items]),
                num_inference_steps=given.steps,
                output_type="pt",
            )
            values = made.images.float().cpu().numpy()
        flags = getattr(made, "nsfw_content_detected", None) or [False] * len(items)
        return [image_or_error(one, flag) for one, flag in zip(values, flags, strict=True)]
