"""Rotation by a few degrees."""

from __future__ import annotations

from typing import Literal, TypeAlias

import cv2
import numpy as np
from pydantic import model_validator

from datagen.core.arrays import Image
from datagen.core.fields import Range
from datagen.core.schema import Frozen
from datagen.degradations.base import Degradation, Homography, Shape
from datagen.degradations.ops.draws import between, check_ranges
from datagen.degradations.ops.geometry import Border, backdrop, rotation

__all__ = ["Rotate", "RotateOptions", "RotateParams"]

Fill: TypeAlias = Literal["zoom"] | Border


class RotateOptions(Frozen):
    """Options of ``rotate``.

    Attributes:
        degrees: Angle in degrees, 0 to 45, in either direction with equal probability.
        fills: How the corners are filled, drawn with equal probability: ``zoom`` enlarges the image
            until no corner is empty; the others show a single level or a blurred copy.
    """

    degrees: Range = (0.0, 15.0)
    fills: tuple[Fill, ...] = ("zoom", "black", "gray", "blur")

    @model_validator(mode="after")
    def _sane(self) -> RotateOptions:
        check_ranges(self, {"degrees": (0, 45)})
        if not self.fills:
            raise ValueError("fills: must have at least one of zoom, black, gray, blur")
        return self


class RotateParams(Frozen):
    """What was drawn for one pair.

    Attributes:
        degrees: Angle in degrees, -45 to 45, positive counterclockwise.
        fill: How the corners are filled.
    """

    degrees: float
    fill: Fill


class Rotate(Degradation):
    """Rotate about the center."""

    name = "rotate"
    options = RotateOptions
    params = RotateParams
    levels = tuple(
        {"degrees": degrees} for degrees in ([1, 2], [3, 4.5], [6, 8], [10, 13], [17, 22])
    )
    moves = True
    only_moves = True
    config: RotateOptions

    def sample(self, rng: np.random.Generator, shape: Shape) -> RotateParams:
        """Draw angle and fill."""
        draws = rng.random(3)
        degrees = between(draws[0], self.config.degrees)
        return RotateParams(
            degrees=degrees if draws[1] < 0.5 else -degrees,
            fill=self.config.fills[int(draws[2] * len(self.config.fills))],
        )

    def apply(self, image: Image, params: RotateParams) -> Image:
        """Rotate with cubic interpolation."""
        if params.degrees == 0:
            return image
        height, width = image.shape[:2]
        matrix = self.homography(params, (height, width))
        if params.fill == "zoom":
            size, edge = (width, height), cv2.BORDER_REFLECT_101
            turned = cv2.warpAffine(image, matrix[:2], size, flags=cv2.INTER_CUBIC, borderMode=edge)
            return np.asarray(turned, np.uint8)
        out = backdrop(image, params.fill)
        # BORDER_TRANSPARENT keeps the background wherever the image has no pixel.
        return np.asarray(
            cv2.warpAffine(
                image,
                matrix[:2],
                (width, height),
                dst=out,
                flags=cv2.INTER_CUBIC,
                borderMode=cv2.BORDER_TRANSPARENT,
            ),
            np.uint8,
        )

    def homography(self, params: RotateParams, shape: Shape) -> Homography:
        """Return the rotation about the center, with magnification for ``zoom``."""
        return rotation(shape, params.degrees, cover=params.fill == "zoom")
