"""The closed list of formats, and the limits that hold for all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from datagen.core.image_headers import avif, bmp, jpeg, png, tiff, webp
from datagen.core.image_headers.base import Header, damaged
from datagen.errors import ImageError

__all__ = [
    "FORMATS",
    "MAX_IMAGE_FILE",
    "MAX_PIXELS",
    "check_metadata",
    "check_whole",
    "exif_of",
    "other_color_space",
    "read_header",
]

FORMATS = ("JPEG", "PNG", "WebP", "AVIF", "TIFF", "BMP")
"""What is read; everything else is refused, whatever the file is called."""

MAX_PIXELS = 110_000_000
"""The largest image that is unpacked: cameras for portraits have up to 108 megapixels. With the
limits below every decoder stays under 1.5 GB."""

_MAX_SIDE = 65_535  # of a JPEG; decoders keep some bytes a row, whatever is in it

MAX_IMAGE_FILE = 2**29
"""The largest file that is read as an image, in bytes: the largest one fits uncompressed."""

_MAX_BY_FORMAT = {"WEBP": 80_000_000, "AVIF": 80_000_000}  # they take 18 and 13 bytes a pixel

_MAX_BYTES = {"WEBP": 2**28, "AVIF": 2**28}  # their decoders copy the file
_MAX_SCANNED = 2_500_000_000  # pixels times scans of a JPEG: seconds of decoding
_PREFIX = b"Exif\x00\x00"
_UNWRITTEN = bytes(256)  # the end of a file that was reserved and not filled
_OTHERS = {
    b"%!PS": "PostScript",
    b"\xc5\xd0\xd3\xc6": "PostScript",
    b"%PDF": "PDF",
    b"GIF8": "GIF",
    b"8BPS": "Photoshop",
    b"\x00\x00\x00\x0cjP  ": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"\xff\x0a": "JPEG XL",
    b"\x00\x00\x00\x0cJXL ": "JPEG XL",
    b"<svg": "SVG",
    b"<?xml": "XML",
    b"<!doctype": "HTML",
    b"<html": "HTML",
}


@dataclass(frozen=True, slots=True)
class _Format:
    starts: Callable[[bytes], bool]
    header: Callable[[bytes], Header]
    exif: Callable[[bytes], bytes]


def _begins(*words: bytes) -> Callable[[bytes], bool]:
    return lambda data: data.startswith(words)


def _nothing(data: bytes) -> bytes:
    return b""


_READERS = (
    _Format(_begins(b"\xff\xd8\xff"), jpeg.header, jpeg.exif),
    _Format(_begins(b"\x89PNG\r\n\x1a\n"), png.header, png.exif),
    _Format(
        lambda data: data.startswith(b"RIFF") and data[8:12] == b"WEBP", webp.header, webp.exif
    ),
    _Format(_begins(b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"), tiff.header, bytes),
    _Format(_begins(b"BM"), bmp.header, _nothing),
    _Format(avif.starts, avif.header, avif.exif),
)


def read_header(data: bytes, max_pixels: int = MAX_PIXELS) -> Header:
    """Return format and size of an image file by its bytes.

    Args:
        data: All bytes of the file.
        max_pixels: The largest number of pixels that is allowed.

    Raises:
        ImageError: Not one of the formats, without a size, or too large.
    """
    found = _reader(data).header(data)
    if found.width < 1 or found.height < 1:
        raise ImageError(f"damaged: its size is {found.width}x{found.height} pixels")
    if max(found.width, found.height) > _MAX_SIDE:
        raise ImageError(
            f"too large: {found.width}x{found.height} pixels; the limit for a side is "
            f"{_MAX_SIDE:,} pixels. Scale it down first"
        )
    largest = _MAX_BYTES.get(found.format, MAX_IMAGE_FILE)
    if len(data) > largest:
        raise ImageError(
            f"too large: {len(data):,} bytes; the limit for {found.format} is {largest:,}"
        )
    limit = min(max_pixels, _MAX_BY_FORMAT.get(found.format, max_pixels))
    if max(found.width * found.height, found.hidden) > limit:
        raise ImageError(
            f"too large: {found.width}x{found.height} pixels; the limit for {found.format} is "
            f"{limit:,} pixels in all. Scale it down first"
        )
    return found


def check_metadata(data: bytes, found: Header) -> None:
    """Refuse what is small and takes long or much memory to read, beside the pixels.

    Raises:
        ImageError: EXIF that unpacks to a multiple of its size, tiles larger than any image, a
            JPEG of too many scans, or a PNG of fewer bytes than its size takes or with a name
            that no terminal should show.
    """
    tiff.check_values(_reader(data).exif(data), "TIFF" if found.format == "TIFF" else "EXIF")
    if found.format == "PNG" and found.width * found.height > png.most_pixels(data):
        raise ImageError(
            f"damaged: {len(data):,} bytes cannot hold {found.width}x{found.height} pixels"
        )
    if found.format == "PNG":
        png.check_names(data)
    if found.format == "TIFF":
        width, height = tiff.tile_of(data)
        if width * height > MAX_PIXELS:
            raise ImageError(f"too large: tiles of {width}x{height} pixels")
    if found.format == "JPEG":
        scans = jpeg.scans(data)
        if scans * found.width * found.height > _MAX_SCANNED:
            raise ImageError(
                f"too large: {found.width}x{found.height} pixels in {scans} progressive scans"
            )


def check_whole(data: bytes, found: Header) -> None:
    """Refuse damaged files that decoders accept; what they do refuse is left to them.

    Raises:
        ImageError: A JPEG that ends between its scans, a PNG with a wrong checksum or more
            than its pixels, or a WebP or an AVIF whose end was never written.
    """
    if found.format == "JPEG":
        jpeg.check_scans(data)
    elif found.format == "PNG":
        png.check_sums(data)
        png.check_amount(data)
    elif found.format in ("WEBP", "AVIF") and data.endswith(_UNWRITTEN):
        raise damaged("it ends in empty bytes, like a download that was interrupted")


def exif_of(data: bytes) -> bytes:
    """Return the EXIF block of a file without a prefix; empty without one."""
    return _without_prefix(_reader(data).exif(data))


def other_color_space(data: bytes, found: Header, has_profile: bool) -> str:
    """Return the color space, in words, that a file states otherwise than by a readable profile.

    Args:
        data: All bytes of the file.
        found: Its header.
        has_profile: Whether a profile was read, which then counts.

    Returns:
        Empty for sRGB, or where the file states none.
    """
    if found.format == "PNG":
        return png.color_space(data)
    if has_profile:
        return ""
    if found.format == "JPEG" and jpeg.has_profile(data):
        return "a profile of which a part is missing"
    if found.format == "AVIF":
        return avif.color_space(data)
    if found.format == "BMP":
        return bmp.color_space(data)
    return "Adobe RGB in EXIF" if tiff.is_adobe_rgb(exif_of(data)) else ""


def _without_prefix(block: bytes) -> bytes:
    while block.startswith(_PREFIX):
        block = block[len(_PREFIX) :]
    return block


def _reader(data: bytes) -> _Format:
    for one in _READERS:
        if one.starts(data):
            return one
    start = data[:32].lstrip().lower()
    names = (name for word, name in _OTHERS.items() if start.startswith(word.lower()))
    what = next(names, "")
    seen = f"it begins like {what}" if what else "damaged, or another format"
    raise ImageError(f"not a readable image ({seen}; read are {', '.join(FORMATS)})")
