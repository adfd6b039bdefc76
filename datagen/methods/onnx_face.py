"""Common base of methods with an ONNX network: align, run, paste back within a drawn mask."""

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
from datagen.networks.alignment.aligned import Aligned, align_face, paste_aligned
from datagen.networks.onnx.card import face_of, load_contract, weight_closure
from datagen.networks.onnx.faces import Made, OnnxFaces, donor_face, open_faces
from datagen.networks.onnx.mask import MaskDraw, MaskName, check_masks, draw_mask, mask_within
from datagen.networks.onnx.session import runtime_version
from datagen.networks.options import NetworkOptions
from datagen.weights import Network
from datagen.weights.io_contract import Task

__all__ = [
    "OnnxFaceMethod",
    "OnnxFaceOptions",
    "OnnxFaceParams",
    "Prepared",
    "checked_control",
    "pasted",
]


class OnnxFaceOptions(NetworkOptions):
    """Options of methods with an ONNX network.

    Attributes:
        weights: Id of the network's weight card.
        masks: Kinds of masks; one is drawn per pair. See ``MaskName``.
    """

    weights: str
    masks: tuple[MaskName, ...] = Field(default=("box", "face"), min_length=1)

    @field_validator("masks")
    @classmethod
    def _once(cls, masks: tuple[MaskName, ...]) -> tuple[MaskName, ...]:
        if len(set(masks)) < len(masks):
            raise ValueError("a mask is listed twice")
        return masks

    @model_validator(mode="after")
    def _own_precision(self) -> OnnxFaceOptions:
        if self.precision != "fp32":
            raise ValueError(
                "precision: the precision of an ONNX network is fixed by its file; use the card of "
                f"a file in {self.precision} and leave this key out"
            )
        return self


class OnnxFaceParams(Frozen):
    """Parameters of one fake: the mask."""

    mask: MaskDraw


class Prepared(NamedTuple):
    """Input of the network, and what is needed to paste its output back."""

    target: Image
    landmarks: Landmarks
    aligned: Aligned
    donor: Image | None
    params: Any


class OnnxFaceMethod(BatchedMethod):
    """A method that aligns a face, runs a network on it and pastes it back.

    The fake has the target's landmarks, because such networks keep its pose and expression.
    """

    tasks: ClassVar[Sequence[Task]]
    config: OnnxFaceOptions

    def weight_ids(self) -> tuple[str, ...]:
        """Return the ids of the card, its embedder and its converter; reads only cards.

        Raises:
            CardError: A card is missing or has another task.
            RecipeError: The masks do not fit the card.
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
            face = ctx.need_donor()
            donor = align_face(face.image, face.landmarks, how).face
        return self._target(ctx, params)._replace(donor=donor)

    def run(self, prepared: Sequence[Prepared]) -> list[Any]:
        """See base class."""
        return list(self._faces()([(one.aligned.face, one.donor) for one in prepared]))

    def finish(
        self, ctx: Context, params: Any, prepared: Prepared, output: Made | ItemError
    ) -> Result:
        """Paste the generated face back."""
        if isinstance(output, ItemError):
            raise output
        image, mask = pasted(prepared, output.face, output.mask)
        return Result(image, mask, ctx.target.landmarks)

    def control(self, ctx: Context, params: Any) -> Image:
        """Paste the target's own aligned face back, in the size and format of the network.

        Raises:
            ItemError: ``method_failed`` if that alone loses too much detail, see
                ``checked_control``.
        """
        control, mask = self._round_trip(ctx, params)
        return checked_control(control, ctx.target.image, mask)

    def run_record(self) -> Mapping[str, Any]:
        """See base class."""
        record = {"batch": self._faces().batch, "threads": self.config.threads}
        return {**super().run_record(), **record, "runtime": runtime_version()}

    def _target(self, ctx: Context, params: Any) -> Prepared:
        target = ctx.target
        aligned = align_face(target.image, target.landmarks, face_of(self._contract()))
        return Prepared(target.image, target.landmarks, aligned, None, params)

    def _round_trip(self, ctx: Context, params: Any) -> tuple[Image, Mask]:
        if params.mask.kind != "network":
            own, prepared = None, self._target(ctx, params)
        else:
            prepared = self.prepare(ctx, params)
            (made,) = self._faces()([(prepared.aligned.face, prepared.donor)])
            if isinstance(made, ItemError):
                raise made
            # Two levels less: in another batch the network may round a pixel of the mask up, and
            # where the fake's mask is 0 the control must equal the real.
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
    """Paste an aligned face back within the drawn mask; return image and mask."""
    drawn, aligned = prepared.params.mask, prepared.aligned
    within = mask_within(drawn, aligned.landmarks, face.shape[0], own)
    return paste_aligned(aligned, face, within)


_MIN_DB = 30.0


def checked_control(control: Image, real: Image, mask: Mask, least: float = _MIN_DB) -> Image:
    """Return a control that is close enough to its real.

    A network far coarser than the image loses detail by its size alone, and an enhancer invents
    other detail: such a control would itself look like a fake.

    Args:
        control: The control.
        real: The real that it belongs to.
        mask: Where they are compared: above 0.
        least: Smallest accepted PSNR in dB.

    Raises:
        ItemError: ``method_failed`` below ``least``.
    """
    inside = cv2.inRange(mask, np.array([1]), np.array([255]))
    squared = cv2.norm(control, real, cv2.NORM_L2SQR, inside) / max(3 * cv2.countNonZero(inside), 1)
    decibels = 10 * np.log10(255**2 / max(squared, 1e-9))
    if decibels < least:
        raise ItemError(
            "method_failed",
            f"the control has a PSNR of {decibels:.1f} dB to its real, minimum {least:g}: use a "
            "network of more pixels, a smaller face.size, or a lower blend of the enhancer",
        )
    return control
