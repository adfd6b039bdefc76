"""Printing and scanning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from datagen.core.arrays import Image
from datagen.core.fields import Range
from datagen.core.schema import Frozen
from datagen.degradations.base import Degradation, Homography, Shape
from datagen.degradations.ops.draws import between, check_ranges, plain
from datagen.degradations.ops.geometry import keystone, rotation
from datagen.degradations.ops.print import Screens, dot_screens, grain_screens, paper, separate

__all__ = ["PrintScan", "PrintScanOptions", "PrintScanParams"]

_BOUNDS = {
    "dots": (40, 600),
    "hardness": (0, 1),
    "gain": (0, 0.4),
    "texture": (0, 20),
    "shade": (0, 0.3),
    "gamma": (0.6, 1.6),
    "turn": (0, 10),
    "tilt": (0, 0.1),
    "blur": (0, 0.02),
    "sharpen": (0, 3),
}
_RISING = ("dots", "hardness", "gain", "texture", "shade", "turn", "tilt", "blur", "sharpen")
_MIN_PERIOD = 1.5  # of dots, in pixels of the scan; finer dots are not visible


class PrintScanOptions(Frozen):
    """Options of ``print_scan``.

    Attributes:
        processes: Printing processes to draw from with equal probability: ``halftone`` for dots of
            cyan, magenta, yellow and black at 15, 75, 0 and 45 degrees, ``inkjet`` for drops spread
            like the grain of error diffusion.
        dots: Number of dots across the short side, 40 to 600: a face 4 cm wide has 240 at 150 lines
            per inch. Drops of ``inkjet`` are half as wide. Dots are at least 1.5 pixels wide.
        hardness: Contrast of the dots that the scanner resolves, from 0 for even tones to 1.
        gain: Dot gain in the midtones as a share of the paper, 0 to 0.4; darkens the image.
        texture: Standard deviation of the paper's grain in 8-bit intensity levels, 0 to 20.
        shade: Darkness and warmth of the paper, 0 to 0.3.
        gamma: Exponent of the scanner's tone curve, 0.6 to 1.6.
        turn: Maximum rotation in degrees, 0 to 10; the image is enlarged to fill the frame.
        tilt: Perspective, as with a phone used as a scanner: maximum motion of a corner, as a share
            of the side, 0 to 0.1.
        blur: Standard deviation of the scanner's blur, as a share of the short side, 0 to 0.02.
        sharpen: Amount of unsharp masking by the scanner's software, 0 to 3.
    """

    processes: tuple[Literal["halftone", "inkjet"], ...] = ("halftone", "inkjet")
    dots: Range = (120.0, 400.0)
    hardness: Range = (0.2, 0.8)
    gain: Range = (0.0, 0.2)
    texture: Range = (1.0, 6.0)
    shade: Range = (0.0, 0.12)
    gamma: Range = (0.85, 1.2)
    turn: Range = (0.0, 3.0)
    tilt: Range = (0.0, 0.03)
    blur: Range = (0.001, 0.003)
    sharpen: Range = (0.2, 1.2)

    @model_validator(mode="after")
    def _sane(self) -> PrintScanOptions:
        check_ranges(self, _BOUNDS)
        if not self.processes:
            raise ValueError("processes: must have at least one of halftone, inkjet")
        return self


class PrintScanParams(Frozen):
    """What was drawn for one pair.

    Attributes:
        process: ``halftone`` or ``inkjet``.
        period: Period of the dots in pixels.
        turn: Rotation in degrees, positive counterclockwise.
        corners: Outward motion of each corner in x and y, as shares of the sides, clockwise from
            the upper left.
        hardness, gain, texture, shade, gamma, blur, sharpen: As in the options.
        seed: Seed of the grain of ink and paper.
    """

    process: Literal["halftone", "inkjet"]
    period: float
    hardness: float
    gain: float
    texture: float
    shade: float
    gamma: float
    turn: float
    corners: tuple[
        tuple[float, float], tuple[float, float], tuple[float, float], tuple[float, float]
    ]
    blur: float
    sharpen: float
    seed: int


class _Setting(NamedTuple):
    """Everything that does not depend on the image, computed once per pair."""

    matrix: Homography
    screens: Screens
    sheet: NDArray[np.float32]
    tones: NDArray[np.uint8]
    sigma: float


class PrintScan(Degradation):
    """Print and scan: a screen of dots or grain, paper, optics and sharpening."""

    name = "print_scan"
    options = PrintScanOptions
    params = PrintScanParams
    levels = tuple(
        dict(zip(_RISING, row, strict=True))
        for row in (
            (380, 0.12, 0.03, 1.0, 0.02, 0.3, 0.005, 0.001, 0.3),
            (300, 0.35, 0.06, 2.0, 0.04, 0.8, 0.01, 0.0015, 0.5),
            (230, 0.5, 0.1, 3.5, 0.07, 1.5, 0.02, 0.002, 0.7),
            (160, 0.7, 0.15, 5.5, 0.11, 3.0, 0.03, 0.003, 0.9),
            (100, 0.9, 0.22, 9.0, 0.16, 5.0, 0.05, 0.004, 1.2),
        )
    )
    moves = True
    tints = True
    config: PrintScanOptions

    def sample(self, rng: np.random.Generator, shape: Shape) -> PrintScanParams:
        """Draw printer, paper and scanner."""
        drawn = {name: between(rng.random(), getattr(self.config, name)) for name in _BOUNDS}
        corners = rng.random((4, 2)) * drawn.pop("tilt")
        process = self.config.processes[int(rng.random() * len(self.config.processes))]
        dots = drawn.pop("dots") * (2 if process == "inkjet" else 1)
        period = max(min(shape) / dots, _MIN_PERIOD)
        return PrintScanParams.model_validate(
            {
                **drawn,
                "process": process,
                "period": plain(period),
                "corners": tuple((plain(x), plain(y)) for x, y in corners),
                "turn": plain(drawn["turn"] * (2 * rng.random() - 1)),
                "seed": int(rng.integers(2**32)),
            }
        )

    def apply(self, image: Image, params: PrintScanParams) -> Image:
        """Print and scan the image."""
        return self.apply_all([image], params)[0]

    def apply_all(self, images: Sequence[Image], params: PrintScanParams) -> list[Image]:
        """Print and scan all images with the same dots, grain and paper."""
        height, width = images[0].shape[:2]
        setting = self._setting(params, (height, width))
        return [_print(image, setting, params) for image in images]

    def homography(self, params: PrintScanParams, shape: Shape) -> Homography:
        """Return rotation followed by perspective; the print fills the frame."""
        matrix = keystone(shape, params.corners) @ rotation(shape, params.turn, cover=True)
        return np.asarray(matrix / matrix[2, 2], np.float64)

    def _setting(self, params: PrintScanParams, shape: Shape) -> _Setting:
        if params.process == "halftone":
            screens = dot_screens(shape, params.period, params.turn)
        else:
            screens = grain_screens(shape, params.period, params.seed)
        sheet = paper(shape, params.texture, params.shade, params.seed)
        ramp = np.linspace(0, 1, 256) ** params.gamma
        tones = np.rint(255 * ramp).astype(np.uint8)[None]
        sigma = max(params.blur * min(shape), 0.3)
        return _Setting(self.homography(params, shape), screens, sheet, tones, sigma)


def _print(image: Image, setting: _Setting, params: PrintScanParams) -> Image:
    size = (image.shape[1], image.shape[0])
    edge = cv2.BORDER_REFLECT_101
    seen = cv2.warpPerspective(image, setting.matrix, size, flags=cv2.INTER_LINEAR, borderMode=edge)
    inks = separate(np.asarray(seen, np.uint8), params.gain)
    printed = setting.screens.ink(inks, params.hardness)
    scanned = cv2.multiply(printed, setting.sheet, dtype=cv2.CV_8U)
    reach = 2 * int(np.ceil(1.5 * setting.sigma)) + 1
    soft = cv2.GaussianBlur(scanned, (reach, reach), setting.sigma)
    wide = cv2.blur(soft, (reach, reach))
    sharp = cv2.addWeighted(soft, 1 + params.sharpen, wide, -params.sharpen, 0)
    return np.asarray(cv2.LUT(sharp, setting.tones), np.uint8)
