"""What the methods of ONNX cards share: align, network, paste back within a drawn mask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import cv2
import numpy as np
from pydantic import Field, field_validator, model_validator

from datagen.core.arrays import Image, Landmarks, Mask
from datagen.core.schema import Frozen
from datagen.errors import ItemError
from datagen.faces.geometry.outline import check_face
from datagen.methods.base import Context, Result
from datagen.methods.batched import BatchedMethod
from datagen.networks.alignment.aligned import Aligned, align_face, bring_home
from datagen.networks.onnx.card import face_of, load_contract, weight_closure
from datagen.networks.onnx.faces import Made, OnnxFaces, donor_face, open_faces
from datagen.networks.onnx.mask import MaskDraw, MaskName, check_masks, draw_mask, mask_within
from datagen.networks.onnx.session import runtime_version
from datagen.networks.options import NetworkOptions
from datagen.weights import Network
from datagen.weights.io_contract import Task

__all__ = ["OnnxFaceMethod", "OnnxFaceOptions", "OnnxFaceParams", "Prepared", "alike", "pasted"]


class OnnxFaceOptions(NetworkOptions):
    """What a recipe may set.

    Attributes:
        weights: Id of the network's card.
        masks: What is replaced; one is drawn for each pair. See ``MaskName``.
    """

    weights: str
    masks: tuple[MaskName, ...] = Field(default=("box", "face"), min_length=1)

    @field_validator("masks")
    @classmethod
    def _once(cls, masks: tuple[MaskName, ...]) -> tuple[MaskName, ...]:
        if len(set(masks)) < len(masks):
            raise ValueError("a mask is named twice")
        return masks

    @model_validator(mode="after")
    def _own_precision(self) -> OnnxFaceOptions:
        if self.precision != "fp32":
            raise ValueError(
                "precision: an ONNX file has its own, which stays; use the card of a file in "
                f"{self.precision} and leave this key out"
            )
        return self


class OnnxFaceParams(Frozen):
    """What was drawn for one pair: the mask."""

    mask: MaskDraw


class Prepared(NamedTuple):
    """What goes into the network, and what is needed to bring it home."""

    target: Image
    landmarks: Landmarks
    aligned: Aligned
    donor: Image | None
    params: Any


class OnnxFaceMethod(BatchedMethod):
    """An aligned face goes through a card's network and back into its image.

    The fake keeps the target's landmarks: such networks keep its pose and expression.
    """

    tasks: ClassVar[Sequence[Task]]
    config: OnnxFaceOptions

    def weight_ids(self) -> tuple[str, ...]:
        """Return the card's id and those of its embedder and converter; reads cards alone.

        Raises:
            CardError: One is missing or does something else.
            RecipeError: The masks do not fit it.
        """
        ids = weight_closure(self.config.weights, self.tasks)
        check_masks(self.config.weights, self._contract(), self.config.masks)
        return ids

    def open(self) -> None:
        """See base class."""
        self.weight_ids()
        self._faces()

    def sample(self, rng: np.random.Generator, ctx: Context) -> Any:
        """Draw the mask."""
        return OnnxFaceParams(mask=self._draw_mask(rng, ctx))

    def prepare(self, ctx: Context, params: Any) -> Prepared:
        """Align target and donor."""
        contract, donor = self._contract(), None
        how = donor_face(self.config.weights, contract)
        if how is not None:
            lent = ctx.need_donor()
            donor = align_face(lent.image, lent.landmarks, how).face
        return self._target(ctx, params)._replace(donor=donor)

    def run(self, prepared: Sequence[Prepared]) -> list[Any]:
        """See base class."""
        return list(self._faces()([(one.aligned.face, one.donor) for one in prepared]))

    def finish(
        self, ctx: Context, params: Any, prepared: Prepared, output: Made | ItemError
    ) -> Result:
        """Paste the made face back."""
        if isinstance(output, ItemError):
            raise output
        image, mask = pasted(prepared, output.face, output.mask)
        return Result(image, mask, ctx.target.landmarks)

    def control(self, ctx: Context, params: Any) -> Image:
        """Send the target's own aligned face home, in the network's size and format.

        Raises:
            ItemError: ``method_failed`` where that alone costs too much, see ``alike``.
        """
        control, mask = self._sent_home(ctx, params)
        return alike(control, ctx.target.image, mask)

    def run_record(self) -> Mapping[str, Any]:
        """See base class."""
        record = {"batch": self._faces().batch, "threads": self.config.threads}
        return {**super().run_record(), **record, "runtime": runtime_version()}

    def _target(self, ctx: Context, params: Any) -> Prepared:
        target = ctx.target
        aligned = align_face(target.image, target.landmarks, face_of(self._contract()))
        return Prepared(target.image, target.landmarks, aligned, None, params)

    def _sent_home(self, ctx: Context, params: Any) -> tuple[Image, Mask]:
        if params.mask.kind != "network":
            own, prepared = None, self._target(ctx, params)
        else:
            prepared = self.prepare(ctx, params)
            (made,) = self._faces()([(prepared.aligned.face, prepared.donor)])
            if isinstance(made, ItemError):
                raise made
            # Two levels less: in other company the network may round a pixel of the mask to more
            # than the fake's, and where that is 0 the control must be the real.
            assert made.mask is not None
            own = np.maximum(made.mask, 2) - np.uint8(2)
        return pasted(prepared, prepared.aligned.face, own)

    def _draw_mask(self, rng: np.random.Generator, ctx: Context) -> MaskDraw:
        check_face(ctx.target.landmarks)
        if self.needs_donor:
            check_face(ctx.need_donor().landmarks)
        return draw_mask(rng, self.config.masks, ctx.target.landmarks, ctx.target.image.shape[0])

    def _contract(self) -> Network:
        return load_contract(self.config.weights, self.tasks)

    def _faces(self) -> OnnxFaces:
        config = self.config
        return open_faces(config.weights, config.device, config.threads, config.batch)


def pasted(prepared: Prepared, face: Image, own: Mask | None) -> tuple[Image, Mask]:
    """Bring an aligned face home within the mask that was drawn; return image and mask."""
    drawn, aligned = prepared.params.mask, prepared.aligned
    within = mask_within(drawn, aligned.landmarks, face.shape[0], own)
    return bring_home(aligned, face, within)


def alike(control: Image, real: Image, mask: Mask) -> Image:
    """Return a control that stands for its real.

    A network far coarser than the image loses detail by its size alone, and an enhancer makes
    up other detail: the third image would then tell as much as a forgery.

    Raises:
        ItemError: ``method_failed``: under 30 dB inside the mask.
    """
    inside = cv2.inRange(mask, np.array([1]), np.array([255]))
    squared = cv2.norm(control, real, cv2.NORM_L2SQR, inside) / max(3 * cv2.countNonZero(inside), 1)
    decibels = 10 * np.log10(255**2 / max(squared, 1e-9))
    if decibels < _MIN_DB:
        raise ItemError(
            "method_failed",
            f"the control is {decibels:.1f} dB from its real, wanted {_MIN_DB:g}: take a network "
            "of more pixels, a smaller face.size, or less of the enhancer (blend)",
        )
    return control


_MIN_DB = 30.0
