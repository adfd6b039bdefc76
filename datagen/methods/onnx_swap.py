"""Face swap by any ONNX network with a weight card; the donor is an embedding or an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from pydantic import Field, model_validator

from datagen.core.arrays import Image, Mask
from datagen.core.fields import Range
from datagen.core.rounding import rounded
from datagen.core.schema import Frozen
from datagen.errors import ItemError
from datagen.faces.pixels.blend import Region, paste
from datagen.methods.base import Context, Result
from datagen.methods.onnx_face import (
    OnnxFaceMethod,
    OnnxFaceOptions,
    OnnxFaceParams,
    Prepared,
    checked_control,
    pasted,
)
from datagen.networks.onnx.card import load_contract
from datagen.networks.onnx.enhance import Enhancer, open_enhancer
from datagen.networks.onnx.faces import Made

__all__ = ["EnhancerOptions", "OnnxSwap", "OnnxSwapOptions", "OnnxSwapParams"]


class EnhancerOptions(Frozen):
    """An enhancer that is applied to every image of the pair after the swap.

    Attributes:
        weights: Id of a weight card with the task ``enhance``.
        blend: Range of the weight of the enhanced face, 0.1 to 1.
    """

    weights: str
    blend: Range = (0.5, 1.0)

    @model_validator(mode="after")
    def _range(self) -> EnhancerOptions:
        if not 0.1 <= self.blend[0] <= self.blend[1] <= 1:
            raise ValueError(
                f"blend: expected [low, high] within 0.1 and 1, got {list(self.blend)}"
            )
        return self


class OnnxSwapOptions(OnnxFaceOptions):
    """Options of ``onnx_swap``.

    Attributes:
        enhancer: Enhancer that is applied after the swap; none by default.
    """

    enhancer: EnhancerOptions | None = Field(default=None)


class OnnxSwapParams(OnnxFaceParams):
    """Parameters of one fake.

    Attributes:
        enhance: Weight of the enhanced face, 0 to 1; 0 without an enhancer.
    """

    enhance: float


class OnnxSwap(OnnxFaceMethod):
    """Swap the donor's face into the target with a neural network.

    An enhancer is applied to the real, the control and the swapped image. The fake is the enhanced
    swap, composited over the enhanced real by the swap's mask, so that it equals the enhanced real
    where nothing was swapped.
    """

    name = "onnx_swap"
    family = "face_swap"
    options = OnnxSwapOptions
    params = OnnxSwapParams
    needs_donor = True
    min_change = 3.0
    tasks = ("swap",)
    paper = (
        "Chen et al., ACM MM 2020, SimSwap; Xu et al., AAAI 2022, MobileFaceSwap; "
        "Groshev et al., IEEE Access 2022, GHOST"
    )
    config: OnnxSwapOptions

    def enhancer_id(self) -> str | None:
        """See base class; reads only the card.

        Raises:
            CardError: The card is missing or has another task.
        """
        if self.config.enhancer is None:
            return None
        load_contract(self.config.enhancer.weights, ["enhance"])
        return self.config.enhancer.weights

    def open(self) -> None:
        """See base class."""
        super().open()
        self._enhancer()

    def sample(self, rng: np.random.Generator, ctx: Context) -> OnnxSwapParams:
        """Draw the mask and the weight of the enhanced face."""
        mask, share = self._draw_mask(rng, ctx), rng.random()
        blend = 0.0
        if self.config.enhancer is not None:
            low, high = self.config.enhancer.blend
            blend = rounded(low + (high - low) * share)
        return OnnxSwapParams(mask=mask, enhance=blend)

    def run(self, prepared: Sequence[Prepared]) -> list[Any]:
        """See base class; the enhancer runs after the batch, one face at a time."""
        outputs = super().run(prepared)
        enhancer = self._enhancer()
        if enhancer is None:
            return outputs
        return [
            output if isinstance(output, ItemError) else _enhanced(enhancer, one, output)
            for one, output in zip(prepared, outputs, strict=True)
        ]

    def finish(self, ctx: Context, params: Any, prepared: Prepared, output: Any) -> Result:
        """See base class."""
        if not isinstance(output, _Enhanced):
            return super().finish(ctx, params, prepared, output)
        fake = _over(output.real, output.fake, output.mask)
        return Result(fake, output.mask, ctx.target.landmarks, real=output.real)

    def control(self, ctx: Context, params: Any) -> Image:
        """See base class; enhanced like the real if there is an enhancer."""
        enhancer, target = self._enhancer(), ctx.target
        if enhancer is None:
            return super().control(ctx, params)
        resampled, mask = self._round_trip(ctx, params)
        real, control = (
            enhancer(image, target.landmarks, params.enhance) for image in (target.image, resampled)
        )
        return checked_control(_over(real, control, mask), real, mask)

    def _enhancer(self) -> Enhancer | None:
        config, name = self.config, self.enhancer_id()
        return None if name is None else open_enhancer(name, config.device, config.threads)


class _Enhanced(NamedTuple):
    """The enhanced real, the enhanced swap, and the swap's mask."""

    real: Image
    fake: Image
    mask: Mask


def _enhanced(enhancer: Enhancer, one: Prepared, output: Made) -> _Enhanced | ItemError:
    try:
        swapped, mask = pasted(one, output.face, output.mask)
        real, fake = (
            enhancer(image, one.landmarks, one.params.enhance) for image in (one.target, swapped)
        )
    except ItemError as error:
        return error
    return _Enhanced(real, fake, mask)


def _over(real: Image, image: Image, mask: Mask) -> Image:
    return paste(real, image, mask, Region(0, 0, mask.shape[1], mask.shape[0]))
