"""Cropping or padding, scaled back to the original size."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from pydantic import model_validator

from datagen.core.arrays import Image
from datagen.core.fields import Range
from datagen.core.schema import Frozen
from datagen.degradations.base import Degradation, Homography, Shape
from datagen.degradations.ops.draws import between, check_ranges
from datagen.degradations.ops.geometry import Border, Rect, backdrop, fit

__all__ = ["CropPad", "CropPadOptions", "CropPadParams"]


class CropPadOptions(Frozen):
    """Options of ``crop_pad``.

    Attributes:
        modes: Modes to draw from with equal probability: ``crop`` enlarges a window of the image;
            ``pad`` shrinks the image and adds a border.
        amount: Share of both sides that is cut off or becomes border, 0 to 0.6.
        aspect: Factor on the width-to-height ratio of the content, 0.8 to 1.25.
        borders: Borders of ``pad`` to draw from: a single level, or a blurred copy.
    """

    modes: tuple[Literal["crop", "pad"], ...] = ("crop", "pad")
    amount: Range = (0.0, 0.3)
    aspect: Range = (0.95, 1.05)
    borders: tuple[Border, ...] = ("black", "gray", "blur")

    @model_validator(mode="after")
    def _sane(self) -> CropPadOptions:
        check_ranges(self, {"amount": (0, 0.6), "aspect": (0.8, 1.25)})
        if not self.modes:
            raise ValueError("modes: must have at least one of crop, pad")
        if not self.borders:
            raise ValueError("borders: must have at least one of black, gray, blur")
        return self


class CropPadParams(Frozen):
    """What was drawn for one pair.

    Attributes:
        mode: ``crop`` or ``pad``.
        box: Window that is kept, or new position of the image: x0, y0, x1, y1 in whole pixels,
            ends excluded.
        border: Border of ``pad``; unused for ``crop``.
    """

    mode: Literal["crop", "pad"]
    box: tuple[int, int, int, int]
    border: Border


class CropPad(Degradation):
    """Crop a window and enlarge it, or shrink the image and add a border."""

    name = "crop_pad"
    options = CropPadOptions
    params = CropPadParams
    levels = tuple(
        {"amount": amount, "aspect": aspect}
        for amount, aspect in (
            ([0.03, 0.05], 1.0),
            ([0.08, 0.1], 1.0),
            ([0.13, 0.16], [0.97, 1.03]),
            ([0.19, 0.22], [0.94, 1.06]),
            ([0.25, 0.28], [0.9, 1.11]),
        )
    )
    moves = True
    only_moves = True
    config: CropPadOptions

    def sample(self, rng: np.random.Generator, shape: Shape) -> CropPadParams:
        """Draw a window of whole pixels."""
        draws = rng.random(6)
        mode = self.config.modes[int(draws[0] * len(self.config.modes))]
        border = self.config.borders[int(draws[1] * len(self.config.borders))]
        left = 1 - between(draws[2], self.config.amount)
        aspect = between(draws[3], self.config.aspect)
        # The ratio of the content: a narrow window that fills the frame looks wide.
        wide = aspect if mode == "pad" else 1 / aspect
        shares = (left * min(1, wide), left * min(1, 1 / wide))
        width, height = (
            max(1, round(side * share)) for side, share in zip(shape[::-1], shares, strict=True)
        )
        x0 = round(draws[4] * (shape[1] - width))
        y0 = round(draws[5] * (shape[0] - height))
        return CropPadParams(mode=mode, box=(x0, y0, x0 + width, y0 + height), border=border)

    def apply(self, image: Image, params: CropPadParams) -> Image:
        """Crop and enlarge (cubic), or shrink (area averages) and add the border."""
        height, width = image.shape[:2]
        x0, y0, x1, y1 = params.box
        if params.box == (0, 0, width, height):
            return image
        if params.mode == "crop":
            window = np.ascontiguousarray(image[y0:y1, x0:x1])
            enlarged = cv2.resize(window, (width, height), interpolation=cv2.INTER_CUBIC)
            return np.asarray(enlarged, np.uint8)
        small = cv2.resize(image, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA)
        out = backdrop(image, params.border)
        out[y0:y1, x0:x1] = small
        return out

    def homography(self, params: CropPadParams, shape: Shape) -> Homography:
        """Return the map from window to frame, or from frame to window."""
        frame: Rect = (0, 0, shape[1], shape[0])
        box = params.box
        return fit(box, frame) if params.mode == "crop" else fit(frame, box)
