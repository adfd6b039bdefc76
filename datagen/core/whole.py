"""Whether compressed pixels are whole: decoders fill up with gray what is lost, and say nothing."""

from __future__ import annotations

import zlib

import numpy as np
import simplejpeg

from datagen.core.arrays import Image
from datagen.core.image_headers import (
    Header,
    check_metadata,
    parts_of,
    read_header,
    tile_of,
    unpacked_size,
)
from datagen.errors import ImageError

__all__ = ["check_tiff", "whole_jpeg"]

_DEFLATE = (8, 32946)
_JPEG = 7
_BYTES = 8  # of a pixel, at most: eight bits for each of four channels, and as much again
_SPARE = 2**20
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


def check_tiff(data: bytes, header: Header) -> None:
    """Look into strips and tiles that decoders accept though they are damaged: deflate and JPEG.

    Raises:
        ImageError: One of them is damaged, or together they unpack to more than the pixels.
    """
    compression, tables, parts = parts_of(data)
    width, height = tile_of(data)
    left = (header.width + width) * (header.height + height) * _BYTES + _SPARE
    for number, part in enumerate(parts):
        if compression in _DEFLATE:
            left -= _check_deflate(part, number, left)
        elif compression == _JPEG:
            joined = tables.removesuffix(_END) + bytes(part).removeprefix(_START)
            left -= _check_jpeg(joined, number, left)


def _check_deflate(part: memoryview, number: int, most: int) -> int:
    """Return the number of bytes that a part unpacks to."""
    try:
        total = unpacked_size([part], most)
    except zlib.error as error:
        raise ImageError(f"damaged: part {number} of a TIFF: {error}") from None
    if total is None:
        raise ImageError(f"damaged: part {number} of a TIFF is incomplete (truncated?)")
    if total > most:
        raise _too_much(number)
    return total


def _check_jpeg(part: bytes, number: int, most: int) -> int:
    """Return the number of pixels of a part."""
    whole = part if part.startswith(_START) else _START + part
    try:
        found = read_header(whole)
        check_metadata(whole, found)
    except ImageError as error:
        raise ImageError(f"damaged: part {number} of a TIFF: {error}") from None
    if (pixels := found.width * found.height) > most:
        raise _too_much(number)
    try:  # at an eighth of the size: all bits are read, and little is computed
        simplejpeg.decode_jpeg(whole, colorspace="GRAY", strict=True, min_height=1, min_width=1)
    except ValueError as error:
        raise ImageError(f"damaged: part {number} of a TIFF: {str(error).strip()}") from None
    return pixels


def _too_much(number: int) -> ImageError:
    return ImageError(
        f"damaged: the parts of a TIFF unpack to more than its pixels (part {number})"
    )
