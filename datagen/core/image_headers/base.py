"""What the first bytes of an image file state, and the limits that hold for it."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from datagen.errors import ImageError

__all__ = ["MAX_PARTS", "Header", "damaged", "unpacked_size"]

MAX_PARTS = 200_000
"""Chunks or segments of one file that are walked through: 100 megapixels in parts of 2 KiB."""

_TAKEN, _GIVEN = 2**16, 2**20  # bytes at once


@dataclass(frozen=True, slots=True)
class Header:
    """The size of an image, before anything is unpacked.

    Attributes:
        format: Name of the format, as Pillow spells it.
        width: Width in pixels, before the orientation is applied.
        height: Height in pixels, before the orientation is applied.
        still: Whether it states a single image, not an animation or pages.
        hidden: Pixels of all that is unpacked for it, where a format can hide some.
    """

    format: str
    width: int
    height: int
    still: bool = True
    hidden: int = 0


def damaged(what: str) -> ImageError:
    """Return the error for a header that contradicts its format."""
    return ImageError(f"damaged: {what}")


def unpacked_size(parts: Iterable[bytes | memoryview], most: int) -> int | None:
    """Return how many bytes deflate packed into some parts, without keeping them.

    Args:
        parts: The parts of one stream, in their order.
        most: Where to stop: a size beyond it is only a lower bound.

    Returns:
        ``None`` if the stream does not end.

    Raises:
        zlib.error: It is damaged.
    """
    stream, total = zlib.decompressobj(), 0
    for part in parts:
        for start in range(0, len(part), _TAKEN):
            rest: bytes | memoryview = part[start : start + _TAKEN]
            while rest and not stream.eof and total <= most:
                total += len(stream.decompress(rest, _GIVEN))
                rest = stream.unconsumed_tail
    return total if stream.eof or total > most else None
