"""Low light: an underexposed image that the camera amplifies and denoises."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from datagen.core.arrays import Image
from datagen.core.fields import Range
from datagen.core.images import is_gray
from datagen.core.schema import Frozen
from datagen.degradations.base import Degradation, Shape
from datagen.degradations.beauty import smoothed
from datagen.degradations.ops.draws import between, check_ranges
from datagen.degradations.ops.noise import GAMMA, GRAY_TOLERANCE, normals

__all__ = ["LowLight", "LowLightOptions", "LowLightParams"]

_WINDOW = 0.015
_FULL = 65535  # white, in the 16 bits of linear light


class LowLightOptions(Frozen):
    """Options of ``low_light``.

    Attributes:
        stops: Underexposure in stops (powers of two), 0 to 8.
        shot: Shot noise: variance per unit of remaining linear light (0 to 1), 0 to 0.1.
        read: Read noise: standard deviation in linear light (0 to 1), 0 to 0.1.
        lift: Share of the stops that the camera compensates, 0 to 1.
        denoise: Strength of the noise reduction, which also removes the finest detail, 0 to 1.
    """

    stops: Range = (1.0, 5.0)
    shot: Range = (0.0002, 0.002)
    read: Range = (0.0005, 0.004)
    lift: Range = (0.3, 0.9)
    denoise: Range = (0.2, 0.9)

    @model_validator(mode="after")
    def _sane(self) -> LowLightOptions:
        bounds = {"stops": (0, 8), "shot": (0, 0.1), "read": (0, 0.1)}
        check_ranges(self, bounds | {"lift": (0, 1), "denoise": (0, 1)})
        return self


class LowLightParams(Frozen):
    """What was drawn for one pair, in the units of the options.

    Attributes:
        stops, shot, read, lift, denoise: Values within the ranges of the options.
        seed: Seed of the noise.
    """

    stops: float
    shot: float
    read: float
    lift: float
    denoise: float
    seed: int


class LowLight(Degradation):
    """Exposure, shot and read noise, partial amplification and noise reduction, in this order.

    The noise model is that of Foi et al. (IEEE TIP 2008), added in linear light (gamma 2.2), so
    that it is amplified with the image and clipped at black. All images of a pair get the same
    noise field; gray images stay gray.
    """

    name = "low_light"
    options = LowLightOptions
    params = LowLightParams
    levels = tuple(
        {"stops": stops, "shot": shot, "read": read, "lift": lift, "denoise": denoise}
        for stops, shot, read, lift, denoise in (
            ([0.4, 0.6], 0.0001, 0.0003, [0.6, 0.7], [0.2, 0.3]),
            ([1.2, 1.5], 0.0003, 0.0006, [0.6, 0.7], [0.3, 0.4]),
            ([2.2, 2.6], 0.0006, 0.001, [0.55, 0.65], [0.4, 0.5]),
            ([3.4, 3.8], 0.0015, 0.003, [0.55, 0.65], [0.5, 0.6]),
            ([4.8, 5.4], 0.003, 0.006, [0.5, 0.6], [0.6, 0.7]),
        )
    )
    grain = ("seed",)
    config: LowLightOptions

    def sample(self, rng: np.random.Generator, shape: Shape) -> LowLightParams:
        """Draw all five values and a seed."""
        draws, config = rng.random(5), self.config
        return LowLightParams(
            stops=between(draws[0], config.stops),
            shot=between(draws[1], config.shot),
            read=between(draws[2], config.read),
            lift=between(draws[3], config.lift),
            denoise=between(draws[4], config.denoise),
            seed=int(rng.integers(2**32)),
        )

    def apply(self, image: Image, params: LowLightParams) -> Image:
        """Darken, add noise, amplify and smooth."""
        return self.apply_all([image], params)[0]

    def apply_all(self, images: Sequence[Image], params: LowLightParams) -> list[Image]:
        """Degrade all images with one noise field."""
        fields: dict[tuple[int, ...], NDArray[np.float32]] = {}
        out = []
        for image in images:
            if image.shape not in fields:
                fields[image.shape] = normals(params.seed, image.shape)
            field = fields[image.shape]
            if is_gray(image, GRAY_TOLERANCE):
                first = np.asarray(cv2.extractChannel(field, 0), np.float32)
                field = np.asarray(cv2.merge([first] * 3), np.float32)
            out.append(_clean(_expose(image, field, params), params))
        return out


def _expose(image: Image, field: NDArray[np.float32], params: LowLightParams) -> Image:
    light = np.linspace(0, 1, 256) ** GAMMA * 2**-params.stops
    gain = 2 ** (params.stops * params.lift) * _FULL
    deviation = gain * np.sqrt(params.shot * light + params.read**2)
    noise = cv2.multiply(field, cv2.LUT(image, deviation.astype(np.float32)))
    exposed = cv2.LUT(image, (gain * light).astype(np.float32))
    amplified = np.asarray(cv2.add(exposed, noise, dtype=cv2.CV_16U), np.uint16)
    return np.take(_coded(), amplified, mode="clip")


@cache
def _coded() -> NDArray[np.uint8]:
    light = np.arange(65536, dtype=np.float32) / _FULL
    return np.rint(255 * np.minimum(light, 1) ** np.float32(1 / GAMMA)).astype(np.uint8)


def _clean(image: Image, params: LowLightParams) -> Image:
    """Smooth structures weaker than the noise that the camera expects at this gain."""
    if params.denoise == 0:
        return image
    expected = 2 ** (params.stops * params.lift) * np.hypot(
        params.read, np.sqrt(params.shot * 0.2 * 2**-params.stops)
    )
    edge = float(np.clip(255 * expected * 1.5, 1, 60))
    smooth = smoothed(image, _WINDOW, edge)
    mixed = cv2.addWeighted(image, 1 - params.denoise, smooth, params.denoise, 0)
    return np.asarray(mixed, np.uint8)
