"""Occlusions: blocks, stickers, captions and emoji, all drawn by the program."""

from __future__ import annotations

from typing import Literal, TypeAlias

import cv2
import numpy as np
from pydantic import model_validator

from datagen.core.arrays import Image
from datagen.core.fields import IntRange, Range
from datagen.core.schema import Frozen
from datagen.degradations.base import Degradation, Shape
from datagen.degradations.ops.draws import between, check_ranges, whole
from datagen.degradations.ops.overlays import Pen, block, caption, emoji, sticker

__all__ = ["Occlude", "OccludeOptions", "OccludeParams"]

Kind: TypeAlias = Literal["blocks", "sticker", "text", "emoji"]

_BLOCK = 8


class OccludeOptions(Frozen):
    """Options of ``occlude``.

    Attributes:
        kind: Kinds of objects to draw from; one kind per pair.
        count: Number of objects, 1 to 100.
        size: Size of the objects as a share of the short side, 0.02 to 1; varies by a quarter.
        per_256: Instead of the other three: number of gray blocks of 8 x 8 pixels per whole 256
            pixels of the short side, 1 to 1000; none on smaller images.
    """

    kind: tuple[Kind, ...] = ("blocks", "sticker", "text", "emoji")
    count: IntRange = (1, 4)
    size: Range = (0.08, 0.3)
    per_256: IntRange | None = None

    @model_validator(mode="after")
    def _sane(self) -> OccludeOptions:
        if not self.kind:
            raise ValueError("kind: must have at least one of blocks, sticker, text, emoji")
        check_ranges(self, {"count": (1, 100), "size": (0.02, 1)})
        if self.per_256 is not None:
            check_ranges(self, {"per_256": (1, 1000)})
            if {"kind", "count", "size"} & self.model_fields_set:
                raise ValueError("per_256: excludes 'kind', 'count' and 'size'")
        return self


class OccludeParams(Frozen):
    """What was drawn for one pair.

    Attributes:
        kind: Kind of the objects.
        count: Number of objects.
        size: Size as a share of the short side; 0 for gray blocks of 8 x 8 pixels.
        seed: Seed of positions, angles, shapes and colors.
    """

    kind: Kind
    count: int
    size: float
    seed: int


class Occlude(Degradation):
    """Hide parts of the image, at the same positions in all images of a pair.

    ``per_256`` of 16, 32, 48, 64 or 80 is BW of DeeperForensics-1.0 (Jiang et al., CVPR 2020).
    """

    name = "occlude"
    options = OccludeOptions
    params = OccludeParams
    levels = (
        {"count": 1, "size": [0.08, 0.11]},
        {"count": 2, "size": [0.12, 0.15]},
        {"count": 3, "size": [0.18, 0.21]},
        {"count": 4, "size": [0.25, 0.3]},
        {"count": 6, "size": [0.36, 0.42]},
    )
    tints = True
    config: OccludeOptions

    def sample(self, rng: np.random.Generator, shape: Shape) -> OccludeParams:
        """Draw kind, number and size, and a seed for everything else."""
        draws, seed, config = rng.random(3), int(rng.integers(2**32)), self.config
        if config.per_256 is not None:
            count = min(shape) // 256 * whole(draws[1], config.per_256)
            return OccludeParams(kind="blocks", count=count, size=0.0, seed=seed)
        return OccludeParams(
            kind=config.kind[int(draws[0] * len(config.kind))],
            count=whole(draws[1], config.count),
            size=between(draws[2], config.size),
            seed=seed,
        )

    def encoder(self, params: OccludeParams) -> str | None:
        """Name OpenCV if it draws text: its fonts differ between versions."""
        return f"opencv {cv2.__version__}" if params.kind == "text" else None

    def apply(self, image: Image, params: OccludeParams) -> Image:
        """Draw one object after another; a larger count starts with the same objects."""
        if params.count == 0:
            return image
        out = image.copy()
        height, width = image.shape[:2]
        draws = np.random.Generator(np.random.Philox(params.seed)).random((params.count, 6))
        if params.size == 0:
            corners = (draws[:, :2] * [width - _BLOCK, height - _BLOCK]).astype(int)
            for x, y in corners:
                out[y : y + _BLOCK, x : x + _BLOCK] = 128
            return out
        for row in draws:
            radius = params.size * min(height, width) * (0.75 + 0.5 * row[2]) / 2
            center = row[:2] * [width, height]
            if params.kind == "text":
                caption(out, center, radius, row[3:])
            elif params.kind == "blocks":
                block(out, center, radius, row[3:])
            else:
                tilt = np.radians(50 * row[3] - 25)
                pen = Pen(out, center, radius, float(tilt))
                (emoji if params.kind == "emoji" else sticker)(pen, row[4:])
        return out
