"""Which way is up: the one place that finds out how an image must be turned."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import cv2
import numpy as np

from datagen.core.arrays import Image
from datagen.core.image_headers import Header, exif_of, orientation

__all__ = ["find_orientation", "turned_upright"]

_PREFIX = b"Exif\x00\x00"
_IN_XMP = re.compile(rb"""tiff:Orientation\s*(?:=\s*["']|>)\s*([1-8])""")
_FLIPS = {2: 1, 3: -1, 4: 0, 6: 1, 7: -1, 8: 0}  # after transposing from 5 on; see cv2.flip


def find_orientation(data: bytes, header: Header, info: Mapping[str, Any]) -> int:
    """Return the orientation of an image as EXIF numbers it, 1 (upright) to 8.

    The first of these that states one counts: the EXIF block (of a TIFF, its own tag); for a PNG,
    EXIF in a text chunk; XMP. In an AVIF only its own properties count (``irot``, ``imir``), as
    its specification says.

    Args:
        data: All bytes of the file.
        header: Its header.
        info: What Pillow found around the pixels.
    """
    if header.format == "AVIF":  # Pillow states the properties as EXIF
        blocks, packets = [_block(info.get("exif"))], []
    else:
        blocks = [exif_of(data), *_texts(info, "exif"), *_texts(info, "APP1")]
        packets = [_block(info.get("xmp")), _block(info.get("XML:com.adobe.xmp"))]
        packets += [*_texts(info, "xmp"), *_texts(info, "APP1")]
    stated = [orientation(block) for block in blocks]
    stated += [int(found[1]) for packet in packets if (found := _IN_XMP.search(packet))]
    return next((one for one in stated if one), 1)


def turned_upright(image: Image, orientation: int) -> Image:
    """Return an image as it is meant to be seen.

    Args:
        image: As it is stored.
        orientation: As EXIF numbers it, 1 to 8.
    """
    if orientation in (5, 6, 7, 8):
        image = np.asarray(cv2.transpose(image), np.uint8)
    if orientation in _FLIPS:
        image = np.asarray(cv2.flip(image, _FLIPS[orientation]), np.uint8)
    return image


def _texts(info: Mapping[str, Any], kind: str) -> Iterator[bytes]:
    """Yield what ImageMagick writes as hex digits into text chunks of a PNG."""
    text = info.get(f"Raw profile type {kind}")
    if isinstance(text, str):
        digits = "".join(text.split("\n")[3:])  # behind an empty line, the kind and the length
        try:
            yield _block(bytes.fromhex(digits))
        except ValueError:  # not hex: it states nothing
            return


def _block(value: object) -> bytes:
    block = value.encode("utf-8", "replace") if isinstance(value, str) else value
    if not isinstance(block, bytes):
        return b""
    while block.startswith(_PREFIX):
        block = block[len(_PREFIX) :]
    return block
