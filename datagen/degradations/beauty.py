"""Skin smoothing, as in camera apps."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from datagen.core.arrays import Image
from datagen.core.fields import Range
from datagen.core.schema import Frozen
from datagen.degradations.base import Degradation, Shape
from datagen.degradations.ops.draws import between, check_ranges

__all__ = ["Beauty", "BeautyOptions", "BeautyParams", "smoothed"]

_MIDDLE = 0.5


class BeautyOptions(Frozen):
    """Options of ``beauty``.

    Attributes:
        strength: Share of the fine texture that is removed, 0 to 1.
        edge: Contrast below which a structure counts as texture, in 8-bit intensity levels, 1 to
            100.
        radius: Side length of the neighborhood, as a share of the short side, 0.005 to 0.1.
        brighten: Brightening of the midtones, as a share of the intensity range, 0 to 0.3.
    """

    strength: Range = (0.3, 1.0)
    edge: Range = (5.0, 20.0)
    radius: Range = (0.015, 0.035)
    brighten: Range = (0.0, 0.1)

    @model_validator(mode="after")
    def _sane(self) -> BeautyOptions:
        bounds = {"strength": (0, 1), "edge": (1, 100), "radius": (0.005, 0.1)}
        check_ranges(self, bounds | {"brighten": (0, 0.3)})
        return self


class BeautyParams(Frozen):
    """What was drawn for one pair, in the units of the options."""

    strength: float
    edge: float
    radius: float
    brighten: float


class Beauty(Degradation):
    """Edge-preserving smoothing of the whole image; no face is detected.

    A guided filter (He et al., ECCV 2010) with the image's own luma as the guide, computed at half
    size, followed by a curve that brightens the midtones.
    """

    name = "beauty"
    options = BeautyOptions
    params = BeautyParams
    levels = tuple(
        {"strength": strength, "edge": edge, "radius": radius, "brighten": brighten}
        for strength, edge, radius, brighten in (
            ([0.35, 0.45], [5, 7], [0.015, 0.018], 0.01),
            ([0.55, 0.65], [8, 10], [0.018, 0.022], 0.03),
            ([0.75, 0.85], [11, 13], [0.022, 0.026], 0.055),
            ([0.9, 1.0], [14, 17], [0.026, 0.03], 0.085),
            (1.0, [19, 22], [0.03, 0.035], 0.13),
        )
    )
    config: BeautyOptions

    def sample(self, rng: np.random.Generator, shape: Shape) -> BeautyParams:
        """Draw all four values."""
        draws, config = rng.random(4), self.config
        return BeautyParams(
            strength=between(draws[0], config.strength),
            edge=between(draws[1], config.edge),
            radius=between(draws[2], config.radius),
            brighten=between(draws[3], config.brighten),
        )

    def apply(self, image: Image, params: BeautyParams) -> Image:
        """Smooth, mix and brighten."""
        smooth = smoothed(image, params.radius, params.edge)
        mixed = cv2.addWeighted(image, 1 - params.strength, smooth, params.strength, 0)
        return np.asarray(cv2.LUT(mixed, _lift(params.brighten)), np.uint8)


def smoothed(image: Image, radius: float, edge: float) -> Image:
    """Smooth structures with less contrast than ``edge`` within a window.

    Args:
        image: The image.
        radius: Side length of the window, as a share of the short side.
        edge: Standard deviation in 8-bit intensity levels at which a window keeps half of its
            contrast.
    """
    height, width = image.shape[:2]
    half = (max(1, width // 2), max(1, height // 2))
    small = cv2.resize(image, half, interpolation=cv2.INTER_AREA)
    side = 2 * max(1, round(radius * min(half) / 2)) + 1
    window = (side, side)
    soft = cv2.blur(cv2.blur(small, window), window)
    luma = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    mean = cv2.blur(luma, window)
    variance = np.subtract(cv2.blur(cv2.multiply(luma, luma), window), cv2.multiply(mean, mean))
    # Squared variances, where the guided filter has plain ones, preserve strong edges.
    square = np.square(np.maximum(variance, 0))
    kept = cv2.blur(square / (square + np.float32(edge**4)), window)
    kept = cv2.resize(kept, (width, height), interpolation=cv2.INTER_LINEAR)
    soft = cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.blendLinear(image, soft, kept, np.subtract(1, kept)), np.uint8)


def _lift(amount: float) -> NDArray[np.uint8]:
    """Return a tone curve that keeps black and white and raises the middle by ``amount``."""
    gamma = np.log(_MIDDLE + amount) / np.log(_MIDDLE)
    return np.asarray(np.rint(255 * np.linspace(0, 1, 256) ** gamma), np.uint8)
