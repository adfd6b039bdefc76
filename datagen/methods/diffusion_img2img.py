"""Reconstruction of a whole image by a diffusion network (SDEdit)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import Field, model_validator

from datagen.core.rounding import rounded
from datagen.core.schema import Frozen
from datagen.errors import ItemError
from datagen.faces.geometry.outline import check_face
from datagen.methods.base import Context, Result
from datagen.methods.diffusion_base import RepaintMethod
from datagen.networks.diffusion.images import ImageOrError, resized
from datagen.networks.diffusion.noise import draw_noise_seed
from datagen.networks.diffusion.open import IMAGE_TO_IMAGE
from datagen.networks.diffusion.options import RepaintOptions, Strength
from datagen.networks.diffusion.prompts import Prompt, compose, words
from datagen.networks.diffusion.repaint import Request

__all__ = ["DiffusionImg2Img", "DiffusionImg2ImgOptions", "DiffusionImg2ImgParams"]


class DiffusionImg2ImgOptions(RepaintOptions):
    """Options of ``diffusion_img2img``.

    Attributes:
        strength: Range of the share of the noise schedule that is applied, above 0 and below 1;
            from about 0.6 on the identity changes.
    """

    strength: Strength = (0.2, 0.5)

    @model_validator(mode="after")
    def _keeps_the_image(self) -> DiffusionImg2ImgOptions:
        if self.strength[1] >= 1:
            raise ValueError(
                "strength: at 1 nothing of the image is left; use diffusion_face for that"
            )
        return self


class DiffusionImg2ImgParams(Frozen):
    """Parameters of one fake.

    Attributes:
        strength: Share of the noise schedule that is applied.
        prompt: Keys of the vocabulary; ``None`` if the network takes no prompt.
        noise_seed: Seed of the noise.
    """

    strength: float = Field(gt=0, le=1)
    prompt: Prompt | None
    noise_seed: int = Field(ge=0)


class DiffusionImg2Img(RepaintMethod):
    """Noise the whole image part of the way and denoise it with a diffusion network.

    An unconditional network (``DDPMPipeline``) works in pixel space, as in the paper. The fake has
    the target's landmarks, because the network returns only pixels.
    """

    name = "diffusion_img2img"
    family = "reconstruction"
    options = DiffusionImg2ImgOptions
    params = DiffusionImg2ImgParams
    has_control = False
    min_change = 2.0
    kinds = IMAGE_TO_IMAGE
    mode = "Img2Img"
    paper = (
        "Meng et al., ICLR 2022, SDEdit: Guided Image Synthesis and Editing with Stochastic "
        "Differential Equations"
    )
    config: DiffusionImg2ImgOptions

    def sample(self, rng: np.random.Generator, ctx: Context) -> DiffusionImg2ImgParams:
        """Draw strength, prompt and noise."""
        face, config = ctx.target, self.config
        check_face(face.landmarks)
        prompt = compose(rng, face.age, face.sex, config.prompt)
        return DiffusionImg2ImgParams(
            strength=rounded(rng.uniform(*config.strength)),
            prompt=prompt if self._contract().conditioned else None,
            noise_seed=draw_noise_seed(rng),
        )

    def prepare(self, ctx: Context, params: DiffusionImg2ImgParams) -> Request:
        """See base class."""
        check_face(ctx.target.landmarks)
        side = self._side()
        text = "" if params.prompt is None else words(params.prompt)
        image = resized(ctx.target.image, side, side)
        return Request(image, None, text, params.noise_seed, params.strength)

    def run(self, prepared: Sequence[Request]) -> list[ImageOrError]:
        """See base class."""
        return self._repaint(prepared)

    def finish(
        self, ctx: Context, params: DiffusionImg2ImgParams, prepared: Request, output: ImageOrError
    ) -> Result:
        """See base class."""
        if isinstance(output, ItemError):
            raise output
        target = ctx.target
        height, width = target.image.shape[:2]
        mask = np.full((height, width), 255, np.uint8)
        return Result(resized(output, width, height), mask, target.landmarks.copy())
