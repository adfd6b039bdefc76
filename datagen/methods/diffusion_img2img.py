"""The whole image sent part of the way to noise and back by a diffusion network (SDEdit)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import Field, model_validator

from datagen.core.rounding import rounded
from datagen.core.schema import Frozen
from datagen.errors import ItemError
from datagen.faces.geometry.outline import check_face
from datagen.methods.base import Context, Result
from datagen.methods.batched import BatchedMethod
from datagen.networks.diffusion.noise import draw_noise_seed
from datagen.networks.diffusion.options import DiffusionOptions, Strength, own_steps
from datagen.networks.diffusion.pipeline import diffusers_contract
from datagen.networks.diffusion.prompts import Prompt, compose, words
from datagen.networks.diffusion.repaint import (
    IMAGE_TO_IMAGE,
    Repainted,
    Request,
    network_side,
    open_repainter,
    repaint,
    resized,
    run_facts,
    runner,
)

__all__ = ["DiffusionImg2Img", "DiffusionImg2ImgOptions", "DiffusionImg2ImgParams"]


class DiffusionImg2ImgOptions(DiffusionOptions):
    """What a recipe may set.

    Attributes:
        strength: Drawn for each face; from about 0.6 on the face becomes another one.
    """

    strength: Strength = (0.2, 0.5)

    @model_validator(mode="after")
    def _some_of_each(self) -> DiffusionImg2ImgOptions:
        if own_steps(self.steps, self.strength[0]) < 1:
            raise ValueError("steps x the lowest strength is below 1: nothing would change")
        if self.strength[1] >= 1:
            raise ValueError(
                "strength: at 1 nothing of the image is left; use diffusion_face for that"
            )
        return self


class DiffusionImg2ImgParams(Frozen):
    """What was drawn for one fake.

    Attributes:
        strength: Share of the way to noise.
        prompt: Keys of the vocabulary; ``None`` where the network takes no prompt.
        noise_seed: Of the noise.
    """

    strength: float = Field(gt=0, le=1)
    prompt: Prompt | None
    noise_seed: int = Field(ge=0)


class DiffusionImg2Img(BatchedMethod):
    """The same face again, made by a diffusion network from its noised image.

    A network without a prompt (``DDPMPipeline``) works on pixels, as in the paper. The landmarks
    of the fake are those of the target: the network answers with pixels alone.
    """

    name = "diffusion_img2img"
    family = "reconstruction"
    options = DiffusionImg2ImgOptions
    params = DiffusionImg2ImgParams
    has_control = False
    min_change = 2.0
    memory = 8.0
    paper = (
        "Meng et al., ICLR 2022, SDEdit: Guided Image Synthesis and Editing with Stochastic "
        "Differential Equations"
    )
    config: DiffusionImg2ImgOptions

    def weight_ids(self) -> tuple[str, ...]:
        """See base class; looks at the card alone.

        Raises:
            RecipeError: The card is of something else.
        """
        diffusers_contract(self.config.weights, IMAGE_TO_IMAGE)
        return (self.config.weights,)

    def open(self) -> None:
        """See base class."""
        open_repainter(self.config, "Img2Img")

    def sample(self, rng: np.random.Generator, ctx: Context) -> DiffusionImg2ImgParams:
        """Draw how strongly, the words and the noise."""
        face, config = ctx.target, self.config
        check_face(face.landmarks)
        contract = diffusers_contract(config.weights, IMAGE_TO_IMAGE)
        prompt = compose(rng, face.age, face.sex, config.prompt)
        return DiffusionImg2ImgParams(
            strength=rounded(rng.uniform(*config.strength)),
            prompt=prompt if contract.conditioned else None,
            noise_seed=draw_noise_seed(rng),
        )

    def prepare(self, ctx: Context, params: DiffusionImg2ImgParams) -> Request:
        """See base class."""
        check_face(ctx.target.landmarks)
        side = network_side(diffusers_contract(self.config.weights, IMAGE_TO_IMAGE))
        text = "" if params.prompt is None else words(params.prompt)
        image = resized(ctx.target.image, side, side)
        return Request(image, None, text, params.noise_seed, params.strength)

    def run(self, prepared: Sequence[Request]) -> list[Repainted]:
        """See base class."""
        pipeline, config = open_repainter(self.config, "Img2Img"), self.config

        def network(requests: list[Request]) -> list[Repainted]:
            return repaint(pipeline, requests, config, config.strength[1])

        return runner(config, self.name)(network, prepared)

    def finish(
        self, ctx: Context, params: DiffusionImg2ImgParams, prepared: Request, output: Repainted
    ) -> Result:
        """See base class."""
        if isinstance(output, ItemError):
            raise output
        target = ctx.target
        height, width = target.image.shape[:2]
        mask = np.full((height, width), 255, np.uint8)
        return Result(resized(output, width, height), mask, target.landmarks.copy())

    def run_record(self) -> Mapping[str, Any]:
        """See base class."""
        return run_facts(self.config, self.name)
