"""Noise: Gaussian, raw sensor noise, or noise after a camera's processing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import cv2
import numpy as np
from pydantic import model_validator

from datagen.core.arrays import Image
from datagen.core.fields import Range
from datagen.core.images import is_gray
from datagen.core.schema import Frozen
from datagen.degradations.base import Degradation, Shape
from datagen.degradations.ops.draws import between, check_ranges, plain
from datagen.degradations.ops.noise import (
    GRAY_TOLERANCE,
    Field,
    blotches,
    grain,
    normals,
    photon_noise,
    shading,
)

__all__ = ["Noise", "NoiseOptions", "NoiseParams"]

Kind: TypeAlias = Literal["gaussian", "sensor", "iso"]
Space: TypeAlias = Literal["rgb", "ycbcr"]

# BT.601, full range, from luma and the two differences to R, G, B.
_TO_RGB = np.array([[1, 0, 1.402], [1, -0.344136, -0.714136], [1, 1.772, 0]], np.float32)
_STUDIO = np.array([255 / 219, 255 / 224, 255 / 224], np.float32)


class NoiseOptions(Frozen):
    """Options of ``noise``.

    Attributes:
        kind: Kinds of noise to draw from.
        variance: For ``gaussian``: variance of values from 0 to 1, 0 to 0.25.
        space: For ``gaussian``: color space, ``rgb`` or limited-range ``ycbcr`` (luma 16-235, color
            differences 16-240).
        shot: For ``sensor``: variance per unit of linear light (0 to 1), 0 to 0.5.
        read: For ``sensor``: standard deviation without light, in linear light (0 to 1), 0 to 0.2.
        luma: For ``iso``: standard deviation of the luma in 8-bit intensity levels, 0 to 80.
        chroma: For ``iso``: standard deviation of each color difference in 8-bit intensity levels,
            0 to 80.
        grain: For ``iso``: standard deviation of a grain's shape, as a share of the short side, 0
            to 0.05; blotches of color are four times as wide.
    """

    kind: tuple[Kind, ...] = ("gaussian", "sensor", "iso")
    variance: Range = (0.0001, 0.01)
    space: Space = "rgb"
    shot: Range = (0.0005, 0.03)
    read: Range = (0.001, 0.02)
    luma: Range = (2.0, 22.0)
    chroma: Range = (1.0, 8.0)
    grain: Range = (0.0012, 0.0035)

    @model_validator(mode="after")
    def _sane(self) -> NoiseOptions:
        if not self.kind:
            raise ValueError("kind: must have at least one of gaussian, sensor, iso")
        bounds = {"variance": (0, 0.25), "shot": (0, 0.5), "read": (0, 0.2), "grain": (0, 0.05)}
        check_ranges(self, bounds | {"luma": (0, 80), "chroma": (0, 80)})
        return self


class NoiseParams(Frozen):
    """What was drawn for one pair, in the units of the options.

    Attributes:
        kind: Kind of noise.
        space: Color space of ``gaussian``.
        variance, shot, read, luma, chroma, grain: As in the options; 0 if the kind does not use it.
        seed: Seed of the noise field.
    """

    kind: Kind
    space: Space
    variance: float
    shot: float
    read: float
    luma: float
    chroma: float
    grain: float
    seed: int


class Noise(Degradation):
    """Noise with one field for all images of a pair; gray images get only its luma.

    ``sensor`` is the Poisson-Gaussian model of Foi et al. (IEEE TIP 2008): variance
    ``shot * light + read ** 2`` in linear light, encoded with a gamma of 2.2. ``gaussian`` in
    ``ycbcr`` with variance .001, .002, .005, .01 or .05 is GNC of DeeperForensics-1.0 (Jiang et
    al., CVPR 2020), rounded here, where that code truncates. ``iso_noise`` of albumentations is
    not used: it shifts hues, never darkens and is several times slower.
    """

    name = "noise"
    options = NoiseOptions
    params = NoiseParams
    levels = tuple(
        {
            "variance": [round((deviation / 255) ** 2, 6), round((1.15 * deviation / 255) ** 2, 6)],
            "shot": [shot, 1.3 * shot],
            "read": read,
            "luma": [1.1 * deviation, 1.3 * deviation],
            "chroma": [0.3 * deviation, 0.45 * deviation],
        }
        for deviation, shot, read in (
            (3.5, 0.0006, 0.002),
            (7, 0.0025, 0.004),
            (13, 0.009, 0.008),
            (22, 0.028, 0.02),
            (38, 0.09, 0.04),
        )
    )
    grain = ("seed",)
    config: NoiseOptions

    def sample(self, rng: np.random.Generator, shape: Shape) -> NoiseParams:
        """Draw kind, strength (uniform in the standard deviation, not in the variance) and seed."""
        draws, seed, config = rng.random(7), int(rng.integers(2**32)), self.config
        kind = config.kind[int(draws[0] * len(config.kind))]
        drawn = {
            "gaussian": {"variance": _root_between(draws[1], config.variance)},
            "sensor": {
                "shot": _root_between(draws[2], config.shot),
                "read": between(draws[3], config.read),
            },
            "iso": {
                "luma": between(draws[4], config.luma),
                "chroma": between(draws[5], config.chroma),
                "grain": between(draws[6], config.grain),
            },
        }[kind]
        nothing = dict.fromkeys(("variance", "shot", "read", "luma", "chroma", "grain"), 0.0)
        space: Space = config.space if kind == "gaussian" else "rgb"
        return NoiseParams.model_validate(
            {"kind": kind, "space": space, "seed": seed, **nothing, **drawn}
        )

    def apply(self, image: Image, params: NoiseParams) -> Image:
        """Add the noise field, scaled by the brightness of each pixel."""
        return self.apply_all([image], params)[0]

    def apply_all(self, images: Sequence[Image], params: NoiseParams) -> list[Image]:
        """Degrade all images; each noise field is computed once."""
        fields: dict[tuple[int, int, bool], Field] = {}
        out = []
        for image in images:
            key = (image.shape[0], image.shape[1], is_gray(image, GRAY_TOLERANCE))
            if key not in fields:
                fields[key] = _field(params, key)
            out.append(_add(image, fields[key], params))
        return out


def _field(params: NoiseParams, key: tuple[int, int, bool]) -> Field:
    """Return the noise field before it is scaled by brightness, ``(h, w, 3)``."""
    height, width, gray = key
    if params.kind == "iso":
        side = params.grain * min(height, width)
        luma = params.luma * grain(params.seed, (height, width), side)
        first, second = blotches(params.seed + 1, (height, width), 4 * side)
        planes = cv2.merge([luma, params.chroma * first, params.chroma * second])
    else:
        planes = normals(params.seed, (height, width, 3))
    matrix = np.eye(3, dtype=np.float32) if params.space == "rgb" else _TO_RGB * _STUDIO
    if params.kind == "iso":
        matrix = _TO_RGB
    if gray:
        # All three channels get the first column, which is luma in YCbCr.
        matrix = np.outer(np.ones(3, np.float32), [matrix[0, 0], 0, 0]).astype(np.float32)
    if params.kind == "gaussian":
        matrix = matrix * np.float32(255 * np.sqrt(params.variance))
    return np.asarray(cv2.transform(planes, matrix), np.float32)


def _add(image: Image, field: Field, params: NoiseParams) -> Image:
    if params.kind != "gaussian":
        iso = params.kind == "iso"
        scale = shading() if iso else photon_noise(params.shot, params.read)
        field = np.asarray(cv2.multiply(field, cv2.LUT(image, scale)), np.float32)
    return np.asarray(cv2.add(image, field, dtype=cv2.CV_8U), np.uint8)


def _root_between(draw: float, span: tuple[float, float]) -> float:
    low, high = np.sqrt(span)
    return plain((low + draw * (high - low)) ** 2)
