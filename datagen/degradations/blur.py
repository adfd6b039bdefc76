"""Blur: soft optics, a moving or unfocused camera, or a zoom during the exposure."""

from __future__ import annotations

from typing import Literal, TypeAlias

import cv2
import numpy as np
from pydantic import model_validator

from datagen.core.arrays import Image
from datagen.core.fields import Range
from datagen.core.schema import Frozen
from datagen.degradations.base import Degradation, Shape
from datagen.degradations.ops.blur import defocus, gaussian, motion, zoom
from datagen.degradations.ops.draws import between, check_ranges, plain

__all__ = ["Blur", "BlurOptions", "BlurParams"]

Kind: TypeAlias = Literal["gaussian", "motion", "defocus", "zoom"]


class BlurOptions(Frozen):
    """Options of ``blur``.

    Attributes:
        kind: Kinds of blur to draw from.
        width: Width as a share of the short side, 0 to 0.5. ``motion``: length of the path;
            ``defocus``: diameter of the disc; ``gaussian``: four standard deviations, those of
            such a disc; ``zoom``: length of the path half a short side away from the center.
        kernel: For ``gaussian`` only, instead of ``width``: odd side length of the kernel in
            pixels, 3 to 99; the same for all image sizes, as in published benchmarks.
        sigma: With ``kernel``: standard deviation in pixels, 0.1 to 50; a sixth of the kernel if
            left out.
    """

    kind: tuple[Kind, ...] = ("gaussian", "motion", "defocus", "zoom")
    width: Range = (0.005, 0.06)
    kernel: int | None = None
    sigma: float | None = None

    @model_validator(mode="after")
    def _sane(self) -> BlurOptions:
        if not self.kind:
            raise ValueError("kind: must have at least one of gaussian, motion, defocus, zoom")
        check_ranges(self, {"width": (0, 0.5)})
        if self.kernel is None:
            if self.sigma is not None:
                raise ValueError("sigma: needs 'kernel'")
            return self
        if self.kind != ("gaussian",) or "width" in self.model_fields_set:
            raise ValueError("kernel: needs kind: [gaussian] and excludes 'width'")
        if not 3 <= self.kernel <= 99 or self.kernel % 2 == 0:
            raise ValueError("kernel: must be an odd number of pixels from 3 to 99")
        if self.sigma is not None and not 0.1 <= self.sigma <= 50:
            raise ValueError("sigma: must be a number within 0.1 and 50")
        return self


class BlurParams(Frozen):
    """What was drawn for one pair.

    Attributes:
        kind: Kind of blur.
        width: Width, as in the options; 0 with ``kernel``.
        angle: Direction of ``motion`` in degrees, from the x axis toward the y axis.
        middle: Center of ``zoom``: x and y as shares of the sides.
        kernel, sigma: Kernel size and standard deviation in pixels, if the options set them.
    """

    kind: Kind
    width: float
    angle: float = 0.0
    middle: tuple[float, float] = (0.5, 0.5)
    kernel: int | None = None
    sigma: float | None = None


class Blur(Degradation):
    """Gaussian, motion, defocus or zoom blur with centered kernels, so that nothing moves.

    ``gaussian`` with kernel 7, 9, 13, 17 or 21 is GB of DeeperForensics-1.0 (Jiang et al., CVPR
    2020). The blurs of albumentations are not used: their motion and zoom work in whole pixels.
    """

    name = "blur"
    options = BlurOptions
    params = BlurParams
    levels = tuple(
        {"width": width}
        for width in ([0.007, 0.01], [0.016, 0.02], [0.03, 0.036], [0.05, 0.06], [0.085, 0.1])
    )
    config: BlurOptions

    def sample(self, rng: np.random.Generator, shape: Shape) -> BlurParams:
        """Draw kind, width, direction and center."""
        draws, config = rng.random(5), self.config
        kind = config.kind[int(draws[0] * len(config.kind))]
        if config.kernel is not None:
            sigma = config.kernel / 6 if config.sigma is None else config.sigma
            return BlurParams(kind=kind, width=0.0, kernel=config.kernel, sigma=sigma)
        width = between(draws[1], config.width)
        if kind == "motion":
            return BlurParams(kind=kind, width=width, angle=plain(180 * draws[2]))
        if kind == "zoom":
            middle = (between(draws[3], (0.35, 0.65)), between(draws[4], (0.35, 0.65)))
            return BlurParams(kind=kind, width=width, middle=middle)
        return BlurParams(kind=kind, width=width)

    def apply(self, image: Image, params: BlurParams) -> Image:
        """Blur the image."""
        if params.kernel is not None:
            size = (params.kernel, params.kernel)
            return np.asarray(cv2.GaussianBlur(image, size, params.sigma or 0), np.uint8)
        width = params.width * min(image.shape[:2])
        if width < 0.5:
            return image
        if params.kind == "gaussian":
            return gaussian(image, width / 4)
        if params.kind == "defocus":
            return defocus(image, width)
        if params.kind == "motion":
            return motion(image, width, np.radians(params.angle))
        return zoom(image, params.width, params.middle)
