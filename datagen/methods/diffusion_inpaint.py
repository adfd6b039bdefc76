"""A part of the face painted anew by a diffusion network, with a mask from the landmarks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from pydantic import Field, model_validator

from datagen.core.arrays import Image, Mask
from datagen.core.rounding import rounded
from datagen.core.schema import Frozen
from datagen.errors import ItemError
from datagen.faces import masks
from datagen.faces.face import FaceCrop
from datagen.faces.geometry.outline import check_face
from datagen.faces.pixels.blend import Region, expand, paste
from datagen.methods.base import Context, Result
from datagen.methods.batched import BatchedMethod
from datagen.networks.diffusion.mask import (
    PAINTED,
    PaintedPart,
    is_in_image,
    painted_mask,
    square_around,
)
from datagen.networks.diffusion.noise import draw_noise_seed
from datagen.networks.diffusion.options import DiffusionOptions, Strength, own_steps
from datagen.networks.diffusion.pipeline import diffusers_contract
from datagen.networks.diffusion.prompts import Prompt, compose, words
from datagen.networks.diffusion.repaint import (
    INPAINT,
    Repainted,
    Request,
    network_side,
    open_repainter,
    repaint,
    resized,
    run_facts,
    runner,
)

__all__ = ["DiffusionInpaint", "DiffusionInpaintOptions", "DiffusionInpaintParams"]


_MAX_LOST = 255**2 / 10**3.05  # squared gray levels: 30.5 dB


class DiffusionInpaintOptions(DiffusionOptions):
    """What a recipe may set.

    Attributes:
        parts: Which parts may be painted over; one is drawn for each face.
        strength: Drawn for each face; at 1 nothing of the part is left but its surroundings.
    """

    parts: tuple[PaintedPart, ...] = Field(default=PAINTED, min_length=1)
    strength: Strength = (0.7, 1.0)

    @model_validator(mode="after")
    def _one_step_at_least(self) -> DiffusionInpaintOptions:
        if own_steps(self.steps, self.strength[0]) < 1:
            raise ValueError("steps x the lowest strength is below 1: nothing would be painted")
        return self


class DiffusionInpaintParams(Frozen):
    """What was drawn for one fake.

    Attributes:
        part: What is painted over.
        margin, feather: How far the full mask reaches beyond the part, and the width of its soft
            edge, as shares of the face's width.
        strength: Share of the way to noise.
        prompt: Keys of the vocabulary; ``None`` where the network takes no prompt.
        noise_seed: Of the noise.
    """

    part: PaintedPart
    margin: float = Field(ge=0, le=1)
    feather: float = Field(ge=0, le=1)
    strength: float = Field(gt=0, le=1)
    prompt: Prompt | None
    noise_seed: int = Field(ge=0)


class _Prepared(NamedTuple):
    """One face on its way.

    Attributes:
        request: What the network gets.
        square: What of the crop it sees.
        mask: Soft, of the square.
    """

    request: Request
    square: Region
    mask: Mask


class DiffusionInpaint(BatchedMethod):
    """Mouth, eyes, nose, face or hair, painted over by a diffusion network.

    The landmarks of the fake are those of the target: the network answers with pixels alone.
    """

    name = "diffusion_inpaint"
    family = "attribute_edit"
    options = DiffusionInpaintOptions
    params = DiffusionInpaintParams
    min_change = 3.0
    memory = 8.0
    paper = (
        "Rombach et al., CVPR 2022, High-Resolution Image Synthesis with Latent Diffusion Models, "
        "section 4.5; Lugmayr et al., CVPR 2022, RePaint"
    )
    config: DiffusionInpaintOptions

    def weight_ids(self) -> tuple[str, ...]:
        """See base class; looks at the card alone.

        Raises:
            RecipeError: The card is of something else.
        """
        diffusers_contract(self.config.weights, INPAINT)
        return (self.config.weights,)

    def open(self) -> None:
        """See base class."""
        open_repainter(self.config, "Inpaint")

    def sample(self, rng: np.random.Generator, ctx: Context) -> DiffusionInpaintParams:
        """Draw the words, the noise and a part that is in the image and survives the path."""
        face, config = ctx.target, self.config
        check_face(face.landmarks)
        contract = diffusers_contract(config.weights, INPAINT)
        margin, feather = rounded(rng.uniform(0.02, 0.07)), rounded(rng.uniform(0.04, 0.09))
        side = network_side(contract)
        seen = [part for part in config.parts if _is_paintable(face, part, margin, feather, side)]
        if not seen:
            raise ItemError(
                "method_failed",
                f"{', '.join(config.parts)}: not in the image, or finer than {side} pixels hold",
            )
        prompt = compose(rng, face.age, face.sex, config.prompt)
        return DiffusionInpaintParams(
            part=seen[int(rng.integers(len(seen)))],
            margin=margin,
            feather=feather,
            strength=rounded(rng.uniform(*config.strength)),
            prompt=prompt if contract.conditioned else None,
            noise_seed=draw_noise_seed(rng),
        )

    def prepare(self, ctx: Context, params: DiffusionInpaintParams) -> _Prepared:
        """See base class."""
        side = network_side(diffusers_contract(self.config.weights, INPAINT))
        square, mask = _masked_square(ctx.target, params.part, params.margin, params.feather)
        request = Request(
            resized(np.ascontiguousarray(square.of(ctx.target.image)), side, side),
            # Also where the soft edge shows a trace of it alone.
            masks.threshold(np.asarray(resized(masks.threshold(mask, 0), side, side)), 0),
            "" if params.prompt is None else words(params.prompt),
            params.noise_seed,
            params.strength,
        )
        return _Prepared(request, square, mask)

    def run(self, prepared: Sequence[_Prepared]) -> list[Repainted]:
        """See base class."""
        pipeline, config = open_repainter(self.config, "Inpaint"), self.config

        def network(requests: list[Request]) -> list[Repainted]:
            return repaint(pipeline, requests, config, config.strength[1])

        return runner(config, self.name)(network, [one.request for one in prepared])

    def finish(
        self, ctx: Context, params: DiffusionInpaintParams, prepared: _Prepared, output: Repainted
    ) -> Result:
        """See base class."""
        if isinstance(output, ItemError):
            raise output
        target = ctx.target
        image, mask = _put_back(target.image, output, prepared.square, prepared.mask)
        return Result(image, mask, target.landmarks.copy())

    def control(self, ctx: Context, params: DiffusionInpaintParams) -> Image:
        """Send the square to the network's side and back, without the network."""
        side = network_side(diffusers_contract(self.config.weights, INPAINT))
        square, mask = _masked_square(ctx.target, params.part, params.margin, params.feather)
        return _there_and_back(ctx.target.image, square, mask, side)

    def run_record(self) -> Mapping[str, Any]:
        """See base class."""
        return run_facts(self.config, self.name)


