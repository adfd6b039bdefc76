"""The last step: the encoder of the release, drawn once for a pair and the same for each member."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from datagen.core.arrays import Image, Mask
from datagen.errors import ItemError

__all__ = ["Encoding", "draw_encoding", "encode", "encode_mask"]

_MEDIA = {
    "jpeg": ("jpg", "image/jpeg"),
    "png": ("png", "image/png"),
    "webp": ("webp", "image/webp"),
}
_SAMPLING = {
    "4:2:0": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    "4:2:2": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
    "4:4:4": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
}
# Level 1 is three times as fast as the default and five per cent larger on photographs.
_PNG_LEVEL = 1
_LOSSLESS = 101  # OpenCV: a WebP quality above 100
_DEFAULT_QUALITY = {"jpeg": (95, 95), "png": None, "webp": None}


@dataclass(frozen=True, slots=True)
class Encoding:
    """What was drawn; ``quality`` is null when lossless, ``subsampling`` for all but JPEG."""

    format: str
    quality: int | None = None
    subsampling: str | None = None

    @property
    def suffix(self) -> str:
        """Ending of the file name."""
        return _MEDIA[self.format][0]

    @property
    def media_type(self) -> str:
        """IANA media type."""
        return _MEDIA[self.format][1]

    def record(self) -> dict[str, str | int | None]:
        """Return the manifest's ``encoder`` as a JSON-like value."""
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
        rng: Stream of the pair's encoder.
        format_: ``jpeg``, ``png`` or ``webp``.
        quality: Both ends included; ``None``: 95 for JPEG, lossless for WebP.
        subsampling: To choose from; ``None``: 4:2:0.
    """
    span = quality or _DEFAULT_QUALITY[format_]
    drawn = None if span is None else int(rng.integers(span[0], span[1] + 1))
    if format_ != "jpeg":
        return Encoding(format_, drawn)
    choices = list(subsampling or ["4:2:0"])
    return Encoding(format_, drawn, choices[int(rng.integers(len(choices)))])


def encode(image: Image, encoding: Encoding) -> bytes:
    """Return the bytes of an image; no metadata beside what the format demands."""
    if encoding.format == "jpeg":
        flags = [
            cv2.IMWRITE_JPEG_QUALITY,
            int(encoding.quality or 0),
            cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
            _SAMPLING[encoding.subsampling or "4:2:0"],
        ]
    elif encoding.format == "webp":
        flags = [cv2.IMWRITE_WEBP_QUALITY, encoding.quality or _LOSSLESS]
    else:
        flags = [cv2.IMWRITE_PNG_COMPRESSION, _PNG_LEVEL]
    return _encoded(cv2.cvtColor(image, cv2.COLOR_RGB2BGR), f".{encoding.suffix}", flags)


def encode_mask(mask: Mask) -> bytes:
    """Return an 8-bit gray PNG."""
    return _encoded(mask, ".png", [cv2.IMWRITE_PNG_COMPRESSION, _PNG_LEVEL])


def _encoded(image: np.ndarray, suffix: str, flags: list[int]) -> bytes:
    done, data = cv2.imencode(suffix, image, flags)
    if not done:
        raise ItemError("method_failed", f"the encoder refused a {suffix} image")
    return data.tobytes()
