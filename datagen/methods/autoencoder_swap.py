"""The original deepfake: a shared encoder and a decoder per identity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from datagen.core.arrays import Affine, Image, Mask
from datagen.core.fields import Range
from datagen.core.rounding import rounded
from datagen.core.schema import Frozen
from datagen.errors import ItemError
from datagen.faces import masks
from datagen.faces.geometry.outline import bare_forehead, check_face, convex_hull, face_outline
from datagen.faces.landmarks import FEATURES, move_points
from datagen.faces.pixels.blend import Region, expand, paste
from datagen.faces.pixels.color import reinhard
from datagen.methods.base import Context, Result
from datagen.methods.batched import BatchedMethod
from datagen.networks.alignment.align import take_aligned
from datagen.networks.alignment.paste import box_mask, map_back, pasted_region
from datagen.networks.autoencoder.face import LIFT, encoder_input, face_matrix, hull_mask
from datagen.networks.autoencoder.network import Made, open_swapper, trained_config
from datagen.networks.diffusion.settings import torch_facts
from datagen.networks.options import NetworkOptions

__all__ = ["AutoencoderSwap", "AutoencoderSwapOptions", "AutoencoderSwapParams"]

_SMOOTH = 0.012  # of the side: a mask of 64 pixels would show steps when it is enlarged


class AutoencoderSwapOptions(NetworkOptions):
    """Options of ``autoencoder_swap``.

    Attributes:
        weights: Id of a weight card of form ``datagen``, as ``datagen train`` writes it.
        detail: Range of the share of fine detail, lost in the network's format, that is added back
            to fake and control alike, so that blur alone does not distinguish them from the real;
            0 to 1.
    """

    weights: str = Field(min_length=1)
    detail: Range = (0.0, 0.5)

    @field_validator("detail")
    @classmethod
    def _shares(cls, detail: tuple[float, float]) -> tuple[float, float]:
        if not (detail[0] >= 0 and detail[1] <= 1):
            raise ValueError("expected a range within 0 and 1")
        return detail


class AutoencoderSwapParams(Frozen):
    """Parameters of one fake.

    Attributes:
        lift: Height of the mask above each of the ten brow points, as a share of the forehead.
        shrink: Distance that the mask is eroded, as a share of the aligned side.
        feather: Width of its soft edge, as a share of the aligned side.
        color: Strength of the color transfer, 0 to 1.
        detail: Share of fine detail that is added back, 0 to 1.
    """

    lift: list[float]
    shrink: float
    feather: float
    color: float
    detail: float


@dataclass(frozen=True, slots=True)
class _Prepared:
    """An aligned face.

    Attributes:
        face: Aligned face in the network's format, ``(size, size, 3)`` uint8.
        matrix: Affine matrix from the image to the aligned face.
        seen: Input of the encoder, ``(size, size, 3)`` float32.
        identity: Position of the donor's decoder.
    """

    face: Image
    matrix: Affine
    seen: NDArray[np.float32]
    identity: int


class AutoencoderSwap(BatchedMethod):
    """Decode the target's pose and expression with the donor's decoder."""

    name = "autoencoder_swap"
    family = "face_swap"
    options = AutoencoderSwapOptions
    params = AutoencoderSwapParams
    needs_donor = True
    min_change = 4.0
    min_control_psnr = 22.0  # all that a network of 64 pixels keeps of a sharp photograph
    paper = (
        "u/deepfakes 2017 (FaceSwap tool, as in Roessler et al. 2019, FaceForensics++, DeepFakes); "
        "Perov et al. 2020, DeepFaceLab (the mask); Reinhard et al. 2001"
    )
    config: AutoencoderSwapOptions

    def weight_ids(self) -> tuple[str, ...]:
        """See base class."""
        return (self.config.weights,)

    def donor_identities(self) -> frozenset[str]:
        """Return the identities that have a decoder, as ``source/identity``.

        Raises:
            WeightsError: The folder of the weights is missing.
        """
        return frozenset(one.identity for one in self._trained().people)

    def _trained(self) -> Any:
        return trained_config(self.config.weights)

    def open(self) -> None:
        """See base class.

        Raises:
            RecipeError: The card has another form.
        """
        self._network()

    def _network(self) -> Any:
        config = self.config
        return open_swapper(
            config.weights, config.device, config.precision, config.batch, config.threads
        )

    def sample(self, rng: np.random.Generator, ctx: Context) -> AutoencoderSwapParams:
        """Draw the mask, the color transfer and the detail."""
        check_face(ctx.target.landmarks)
        check_face(ctx.need_donor().landmarks)
        reach = float(rng.uniform(0.05, LIFT))
        shrink, feather = rng.uniform(0.0, 0.02), rng.uniform(0.02, 0.06)
        color, detail = rng.uniform(0.6, 1.0), rng.uniform(*self.config.detail)
        bare = bare_forehead(ctx.target.image, ctx.target.landmarks)
        return AutoencoderSwapParams(
            lift=[rounded(min(reach, float(lift))) for lift in bare],
            shrink=rounded(shrink),
            feather=rounded(feather),
            color=rounded(color),
            detail=rounded(detail),
        )

    def prepare(self, ctx: Context, params: AutoencoderSwapParams) -> _Prepared:
        """Align the target and find the donor's decoder.

        Raises:
            ItemError: ``no_decoder``: the weights were not trained on the donor.
        """
        donor = ctx.need_donor()
        check_face(ctx.target.landmarks)
        check_face(donor.landmarks)
        trained = self._trained()
        identity = trained.place(donor.identity)
        if identity is None:
            raise ItemError(
                "no_decoder",
                f"weights {self.config.weights!r} have no decoder for {donor.identity!r}",
            )
        size = trained.shape.size
        matrix = face_matrix(ctx.target.landmarks, size)
        face = take_aligned(ctx.target.image, matrix, size)
        inside = hull_mask(ctx.target.landmarks, matrix, size)
        return _Prepared(face, matrix, encoder_input(face, inside), identity)

    def run(self, prepared: Sequence[_Prepared]) -> list[Made]:
        """See base class."""
        made: list[Made] = self._network()([(one.seen, one.identity) for one in prepared])
        return made

    def finish(
        self, ctx: Context, params: AutoencoderSwapParams, prepared: _Prepared, output: Made
    ) -> Result:
        """Match colors, limit the mask and paste the face back."""
        if isinstance(output, ItemError):
            raise output
        image, decoded = output
        stage = _stage(ctx, params, prepared, decoded)
        image = reinhard(image, prepared.face, stage.inside, params.color)
        return Result(
            _pasted(ctx, params, prepared, stage, image),
            expand(stage.mask, stage.region, ctx.target.image.shape),
            ctx.target.landmarks.copy(),
        )

    def control(self, ctx: Context, params: AutoencoderSwapParams) -> Image:
        """Paste the aligned target back under the mask of the fake."""
        prepared = self.prepare(ctx, params)
        (output,) = self.run([prepared])
        if isinstance(output, ItemError):
            raise output
        stage = _stage(ctx, params, prepared, output[1])
        return _pasted(ctx, params, prepared, stage, prepared.face)

    def run_record(self) -> Mapping[str, Any]:
        """See base class."""
        given = self.config
        facts = torch_facts(given.device, given.precision, given.threads)
        return {**facts, "batch": self._network().batch}


@dataclass(frozen=True, slots=True)
class _Stage:
    """Masks of one fake.

    Attributes:
        region: Region that changes.
        mask: Mask of the region.
        inside: Mask of the aligned face, 255 where colors are compared.
    """

    region: Region
    mask: Mask
    inside: Mask


def _stage(
    ctx: Context, params: AutoencoderSwapParams, prepared: _Prepared, decoded: Mask
) -> _Stage:
    """Limit the mask to the target's outline and, outside its features, to the decoder's mask."""
    size = prepared.face.shape[0]
    points = move_points(ctx.target.landmarks, prepared.matrix)
    canvas = masks.Canvas(Region(0, 0, size, size), size, size)
    outline = masks.fill(convex_hull(face_outline(points, params.lift)), canvas)
    core = masks.dilate(masks.fill(convex_hull(points[FEATURES]), canvas), 0.02 * size)
    shown = np.maximum(masks.threshold(decoded, 127), core)
    within = np.minimum(outline, shown)
    shrunk = round(params.shrink * size)
    if shrunk:
        within = np.asarray(cv2.erode(within, np.ones((3, 3), np.uint8), iterations=shrunk))
    within = masks.soften(masks.feather(within, params.feather * size), _SMOOTH * size)
    region = pasted_region(prepared.matrix, size, ctx.target.image.shape)
    mask = np.minimum(
        box_mask(prepared.matrix, size, region), map_back(within, prepared.matrix, region)
    )
    return _Stage(region, mask, masks.threshold(within, 127))


def _pasted(
    ctx: Context, params: AutoencoderSwapParams, prepared: _Prepared, stage: _Stage, face: Image
) -> Image:
    """Return the target with ``face`` and a share of the detail lost in the network's format."""
    matrix, region = prepared.matrix, stage.region
    home = map_back(face, matrix, region).astype(np.float32)
    fine = region.of(ctx.target.image).astype(np.float32)
    fine -= map_back(prepared.face, matrix, region)
    home += np.float32(params.detail) * fine
    sharp = np.clip(np.rint(home, out=home), 0, 255).astype(np.uint8)
    return paste(ctx.target.image, sharp, stage.mask, region)