def _is_paintable(
    face: FaceCrop, part: PaintedPart, margin: float, feather: float, side: int
) -> bool:
    """Say whether the part is in the image and not too fine for the network's side.

    Where the square shrinks, detail is lost on the way, in fake and control alike.
    """
    if not is_in_image(part, face.landmarks, face.image.shape):
        return False
    try:
        square, mask = _masked_square(face, part, margin, feather)
    except ItemError:
        return False
    inside = masks.threshold(expand(mask, square, face.image.shape), 0)
    control = _there_and_back(face.image, square, mask, side)
    squared = cv2.norm(control, face.image, cv2.NORM_L2SQR, inside)
    return squared / (3 * max(cv2.countNonZero(inside), 1)) < _MAX_LOST


def _masked_square(
    face: FaceCrop, part: PaintedPart, margin: float, feather: float
) -> tuple[Region, Mask]:
    """Return what the network sees of the crop, and the soft mask in it."""
    check_face(face.landmarks)
    region, mask = painted_mask(part, face.image, face.landmarks, margin, feather)
    square = square_around(region, face.image.shape)
    return square, np.ascontiguousarray(square.of(expand(mask, region, face.image.shape)))


def _there_and_back(image: Image, square: Region, mask: Mask, side: int) -> Image:
    own = resized(np.ascontiguousarray(square.of(image)), side, side)
    return _put_back(image, own, square, mask)[0]


def _put_back(target: Image, face: Image, square: Region, mask: Mask) -> tuple[Image, Mask]:
    home = resized(face, square.width, square.height)
    return paste(target, home, mask, square), expand(mask, square, target.shape)
