"""Whether compressed pixels are whole: decoders fill up with gray what is lost, and say nothing."""

from __future__ import annotations

import zlib

import numpy as np
import simplejpeg

from datagen.core.arrays import Image
from datagen.core.image_headers import parts_of
from datagen.errors import ImageError

__all__ = ["check_tiff", "whole_jpeg"]

_DEFLATE = (8, 32946)
_JPEG = 7
_MOST = 2**29  # bytes of a strip or a tile: the largest image has fewer
_START, _END = b"\xff\xd8", b"\xff\xd9"


def whole_jpeg(data: bytes) -> Image:
    """Decode a JPEG as RGB.

    Raises:
        ImageError: Bits are missing or left over, or it cannot be decoded.
    """
    try:
        return np.asarray(simplejpeg.decode_jpeg(data, colorspace="RGB", strict=True), np.uint8)
    except ValueError as error:
        raise ImageError(f"damaged: {str(error).strip()}") from None


def check_tiff(data: bytes) -> None:
    """Look into strips and tiles that decoders accept though they are damaged: deflate and JPEG.

    Raises:
        ImageError: One of them is damaged.
    """
    compression, tables, parts = parts_of(data)
    for number, part in enumerate(parts):
        if compression in _DEFLATE:
            _check_deflate(part, number)
        elif compression == _JPEG:
            _check_jpeg(tables.removesuffix(_END) + part.removeprefix(_START), number)


def _check_deflate(part: bytes, number: int) -> None:
    unpacked = zlib.decompressobj()
    try:
        unpacked.decompress(part, _MOST)
    except zlib.error as error:
        raise ImageError(f"damaged: part {number} of a TIFF: {error}") from None
    if not unpacked.eof:
        raise ImageError(f"damaged: part {number} of a TIFF is incomplete (truncated?)")


def _check_jpeg(part: bytes, number: int) -> None:
    whole = part if part.startswith(_START) else _START + part
    try:  # at an eighth of the size: all bits are read, and little is computed
        simplejpeg.decode_jpeg(whole, colorspace="GRAY", strict=True, min_height=1, min_width=1)
    except ValueError as error:
        raise ImageError(f"damaged: part {number} of a TIFF: {str(error).strip()}") from None
