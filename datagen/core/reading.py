"""The one place that reads the images of sources: strictly for the index, then fast for the job.

Both give the same upright sRGB pixels: the index decodes as the job does, and compares that with
what a second, stricter decoder makes of the file.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from PIL import Image as Pillow

from datagen.core.arrays import Image
from datagen.core.color_profile import to_srgb
from datagen.core.decoders import MOVING, by_opencv, decoding, opened_by_pillow
from datagen.core.image_headers import (
    Header,
    check_metadata,
    check_whole,
    other_color_space,
    read_header,
)
from datagen.core.images import average_down
from datagen.core.orientation import find_orientation, turned_upright
from datagen.core.whole import check_tiff, whole_jpeg
from datagen.errors import ImageError

__all__ = ["Photograph", "probe", "read_again"]

_GOOD_MODES = ("RGB", "L")
_TURNS_ITSELF = "TIFF"  # Pillow turns it upright while it loads it, by the same tags
_MAX_DIFFERENCE = 1.0
"""Intensity levels by which two correct decoders differ on average, at most."""


@dataclass(frozen=True, slots=True)
class Photograph:
    """An image of a source as the index sees it.

    Attributes:
        image: The upright pixels, sRGB.
        orientation: How they are stored, as EXIF numbers it, 1 (upright) to 8.
    """

    image: Image
    orientation: int


def probe(data: bytes) -> Photograph:
    """Read strictly, for the index: ``read_again`` can read fast what passes here.

    The file's first bytes decide what it is, whatever its name says, and nothing is unpacked
    before its size is known. Gray images become RGB.

    Raises:
        ImageError: Not of a format that is read, damaged or incomplete, animated, with alpha or a
            palette, CMYK, of more than 8 bits, in a color space without a usable profile, or too
            large; the message says which.
    """
    header = read_header(data)
    check_metadata(data, header)
    with decoding(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about metadata; the pixels are checked below
        check_whole(data, header)
        strict = _strictly(data, header)
    image = by_opencv(data, header)
    if image is None:
        image = strict.image
    else:
        _check_agreement(image, strict.image)
    upright = _finished(image, header, strict.colors, strict.orientation)
    return Photograph(upright, strict.orientation)


def read_again(data: bytes, orientation: int, shrink: int = 1) -> Image:
    """Read an image that ``probe`` has passed.

    Args:
        data: The file's bytes, known by digest to be those that were probed.
        orientation: What ``probe`` found.
        shrink: 1, 2, 4 or 8: a JPEG is decoded at that fraction of its size, which the inverse
            DCT gives at a lower cost; other formats are averaged down.

    Returns:
        The upright image with sides of ``ceil(side / shrink)`` pixels.

    Raises:
        ImageError: Not of a format that is read, or damaged.
    """
    header = read_header(data)
    # Turned upright, partial last blocks of a JPEG may be the first ones: all pixels of the small
    # image would be up to ``shrink - 1`` source pixels off.
    partial = header.width % shrink or header.height % shrink
    reduced = header.format == "JPEG" and not (orientation != 1 and partial)
    if shrink > 1 and not reduced:
        return average_down(read_again(data, orientation), shrink)
    image = by_opencv(data, header, shrink)
    with decoding(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with opened_by_pillow(data, header) as opened:
            colors = _Colors.of(opened)
            if image is None:
                image = _pixels(opened) if shrink == 1 else average_down(_pixels(opened), shrink)
    return _finished(image, header, colors, orientation)


@dataclass(frozen=True, slots=True)
class _Colors:
    """What is needed to convert pixels to sRGB."""

    profile: bytes | None
    gray: bool

    @classmethod
    def of(cls, opened: Pillow.Image) -> _Colors:
        return cls(opened.info.get("icc_profile") or None, opened.mode == "L")


@dataclass(frozen=True, slots=True)
class _Strict:
    """What the strict decoder found; its pixels are as they are stored."""

    image: Image
    orientation: int
    colors: _Colors


def _finished(image: Image, header: Header, colors: _Colors, orientation: int) -> Image:
    """Return stored pixels in sRGB and upright."""
    image = to_srgb(image, colors.profile, colors.gray)
    if header.format == _TURNS_ITSELF:
        return image
    return turned_upright(image, orientation)


def _pixels(opened: Pillow.Image) -> Image:
    rgb = opened if opened.mode == "RGB" else opened.convert("RGB")
    return np.array(rgb, np.uint8)


def _strictly(data: bytes, header: Header) -> _Strict:
    with opened_by_pillow(data, header) as opened:
        _refuse_odd(opened)
        info = _texts(opened)
        colors = _Colors.of(opened)
        if other := other_color_space(data, header, colors.profile is not None):
            raise ImageError(f"its color space is not sRGB ({other}): convert it to sRGB first")
        if header.format == "JPEG":
            image = whole_jpeg(data)
        else:
            image = _loaded(opened, info)
            if header.format == "TIFF":
                check_tiff(data, header)
        if "Raw profile type icc" in opened.info or "Raw profile type icm" in opened.info:
            raise ImageError("has a color profile in a text chunk: convert it to sRGB first")
        # Behind the pixels of a PNG there may be more; a TIFF loses its orientation with loading.
        orientation = find_orientation(data, header, _texts(opened) | info)
    return _Strict(image, orientation, colors)


def _texts(opened: Pillow.Image) -> dict[str, Any]:
    return {name: value for name, value in opened.info.items() if isinstance(name, str)}


def _loaded(opened: Pillow.Image, info: dict[str, Any]) -> Image:
    try:
        return _pixels(opened)
    except OSError as error:
        if opened.format != "TIFF":
            raise
        raise ImageError(
            f"damaged, or compressed in a way that cannot be read "
            f"({info.get('compression', 'unknown')}): {error}. Save it without compression"
        ) from None


def _check_agreement(image: Image, second: Image) -> None:
    """Refuse a file that two decoders read differently: one of the two is not what people see."""
    if image.shape != second.shape:
        sizes = [f"{one.shape[1]}x{one.shape[0]}" for one in (image, second)]
        raise ImageError(f"ambiguous: two decoders read {' and '.join(sizes)} pixels from it")
    difference = cv2.norm(image, second, cv2.NORM_L1) / image.size
    if difference > _MAX_DIFFERENCE:
        raise ImageError(
            f"ambiguous: two decoders read pixels that differ by {difference:.1f} levels on "
            "average. Save it anew with a current program"
        )


def _refuse_odd(opened: Pillow.Image) -> None:
    if getattr(opened, "n_frames", 1) > 1 and opened.format != "MPO":
        raise ImageError(MOVING)
    if opened.mode == "CMYK":
        raise ImageError("CMYK: convert it to RGB (sRGB) first")
    tiles = getattr(opened, "tile", [])  # how the file stores its pixels, e.g. "RGB;16B"
    if opened.format == "BMP" and any(";1" in str(tile.args) for tile in tiles):
        raise ImageError("fewer than 8 bits a channel: convert it to 24 bits a pixel")
    deep = any(";16" in str(tile.args) for tile in tiles)
    if deep or opened.mode.startswith(("I", "F")):
        raise ImageError(f"more than 8 bits a channel ({opened.mode}): convert it to 8 bits")
    if opened.mode in ("RGBA", "LA", "PA") or "transparency" in opened.info:
        raise ImageError("has an alpha channel: flatten it first")
    if opened.mode not in _GOOD_MODES:
        raise ImageError(f"color mode {opened.mode}: convert it to RGB first")
