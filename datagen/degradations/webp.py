"""Lossy WebP compression, once or several times."""

from __future__ import annotations

import numpy as np
from pydantic import model_validator

from datagen.core.arrays import Image
from datagen.core.fields import IntRange
from datagen.core.images import decode, encode_with_pillow
from datagen.core.schema import Frozen
from datagen.core.versions import pillow_name
from datagen.degradations.base import Degradation, Shape
from datagen.degradations.ops.draws import check_ranges, whole

__all__ = ["Webp", "WebpOptions", "WebpParams"]

_MAX = 3


class WebpOptions(Frozen):
    """Options of ``webp``.

    Attributes:
        quality: Quality of each pass on libwebp's scale, 1 to 100.
        passes: Number of compressions in a row, 1 to 3, each with its own quality.
        effort: ``method`` of libwebp, 0 to 6. Programs use 4, which gives smaller files of the
            same appearance and takes three to four times as long as 0.
    """

    quality: IntRange = (20, 95)
    passes: IntRange = (1, 1)
    effort: IntRange = (0, 0)

    @model_validator(mode="after")
    def _sane(self) -> WebpOptions:
        check_ranges(self, {"quality": (1, 100), "passes": (1, _MAX), "effort": (0, 6)})
        return self


class WebpParams(Frozen):
    """What was drawn for one pair.

    Attributes:
        quality: Quality of each pass, in order, 1 to 100.
        effort: ``method`` of libwebp, 0 to 6.
    """

    quality: tuple[int, ...]
    effort: int


class Webp(Degradation):
    """WebP compression (RFC 9649, intra frames of VP8): smeared detail and soft blocks."""

    name = "webp"
    options = WebpOptions
    params = WebpParams
    levels = tuple(
        {"quality": quality, "passes": 1, "effort": 0}
        for quality in ([86, 92], [60, 66], [34, 40], [14, 18], [2, 4])
    )
    config: WebpOptions

    def sample(self, rng: np.random.Generator, shape: Shape) -> WebpParams:
        """Draw three qualities, of which the drawn number is used."""
        draws = rng.random(2 + _MAX).tolist()
        count = whole(draws[0], self.config.passes)
        return WebpParams(
            quality=tuple(whole(draw, self.config.quality) for draw in draws[2 : 2 + count]),
            effort=whole(draws[1], self.config.effort),
        )

    def apply(self, image: Image, params: WebpParams) -> Image:
        """Encode with Pillow, which supports ``effort``, and decode."""
        for quality in params.quality:
            data = encode_with_pillow(image, "WEBP", quality=quality, method=params.effort)
            image = decode(data)
        return image

    def encoder(self, params: WebpParams) -> str:
        """Name Pillow and its libwebp."""
        return pillow_name("webp", "libwebp")
