"""A whole face of nobody: text to image from the real's attributes, or without a prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import Field

from datagen.errors import ItemError, WeightsError
from datagen.faces import hull
from datagen.faces.expression import NEUTRAL
from datagen.faces.warp import move_points, similarity
from datagen.methods.base import Context, Result
from datagen.methods.batched import BatchedMethod
from datagen.model import Frozen
from datagen.networks.align import TEMPLATES, five_points
from datagen.networks.diffusion import diffusers_contract, open_pipeline
from datagen.networks.diffusion_options import DiffusionOptions
from datagen.networks.diffusion_repaint import (
    Repainted,
    network_side,
    picture_or_error,
    resized,
    runner,
)
from datagen.networks.diffusion_settings import at_work
from datagen.networks.noise import draw_noise_seed, generators
from datagen.networks.prompts import Prompt, compose, words
from datagen.types import Landmarks
from datagen.weights.contract import Diffusers, Template

__all__ = ["DiffusionFace", "DiffusionFaceOptions", "DiffusionFaceParams"]

_UNCONDITIONAL = "DDPMPipeline"
_KINDS = ("StableDiffusionPipeline", "StableDiffusionXLPipeline", _UNCONDITIONAL)


class DiffusionFaceOptions(DiffusionOptions):
    """What a recipe may set; guidance and prompt have no effect where the network takes no prompt.

    Attributes:
        alignment: Where the network was taught that faces lie; the fake's landmarks are those of
            a mean face there.
    """

    alignment: Template = "ffhq_512"


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

    Nobody knows where the landmarks of such a face lie until an analyser has seen it. What is
    told is the mean face in the network's alignment: near for a network of aligned faces, no more
    than a guess for a text-to-image network.
    """

    name = "diffusion_face"
    family = "synthesis"
    options = DiffusionFaceOptions
    params = DiffusionFaceParams
    has_control = False
    min_change = 5.0
    memory = 8.0
    paper = (
        "Rombach et al., CVPR 2022, High-Resolution Image Synthesis with Latent Diffusion Models; "
        "Ho et al., NeurIPS 2020, Denoising Diffusion Probabilistic Models"
    )
    config: DiffusionFaceOptions

    def weight_ids(self) -> tuple[str, ...]:
        """See base class."""
        return (self.config.weights,)

    def open(self) -> None:
        """See base class.

        Raises:
            RecipeError: The card is of something else.
        """
        contract, unet = self._contract(), self._pipeline().unet
        channels = 3 if contract.loads == _UNCONDITIONAL else 4
        if unet.config["in_channels"] != channels:
            raise WeightsError(
                f"card {self.config.weights!r}: its denoiser takes {unet.config['in_channels']} "
                f"channels, a face from noise wants {channels}. Correct the card's diffusers.loads "
                "or its 'file'"
            )

    def sample(self, rng: np.random.Generator, ctx: Context) -> DiffusionFaceParams:
        """Draw words that fit the target, and the noise.

        Raises:
            ItemError: ``not_adult`` where the source states an age under 18.
        """
        hull.check_face(ctx.target.landmarks)
        prompt = compose(rng, ctx.target.age, ctx.target.sex, self.config.prompt)
        return DiffusionFaceParams(
            prompt=prompt if self._contract().conditioned else None,
            noise_seed=draw_noise_seed(rng),
        )

    def prepare(self, ctx: Context, params: DiffusionFaceParams) -> DiffusionFaceParams:
        """Take nothing of the target: the network sees no pixel of it."""
        hull.check_face(ctx.target.landmarks)
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
        marks = _mean_face(self.config.alignment, width, height)
        return Result(resized(output, width, height), mask, marks)

    def run_record(self) -> Mapping[str, Any]:
        """See base class."""
        return {**super().run_record(), "batch": runner(self.config, self.name).size}

    def _contract(self) -> Diffusers:
        return diffusers_contract(self.config.weights, _KINDS)

    def _pipeline(self) -> Any:
        given = self.config
        pipeline = open_pipeline(given.weights, given.device, given.precision, given.compile)
        if getattr(pipeline, "watermark", None) is not None:
            # It would be a shortcut: it is on every fake and on no real.
            pipeline.watermark = None
        return pipeline

    def _denoise(self, items: list[DiffusionFaceParams]) -> list[Repainted]:
        given, contract, pipeline = self.config, self._contract(), self._pipeline()
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
        return [picture_or_error(one, flag) for one, flag in zip(values, flags, strict=True)]


def _mean_face(alignment: Template, width: int, height: int) -> Landmarks:
    face = NEUTRAL.astype(np.float32)
    placed = move_points(face, similarity(five_points(face), TEMPLATES[alignment]))
    # From shares of the side to centres of pixels.
    return np.asarray(placed * [width, height] - 0.5, np.float32)
