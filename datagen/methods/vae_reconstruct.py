"""Reconstruction of an image by the autoencoder of a diffusion model, without denoising."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import cv2
import numpy as np
from pydantic import Field, model_validator

from datagen.core.arrays import Image
from datagen.core.fields import IntRange
from datagen.core.rounding import rounded
from datagen.core.schema import Frozen
from datagen.errors import ItemError, RecipeError
from datagen.faces.geometry.outline import check_face
from datagen.methods.base import Context, Result
from datagen.methods.batched import BatchedMethod
from datagen.networks.batch import BatchRunner
from datagen.networks.diffusion.codec import codec_contract, open_codec
from datagen.networks.diffusion.images import ImageOrError, checked_image, network_side, resized
from datagen.networks.diffusion.noise import draw_noise_seed
from datagen.networks.diffusion.settings import at_work, torch_facts
from datagen.networks.options import NetworkOptions

__all__ = ["VaeReconstruct", "VaeReconstructOptions", "VaeReconstructParams"]

_MAX_PASSES = 8


class VaeReconstructOptions(NetworkOptions):
    """Options of ``vae_reconstruct``.

    Attributes:
        weights: Id of a weight card that loads ``AutoencoderKL``, ``AutoencoderTiny`` or
            ``taef2``.
        posterior: Whether the mode of the posterior is decoded or a sample of it; only
            ``AutoencoderKL`` has a posterior to sample.
        passes: Range of the number of passes, 1 to 8; between two passes the image is rounded to
            8 bits, as in a file.
        size: ``own``: at its own size, padded by reflection to a whole number of latent cells and
            cropped afterward; ``card``: resized to the training size of the network and back.
        grid: Where the grid of latent cells begins: at the ``corner`` of the crop, or at a
            ``drawn`` pixel, as in a face cropped from a larger fake. With ``size: card`` always
            at the corner.
    """

    weights: str = Field(min_length=1)
    posterior: Literal["mode", "sample"] = "mode"
    passes: IntRange = (1, 1)
    size: Literal["own", "card"] = "own"
    grid: Literal["corner", "drawn"] = "drawn"

    @model_validator(mode="after")
    def _range(self) -> VaeReconstructOptions:
        low, high = self.passes
        if not 1 <= low <= high <= _MAX_PASSES:
            raise ValueError(f"passes: expected [low, high] between 1 and {_MAX_PASSES}")
        return self


class VaeReconstructParams(Frozen):
    """Parameters of one fake.

    Attributes:
        passes: Number of passes.
        phase: Offset of the image on the grid of latent cells, x and y, as shares of a cell.
        noise_seeds: Seed of each pass; empty where the mode is decoded.
    """

    passes: int = Field(ge=1)
    phase: tuple[float, float]
    noise_seeds: tuple[int, ...] = ()


class _Prepared(NamedTuple):
    """An input image of the network, and the position of the crop in it, x and y in pixels."""

    image: Image
    corner: tuple[int, int]
    params: VaeReconstructParams


class VaeReconstruct(BatchedMethod):
    """Encode and decode the whole image with the autoencoder of a diffusion model.

    The fake has the size, aspect and content of the real and differs only by traces of the decoder.
    """

    name = "vae_reconstruct"
    family = "reconstruction"
    options = VaeReconstructOptions
    params = VaeReconstructParams
    has_control = False
    min_change = 0.5
    memory = 6.0  # a batch of 8 at 392 pixels through the autoencoder of Stable Diffusion: 5.1
    paper = (
        "Rajan et al., ICLR 2025, Aligned Datasets Improve Detection of Latent Diffusion-Generated "
        "Images; Chen et al., ICML 2024, DRCT"
    )
    config: VaeReconstructOptions

    def weight_ids(self) -> tuple[str, ...]:
        """See base class; reads only the card.

        Raises:
            RecipeError: The card is of another kind, or has no posterior to sample.
        """
        given = self.config
        contract = codec_contract(given.weights)
        if given.posterior == "sample" and contract.loads != "AutoencoderKL":
            raise RecipeError(
                f"posterior: card {given.weights!r} loads {contract.loads!r}, which has no "
                "posterior to sample; set posterior: mode"
            )
        return (given.weights,)

    def open(self) -> None:
        """See base class.

        Raises:
            RecipeError: See ``weight_ids``.
        """
        given = self.config
        self.weight_ids()
        open_codec(given.weights, given.device, given.precision)

    def sample(self, rng: np.random.Generator, ctx: Context) -> VaeReconstructParams:
        """Draw the number of passes, the phase of the grid and the seeds."""
        check_face(ctx.target.landmarks)
        given = self.config
        low, high = given.passes
        passes = int(rng.integers(low, high + 1))
        x, y = (rounded(share) for share in rng.random(2))
        shifted = given.grid == "drawn" and given.size == "own"
        drawn = given.posterior == "sample"
        return VaeReconstructParams(
            passes=passes,
            phase=(x, y) if shifted else (0.0, 0.0),
            noise_seeds=tuple(draw_noise_seed(rng) for _ in range(passes if drawn else 0)),
        )

    def prepare(self, ctx: Context, params: VaeReconstructParams) -> _Prepared:
        """Pad or resize the image to a size that the network takes."""
        check_face(ctx.target.landmarks)
        given, image = self.config, ctx.target.image
        contract = codec_contract(given.weights)
        if given.size == "card":
            side = network_side(contract)
            return _Prepared(resized(image, side, side), (0, 0), params)
        cell = contract.sides
        x, y = (min(int(share * cell), cell - 1) for share in params.phase)
        # The same for every phase, because a batch has one shape.
        spare = cell - 1 if given.grid == "drawn" else 0
        height, width = (-(-(side + spare) // cell) * cell for side in image.shape[:2])
        below, right = height - image.shape[0] - y, width - image.shape[1] - x
        padded = cv2.copyMakeBorder(image, y, below, x, right, cv2.BORDER_REFLECT_101)
        return _Prepared(np.asarray(padded, np.uint8), (x, y), params)

    def run(self, prepared: Sequence[_Prepared]) -> list[ImageOrError]:
        """Encode and decode; images with several passes go through again together."""
        outputs: list[ImageOrError] = [one.image for one in prepared]
        for number in range(max(one.params.passes for one in prepared)):
            due: list[int] = []
            going: list[tuple[Image, int]] = []
            for place, one in enumerate(prepared):
                before = outputs[place]
                if number < one.params.passes and not isinstance(before, ItemError):
                    due.append(place)
                    seeds = one.params.noise_seeds
                    going.append((before, seeds[number] if seeds else 0))
            if not due:
                break
            for place, output in zip(due, _runner(self.config)(self._pass, going), strict=True):
                outputs[place] = output
        return outputs

    def finish(
        self, ctx: Context, params: VaeReconstructParams, prepared: _Prepared, output: ImageOrError
    ) -> Result:
        """Cut the crop out of the output; the mask is full."""
        if isinstance(output, ItemError):
            raise output
        height, width = ctx.target.image.shape[:2]
        if self.config.size == "card":
            image = resized(output, width, height)
        else:
            x, y = prepared.corner
            image = np.ascontiguousarray(output[y : y + height, x : x + width])
        mask = np.full((height, width), 255, np.uint8)
        return Result(image, mask, ctx.target.landmarks.copy())

    def run_record(self) -> Mapping[str, Any]:
        """See base class."""
        given = self.config
        facts = torch_facts(given.device, given.precision, given.threads)
        return {**facts, "batch": _runner(given).size}

    def _pass(self, items: list[tuple[Image, int]]) -> list[ImageOrError]:
        given = self.config
        codec = open_codec(given.weights, given.device, given.precision)
        seeds = [seed for _, seed in items] if given.posterior == "sample" else None
        with at_work(given.device, given.threads):
            made = codec([image for image, _ in items], seeds)
        return [checked_image(one) for one in made]


@lru_cache(maxsize=64)
def _runner(config: VaeReconstructOptions) -> BatchRunner:
    return BatchRunner(config.batch, f"vae_reconstruct with {config.weights} on {config.device}")
