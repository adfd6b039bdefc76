"""Reconstruction of the face by a network that enlarges it again after it was shrunk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

import cv2
import numpy as np
from PIL import Image as PilImage
from pydantic import Field, field_validator

from datagen.core.arrays import Image, Mask
from datagen.core.rounding import rounded
from datagen.core.schema import Frozen
from datagen.errors import ItemError
from datagen.faces.geometry.outline import check_face
from datagen.faces.part_masks import PartName, part_mask
from datagen.faces.pixels.blend import Region, expand, paste
from datagen.methods.base import Context, Result
from datagen.methods.batched import BatchedMethod
from datagen.methods.onnx_face import OnnxFaceOptions, checked_control
from datagen.networks.onnx.enlarge import Enlarger, enlarging_contract, open_enlarger
from datagen.networks.onnx.mask import MaskDraw, draw_mask, without_bends
from datagen.networks.onnx.session import runtime_version

__all__ = ["GanUpsample", "GanUpsampleOptions", "GanUpsampleParams"]

Kernel: TypeAlias = Literal["area", "bicubic", "lanczos"]

_KERNELS: Mapping[Kernel, PilImage.Resampling] = {
    "area": PilImage.Resampling.BOX,
    "bicubic": PilImage.Resampling.BICUBIC,
    "lanczos": PilImage.Resampling.LANCZOS,
}
# Pixels of the shrunk image around the crop, so that the network's own edge is not pasted.
_EDGE = 6


class GanUpsampleOptions(OnnxFaceOptions):
    """Options of ``gan_upsample``.

    Attributes:
        weights: Id of the weight card of a network that enlarges (``network.enlarges``); the face
            is shrunk by that factor.
        masks: Parts of the face; one is drawn per pair.
        kernels: Filters for shrinking; one is drawn per pair.
    """

    masks: tuple[PartName, ...] = Field(
        default=("face", "no_forehead", "features", "lower_half"), min_length=1
    )
    kernels: tuple[Kernel, ...] = Field(default=get_args(Kernel), min_length=1)

    @field_validator("kernels")
    @classmethod
    def _each_once(cls, kernels: tuple[Kernel, ...]) -> tuple[Kernel, ...]:
        if len(set(kernels)) < len(kernels):
            raise ValueError("a kernel is listed twice")
        return kernels


class GanUpsampleParams(Frozen):
    """Parameters of one fake.

    Attributes:
        mask: The mask.
        kernel: Filter for shrinking.
        phase: Offset of the crop on the grid of shrunk pixels, x and y, as shares of a cell.
    """

    mask: MaskDraw
    kernel: Kernel
    phase: tuple[float, float]


class _Prepared(NamedTuple):
    """The shrunk crop, the position of the crop once it is enlarged, and the mask."""

    shrunk: Image
    corner: tuple[int, int]
    region: Region
    mask: Mask


class GanUpsample(BatchedMethod):
    """Shrink the face and let a super-resolution network draw the lost detail.

    The fake has the content of the real at the same place; its fine detail is the network's.
    """

    name = "gan_upsample"
    family = "reconstruction"
    options = GanUpsampleOptions
    params = GanUpsampleParams
    min_change = 0.5
    min_control_psnr = 20.0
    memory = 4.0
    paper = (
        "Wang et al., ECCV Workshops 2018, ESRGAN; Wang et al., ICCV Workshops 2021, Real-ESRGAN "
        "(as a forgery of a part)"
    )
    config: GanUpsampleOptions

    def weight_ids(self) -> tuple[str, ...]:
        """See base class; reads only the card.

        Raises:
            CardError: The card is missing, or its network does not enlarge.
        """
        enlarging_contract(self.config.weights)
        return (self.config.weights,)

    def open(self) -> None:
        """See base class."""
        self._enlarger()

    def sample(self, rng: np.random.Generator, ctx: Context) -> GanUpsampleParams:
        """Draw the mask, the filter and the phase of the grid."""
        target, kernels = ctx.target, self.config.kernels
        check_face(target.landmarks)
        mask = draw_mask(rng, self.config.masks, target.landmarks, target.image.shape[0])
        kernel = kernels[int(rng.integers(len(kernels)))]
        x, y = (rounded(share) for share in rng.random(2))
        return GanUpsampleParams(mask=mask, kernel=kernel, phase=(x, y))

    def prepare(self, ctx: Context, params: GanUpsampleParams) -> _Prepared:
        """Shrink the crop, continued by reflection, and draw the mask."""
        target, drawn = ctx.target, params.mask
        check_face(target.landmarks)
        assert drawn.kind in get_args(PartName)
        region, mask = part_mask(
            drawn.kind,  # type: ignore[arg-type]  # options allow only parts
            target.landmarks,
            drawn.lift,
            without_bends(drawn),
            target.image.shape,
        )
        factor = enlarging_contract(self.config.weights).enlarges
        x, y = (_EDGE * factor + min(int(share * factor), factor - 1) for share in params.phase)
        shrunk = _shrunk(target.image, factor, (x, y), _KERNELS[params.kernel])
        return _Prepared(shrunk, (x, y), region, mask)

    def run(self, prepared: Sequence[_Prepared]) -> list[Image | ItemError]:
        """See base class."""
        return self._enlarger()([one.shrunk for one in prepared])

    def finish(
        self,
        ctx: Context,
        params: GanUpsampleParams,
        prepared: _Prepared,
        output: Image | ItemError,
    ) -> Result:
        """Paste the enlarged part back."""
        if isinstance(output, ItemError):
            raise output
        image = _pasted(ctx.target.image, output, prepared)
        mask = expand(prepared.mask, prepared.region, image.shape)
        return Result(image, mask, ctx.target.landmarks.copy())

    def control(self, ctx: Context, params: GanUpsampleParams) -> Image:
        """Shrink and enlarge by bicubic interpolation instead of the network.

        Raises:
            ItemError: ``method_failed`` if that alone loses too much detail.
        """
        target, prepared = ctx.target.image, self.prepare(ctx, params)
        factor = enlarging_contract(self.config.weights).enlarges
        height, width = (factor * side for side in prepared.shrunk.shape[:2])
        plain = cv2.resize(prepared.shrunk, (width, height), interpolation=cv2.INTER_CUBIC)
        control = _pasted(target, np.asarray(plain, np.uint8), prepared)
        mask = expand(prepared.mask, prepared.region, target.shape)
        return checked_control(control, target, mask, self.min_control_psnr)

    def run_record(self) -> Mapping[str, Any]:
        """See base class."""
        record = {"batch": self._enlarger().batch, "threads": self.config.threads}
        return {**super().run_record(), **record, "runtime": runtime_version()}

    def _enlarger(self) -> Enlarger:
        config = self.config
        return open_enlarger(config.weights, config.device, config.threads, config.batch)


def _shrunk(
    image: Image, factor: int, corner: tuple[int, int], kernel: PilImage.Resampling
) -> Image:
    x, y = corner
    # The same for every phase, because a batch has one shape.
    height, width = (
        factor * (-(-(side + factor - 1) // factor) + 2 * _EDGE) for side in image.shape[:2]
    )
    below, right = height - image.shape[0] - y, width - image.shape[1] - x
    padded = cv2.copyMakeBorder(image, y, below, x, right, cv2.BORDER_REFLECT_101)
    small = PilImage.fromarray(np.asarray(padded, np.uint8)).resize(
        (width // factor, height // factor), kernel
    )
    return np.array(small, np.uint8)


def _pasted(target: Image, enlarged: Image, prepared: _Prepared) -> Image:
    (x, y), (height, width) = prepared.corner, target.shape[:2]
    part = prepared.region.of(enlarged[y : y + height, x : x + width])
    return paste(target, np.ascontiguousarray(part), prepared.mask, prepared.region)
