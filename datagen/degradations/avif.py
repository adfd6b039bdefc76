"""AVIF, the still image format of AV1.

HEIF with HEVC is not included: no wheel ships an HEVC encoder without the GPL or patent licenses.
"""

from __future__ import annotations

import numpy as np
from PIL import features
from pydantic import model_validator

from datagen.core.arrays import Image
from datagen.core.fields import IntRange
from datagen.core.images import encode_with_pillow, read_rgb
from datagen.core.schema import Frozen
from datagen.core.versions import pillow_name
from datagen.degradations.base import Degradation, Shape
from datagen.degradations.ops.draws import check_ranges, whole
from datagen.errors import UserError

__all__ = ["Avif", "AvifOptions", "AvifParams"]


class AvifOptions(Frozen):
    """Options of ``avif``.

    Attributes:
        quality: Quality on libavif's scale, 1 to 100.
        speed: Speed of libavif, 0 to 10; 10 is fastest, and 6, the usual setting of programs,
            takes ten times as long.
    """

    quality: IntRange = (15, 90)
    speed: IntRange = (10, 10)

    @model_validator(mode="after")
    def _sane(self) -> AvifOptions:
        check_ranges(self, {"quality": (1, 100), "speed": (0, 10)})
        return self


class AvifParams(Frozen):
    """What was drawn for one pair.

    Attributes:
        quality: Quality, 1 to 100.
        speed: Speed, 0 to 10.
    """

    quality: int
    speed: int


class Avif(Degradation):
    """AVIF compression: flattened texture and clean edges.

    Encodes with the defaults of libavif up to version 1.2 (libaom, 4:2:0, tuned for SSIM).
    """

    name = "avif"
    options = AvifOptions
    params = AvifParams
    levels = tuple(
        {"quality": quality, "speed": 10}
        for quality in ([82, 88], [64, 70], [46, 50], [28, 32], [8, 10])
    )
    config: AvifOptions

    def __init__(self, config: Frozen) -> None:
        if not features.check("avif"):
            raise UserError(
                "degradation 'avif' needs Pillow with AVIF support, but the installed Pillow has "
                "none. Install it with: pip install 'pillow>=11.3'"
            )
        super().__init__(config)

    def sample(self, rng: np.random.Generator, shape: Shape) -> AvifParams:
        """Draw quality and speed."""
        draws = rng.random(2).tolist()
        return AvifParams(
            quality=whole(draws[0], self.config.quality),
            speed=whole(draws[1], self.config.speed),
        )

    def apply(self, image: Image, params: AvifParams) -> Image:
        """Encode and decode."""
        data = encode_with_pillow(
            image,
            "AVIF",
            quality=params.quality,
            speed=params.speed,
            subsampling="4:2:0",
            codec="aom",
            advanced={"tune": "ssim"},
            max_threads=1,
        )
        return read_rgb(data)

    def encoder(self, params: AvifParams) -> str:
        """Name Pillow and its libavif."""
        return pillow_name("avif", "libavif")
