"""The encoder of the release: settings are drawn once per pair and are equal for its images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from datagen.core.arrays import Image
from datagen.core.images import encode_jpeg, encode_png, encode_webp
from datagen.degradations.ops.draws import whole
from datagen.recipe.clips import ClipEncode
from datagen.video.encode import ClipEncoding

__all__ = ["Encoding", "draw_clip_encoding", "draw_encoding", "encode"]

_MEDIA = {
    "jpeg": ("jpg", "image/jpeg"),
    "png": ("png", "image/png"),
    "webp": ("webp", "image/webp"),
}
_CRF, _GOP = (18, 28), (12, 50)
_DEFAULT_QUALITY = {"jpeg": (95, 95), "png": None, "webp": None}


@dataclass(frozen=True, slots=True)
class Encoding:
    """Encoder settings of one pair.

    Attributes:
        format: ``jpeg``, ``png`` or ``webp``.
        quality: Encoder quality; ``None`` for lossless formats.
        subsampling: Chroma subsampling, e.g. ``4:2:0``; ``None`` unless the format is JPEG.
    """

    format: str
    quality: int | None = None
    subsampling: str | None = None

    @property
    def suffix(self) -> str:
        """Extension of the file name."""
        return _MEDIA[self.format][0]

    @property
    def media_type(self) -> str:
        """IANA media type."""
        return _MEDIA[self.format][1]

    def record(self) -> dict[str, str | int | None]:
        """Return the manifest's column ``encoder`` as a JSON-like value."""
        return {
            "format": self.format,
            "quality": self.quality,
            "subsampling": self.subsampling,
            "library": f"opencv {cv2.__version__}",
        }


def draw_encoding(
    rng: np.random.Generator,
    format_: str,
    quality: tuple[int, int] | None,
    subsampling: Sequence[str] | None,
) -> Encoding:
    """Draw quality and subsampling from the recipe's ranges.

    Args:
        rng: Random generator of the pair's encoder.
        format_: ``jpeg``, ``png`` or ``webp``.
        quality: Range of the quality, both ends included; ``None`` means 95 for JPEG and
            lossless for the others.
        subsampling: Allowed chroma subsamplings; ``None`` means 4:2:0.
    """
    bounds = quality or _DEFAULT_QUALITY[format_]
    drawn = None if bounds is None else int(rng.integers(bounds[0], bounds[1] + 1))
    if format_ != "jpeg":
        return Encoding(format_, drawn)
    choices = list(subsampling or ["4:2:0"])
    return Encoding(format_, drawn, choices[int(rng.integers(len(choices)))])


def draw_clip_encoding(rng: np.random.Generator, ranges: ClipEncode) -> ClipEncoding:
    """Draw codec, rate factor and distance of key frames from the recipe's ranges.

    Args:
        rng: Random generator of the pair's encoder.
        ranges: The recipe's key ``encode``; by default both codecs, a rate factor of 18 to 28, key
            frames every 12 to 50 frames, and the preset ``medium``.
    """
    codec, crf, gop = rng.random(3)
    if ranges.format != "mp4":
        return ClipEncoding(ranges.format, "ffv1" if ranges.format == "mkv" else "png")
    codecs = ranges.codec or ("h264", "h265")
    return ClipEncoding(
        format="mp4",
        codec=codecs[int(codec * len(codecs))],
        crf=whole(crf, ranges.crf or _CRF),
        gop=whole(gop, ranges.gop or _GOP),
        preset=ranges.preset or "medium",
    )


def encode(image: Image, encoding: Encoding) -> bytes:
    """Return the bytes of an image; no metadata beyond what the format requires."""
    if encoding.format == "jpeg":
        return encode_jpeg(image, encoding.quality or 0, encoding.subsampling or "4:2:0")
    if encoding.format == "webp":
        return encode_webp(image, encoding.quality)
    return encode_png(image)
