"""Synthesis of a whole face by a diffusion network: text to image, or unconditional."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import Field

from datagen.core.schema import Frozen
from datagen.errors import ItemError
from datagen.faces.geometry.outline import check_face
from datagen.methods.base import Context, Result
from datagen.methods.diffusion_base import DiffusionMethod
from datagen.networks.diffusion.images import ImageOrError, checked_image, resized
from datagen.networks.diffusion.noise import draw_noise_seed, generators
from datagen.networks.diffusion.open import GENERATE, UNCONDITIONAL, open_generator, runner
from datagen.networks.diffusion.options import DiffusionOptions
from datagen.networks.diffusion.prompts import Prompt, compose, words
from datagen.networks.diffusion.settings import at_work

__all__ = ["DiffusionFace", "DiffusionFaceParams"]


class DiffusionFaceParams(Frozen):
    """Parameters of one fake.

    Attributes:
        prompt: Keys of the vocabulary; ``None`` if the network takes no prompt.
        noise_seed: Seed of the noise that the face is made from.
    """

    prompt: Prompt | None
    noise_seed: int = Field(ge=0)


class DiffusionFace(DiffusionMethod):
    """Generate a whole face that shares only attributes with the target, and none of its pixels.

    The landmarks of such a face are unknown, so its row has no landmarks, box or pose. Guidance
    and prompt have no effect if the network takes no prompt.
    """

    name = "diffusion_face"
    family = "synthesis"
    options = DiffusionOptions
    params = DiffusionFaceParams
    has_control = False
    min_change = 5.0
    kinds = GENERATE
    paper = (
        "Rombach et al., CVPR 2022, High-Resolution Image Synthesis with Latent Diffusion Models; "
        "Ho et al., NeurIPS 2020, Denoising Diffusion Probabilistic Models"
    )
    config: DiffusionOptions

    def open(self) -> None:
        """See base class.

        Raises:
            RecipeError: The card's pipeline is of another kind.
        """
        open_generator(self.config)

    def sample(self, rng: np.random.Generator, ctx: Context) -> DiffusionFaceParams:
        """Draw a prompt with the target's attributes, and the noise.

        Raises:
            ItemError: ``not_adult`` if the source states an age under 18.
        """
        check_face(ctx.target.landmarks)
        prompt = compose(rng, ctx.target.age, ctx.target.sex, self.config.prompt)
        return DiffusionFaceParams(
            prompt=prompt if self._contract().conditioned else None,
            noise_seed=draw_noise_seed(rng),
        )

    def prepare(self, ctx: Context, params: DiffusionFaceParams) -> DiffusionFaceParams:
        """Return the params: the network sees no pixel of the target."""
        check_face(ctx.target.landmarks)
        return params

    def run(self, prepared: Sequence[DiffusionFaceParams]) -> list[ImageOrError]:
        """See base class."""
        return runner(self.config, self.name)(self._denoise, prepared)

    def finish(
        self,
        ctx: Context,
        params: DiffusionFaceParams,
        prepared: DiffusionFaceParams,
        output: ImageOrError,
    ) -> Result:
        """Resize the face to the crop; the mask is full."""
        if isinstance(output, ItemError):
            raise output
        height, width = ctx.target.image.shape[:2]
        mask = np.full((height, width), 255, np.uint8)
        image = resized(output, width, height)
        return Result(image, mask, ctx.target.landmarks.copy(), placed=False)

    def _denoise(self, items: list[DiffusionFaceParams]) -> list[ImageOrError]:
        given, contract, pipeline = self.config, self._contract(), open_generator(self.config)
        asked: dict[str, Any]
        if contract.loads == UNCONDITIONAL:
            asked = {"batch_size": len(items)}
        else:
            side = self._side()
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
        return [checked_image(one, flag) for one, flag in zip(values, flags, strict=True)]
