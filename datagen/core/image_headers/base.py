"""What the first bytes of an image file state, and the limits that hold for it."""

from __future__ import annotations

from dataclasses import dataclass

from datagen.errors import ImageError

__all__ = ["MAX_PARTS", "Header", "damaged"]

MAX_PARTS = 200_000
"""Chunks or segments of one file that are walked through: 100 megapixels in parts of 2 KiB."""


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
