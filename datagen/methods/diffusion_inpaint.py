"""Inpainting of a part of the face by a diffusion network, with a mask from the landmarks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from pydantic import Field

from datagen.core.arrays import Image, Mask
from datagen.core.rounding import rounded
from datagen.core.schema import Frozen
from datagen.errors import ItemError
from datagen.faces import masks
from datagen.faces.face import FaceCrop
from datagen.faces.geometry.outline import check_face
from datagen.faces.pixels.blend import Region, expand, paste
from datagen.methods.base import Context, Result
from datagen.methods.diffusion_base import RepaintMethod
from datagen.networks.diffusion.images import ImageOrError, resized
from datagen.networks.diffusion.mask import (
    PAINTED,
    PaintedPart,
    is_visible,
    painted_mask,
    square_around,
)
from datagen.networks.diffusion.noise import draw_noise_seed
from datagen.networks.diffusion.open import INPAINT
from datagen.networks.diffusion.options import RepaintOptions, Strength
from datagen.networks.diffusion.prompts import Prompt, compose, words
from datagen.networks.diffusion.repaint import Request

__all__ = ["DiffusionInpaint", "DiffusionInpaintOptions", "DiffusionInpaintParams"]

_MAX_LOSS = 255**2 / 10**3.05  # mean squared error at a PSNR of 30.5 dB


class DiffusionInpaintOptions(RepaintOptions):
    """Options of ``diffusion_inpaint``.

    Attributes:
        parts: Parts that may be repainted; one is drawn per face.
        strength: Range of the share of the noise schedule that is applied, above 0 and at most
            1; at 1 nothing of the part itself is left.
    """

    parts: tuple[PaintedPart, ...] = Field(default=PAINTED, min_length=1)
    strength: Strength = (0.7, 1.0)


class DiffusionInpaintParams(Frozen):
    """Parameters of one fake.

    Attributes:
        part: The part that is repainted.
        margin, feather: Distance that the full mask extends beyond the part, and width of its
            soft edge, as shares of the face's width.
        strength: Share of the noise schedule that is applied.
        prompt: Keys of the vocabulary; ``None`` if the network takes no prompt.
        noise_seed: Seed of the noise.
    """

    part: PaintedPart
    margin: float = Field(ge=0, le=1)
    feather: float = Field(ge=0, le=1)
    strength: float = Field(gt=0, le=1)
    prompt: Prompt | None
    noise_seed: int = Field(ge=0)


class _Prepared(NamedTuple):
    """One face, prepared for the network.

    Attributes:
        request: Input of the network.
        square: Region of the crop that the network sees.
        mask: Soft mask within the square.
    """

    request: Request
    square: Region
    mask: Mask


class DiffusionInpaint(RepaintMethod):
    """Repaint mouth, eyes, nose, face or hair with a diffusion network.

    The fake has the target's landmarks, because the network returns only pixels.
    """

    name = "diffusion_inpaint"
    family = "attribute_edit"
    options = DiffusionInpaintOptions
    params = DiffusionInpaintParams
    min_change = 3.0
    kinds = INPAINT
    mode = "Inpaint"
    paper = (
        "Rombach et al., CVPR 2022, High-Resolution Image Synthesis with Latent Diffusion Models, "
        "section 4.5; Lugmayr et al., CVPR 2022, RePaint"
    )
    config: DiffusionInpaintOptions

    def sample(self, rng: np.random.Generator, ctx: Context) -> DiffusionInpaintParams:
        """Draw prompt, noise and a part that is inside the image and survives resampling."""
        face, config = ctx.target, self.config
        check_face(face.landmarks)
        margin, feather = rounded(rng.uniform(0.02, 0.07)), rounded(rng.uniform(0.04, 0.09))
        side = self._side()
        seen = [part for part in config.parts if _is_paintable(face, part, margin, feather, side)]
        if not seen:
            raise ItemError(
                "method_failed",
                f"no part of {', '.join(config.parts)} is inside the image and coarse enough "
                f"for the network's {side} pixels",
            )
        prompt = compose(rng, face.age, face.sex, config.prompt)
        return DiffusionInpaintParams(
            part=seen[int(rng.integers(len(seen)))],
            margin=margin,
            feather=feather,
            strength=rounded(rng.uniform(*config.strength)),
            prompt=prompt if self._contract().conditioned else None,
            noise_seed=draw_noise_seed(rng),
        )

    def prepare(self, ctx: Context, params: DiffusionInpaintParams) -> _Prepared:
        """See base class."""
        side = self._side()
        square, mask = _masked_square(ctx.target, params.part, params.margin, params.feather)
        request = Request(
            resized(np.ascontiguousarray(square.of(ctx.target.image)), side, side),
            # Including pixels that the soft edge only slightly shows.
            masks.threshold(np.asarray(resized(masks.threshold(mask, 0), side, side)), 0),
            "" if params.prompt is None else words(params.prompt),
            params.noise_seed,
            params.strength,
        )
        return _Prepared(request, square, mask)

    def run(self, prepared: Sequence[_Prepared]) -> list[ImageOrError]:
        """See base class."""
        return self._repaint([one.request for one in prepared])

    def finish(
        self,
        ctx: Context,
        params: DiffusionInpaintParams,
        prepared: _Prepared,
        output: ImageOrError,
    ) -> Result:
        """See base class."""
        if isinstance(output, ItemError):
            raise output
        target = ctx.target
        image, mask = _put_back(target.image, output, prepared.square, prepared.mask)
        return Result(image, mask, target.landmarks.copy())

    def control(self, ctx: Context, params: DiffusionInpaintParams) -> Image:
        """Resize the square to the network's side and back, without running the network."""
        side = self._side()
        square, mask = _masked_square(ctx.target, params.part, params.margin, params.feather)
        return _round_trip(ctx.target.image, square, mask, side)


def _is_paintable(
    face: FaceCrop, part: PaintedPart, margin: float, feather: float, side: int
) -> bool:
    """Return whether a part is inside the image and not too fine for the network's side.

    Where the square is reduced, fake and control alike lose detail.
    """
    if not is_visible(part, face.landmarks, face.image.shape):
        return False
    try:
        square, mask = _masked_square(face, part, margin, feather)
    except ItemError:
        return False
    inside = masks.threshold(expand(mask, square, face.image.shape), 0)
    control = _round_trip(face.image, square, mask, side)
    squared = cv2.norm(control, face.image, cv2.NORM_L2SQR, inside)
    return squared / (3 * max(cv2.countNonZero(inside), 1)) < _MAX_LOSS


def _masked_square(
    face: FaceCrop, part: PaintedPart, margin: float, feather: float
) -> tuple[Region, Mask]:
    """Return the region of the crop that the network sees, and the soft mask within it."""
    check_face(face.landmarks)
    region, mask = painted_mask(part, face.image, face.landmarks, margin, feather)
    square = square_around(region, face.image.shape)
    return square, np.ascontiguousarray(square.of(expand(mask, region, face.image.shape)))


def _round_trip(image: Image, square: Region, mask: Mask, side: int) -> Image:
    own = resized(np.ascontiguousarray(square.of(image)), side, side)
    return _put_back(image, own, square, mask)[0]


def _put_back(target: Image, face: Image, square: Region, mask: Mask) -> tuple[Image, Mask]:
    home = resized(face, square.width, square.height)
    return paste(target, home, mask, square), expand(mask, square, target.shape)
