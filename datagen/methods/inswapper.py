"""Face swap by insightface's ``INSwapper``, the network of most face-swapping programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from pydantic import Field, field_validator, model_validator

from datagen.core.arrays import Affine, Image, Landmarks, Mask
from datagen.core.schema import Frozen
from datagen.errors import ItemError
from datagen.faces.geometry.outline import check_face
from datagen.faces.landmarks import move_landmarks
from datagen.methods.base import Context, Result
from datagen.methods.batched import BatchedMethod
from datagen.networks.alignment.align import align_matrix, take_aligned
from datagen.networks.alignment.paste import paste_back
from datagen.networks.insightface import DONOR, TARGET, LibrarySwap, check_cards, open_library_swap
from datagen.networks.onnx.mask import MaskDraw, MaskName, draw_mask, mask_within
from datagen.networks.onnx.session import runtime_version
from datagen.networks.options import NetworkOptions
from datagen.weights import FaceInput

__all__ = ["Inswapper", "InswapperOptions", "InswapperParams"]


class InswapperOptions(NetworkOptions):
    """Options of ``inswapper``.

    Attributes:
        weights: Id of the weight card of an inswapper.
        pack: Id of the weight card of the insightface pack whose recognizer embeds the donor.
        masks: Kinds of masks; one is drawn per pair. ``box`` is the one of the library.
    """

    weights: str = "inswapper_128"
    pack: str = "insightface_buffalo_l"
    masks: tuple[MaskName, ...] = Field(default=("box", "face"), min_length=1)

    @field_validator("masks")
    @classmethod
    def _known(cls, masks: tuple[MaskName, ...]) -> tuple[MaskName, ...]:
        if len(set(masks)) < len(masks):
            raise ValueError("a mask is listed twice")
        if "network" in masks:
            raise ValueError("inswapper returns no mask: leave 'network' out")
        return masks

    @model_validator(mode="after")
    def _own_precision(self) -> InswapperOptions:
        if self.precision != "fp32":
            raise ValueError(
                "precision: the precision of an ONNX network is fixed by its file; use the card of "
                f"a file in {self.precision} and leave this key out"
            )
        return self


class InswapperParams(Frozen):
    """Parameters of one fake: the mask."""

    mask: MaskDraw


class _Prepared(NamedTuple):
    matrix: Affine
    target: Image
    donor: Image


class Inswapper(BatchedMethod):
    """Swap the donor's face into the target with insightface's inswapper network.

    Alignment, format and the edge of the box are those of the library, as in fakes in the wild:
    128 pixels, aligned by a linear kernel without averaging. The fake has the target's landmarks,
    because the network keeps pose and expression.
    """

    name = "inswapper"
    family = "face_swap"
    options = InswapperOptions
    params = InswapperParams
    needs_donor = True
    min_change = 3.0
    # 128 pixels for a face of 300: on photographs a median of 33 dB and a minimum of 29.6.
    min_control_psnr = 24.0
    memory = 3.0
    paper = "Guo and Deng, InsightFace, 2023, inswapper; Deng et al., CVPR 2019, ArcFace"
    config: InswapperOptions

    def weight_ids(self) -> tuple[str, ...]:
        """See base class; reads only the cards.

        Raises:
            CardError: A card is missing or of another kind.
        """
        check_cards(self.config.weights, self.config.pack)
        return (self.config.weights, self.config.pack)

    def open(self) -> None:
        """See base class."""
        self._network()

    def sample(self, rng: np.random.Generator, ctx: Context) -> InswapperParams:
        """Draw the mask."""
        target = ctx.target
        check_face(ctx.need_donor().landmarks)
        check_face(target.landmarks)
        side = target.image.shape[0]
        return InswapperParams(mask=draw_mask(rng, self.config.masks, target.landmarks, side))

    def prepare(self, ctx: Context, params: InswapperParams) -> _Prepared:
        """Align target and donor."""
        donor = ctx.need_donor()
        matrix, face = _aligned(ctx.target.image, ctx.target.landmarks, TARGET)
        return _Prepared(matrix, face, _aligned(donor.image, donor.landmarks, DONOR)[1])

    def run(self, prepared: Sequence[_Prepared]) -> list[Any]:
        """See base class."""
        return list(self._network()([(one.target, one.donor) for one in prepared]))

    def finish(
        self, ctx: Context, params: InswapperParams, prepared: _Prepared, output: Image | ItemError
    ) -> Result:
        """Paste the swapped face back."""
        if isinstance(output, ItemError):
            raise output
        image, mask = _pasted(ctx, params, prepared.matrix, output)
        return Result(image, mask, ctx.target.landmarks)

    def control(self, ctx: Context, params: InswapperParams) -> Image:
        """Paste the target's own face back at the network's 128 pixels."""
        matrix, face = _aligned(ctx.target.image, ctx.target.landmarks, TARGET)
        return _pasted(ctx, params, matrix, face)[0]

    def run_record(self) -> Mapping[str, Any]:
        """See base class."""
        network = self._network()
        return {
            **super().run_record(),
            "batch": network.batch,
            "threads": self.config.threads,
            "runtime": f"{runtime_version()}, insightface {network.version}",
        }

    def _network(self) -> LibrarySwap:
        config = self.config
        return open_library_swap(
            config.weights, config.pack, config.device, config.threads, config.batch
        )


def _aligned(image: Image, landmarks: Landmarks, how: FaceInput) -> tuple[Affine, Image]:
    check_face(landmarks)
    matrix = align_matrix(landmarks, how.template, how.size)
    return matrix, take_aligned(image, matrix, how.size, smooth=False)


def _pasted(
    ctx: Context, params: InswapperParams, matrix: Affine, face: Image
) -> tuple[Image, Mask]:
    target = ctx.target
    landmarks = move_landmarks(target.landmarks, matrix)
    within = mask_within(params.mask, landmarks, TARGET.size, None)
    return paste_back(target.image, face, matrix, within)
