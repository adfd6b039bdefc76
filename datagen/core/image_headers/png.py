"""PNG: its size, its EXIF block, its color space and its checksums."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Iterator

from datagen.core.image_headers.base import MAX_PARTS, Header, damaged, unpacked_size

__all__ = [
    "check_amount",
    "check_names",
    "check_sums",
    "color_space",
    "exif",
    "header",
    "most_pixels",
]

_CHUNKS = 8  # they begin behind the signature
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_DEFLATE = 1032  # bytes that one byte can unpack to
_QUICK = 2**21  # bytes of pixels that unpack in a moment, whatever they hold
_SPARE = 2**20
_PASSES = 2  # an interlaced image has up to two filter bytes a row, and its last bits rounded up
_SRGB_PRIMARIES = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)  # white, red, green, blue
_PRIMARIES_OFF = 1000  # hundred-thousandths
_SRGB_GAMMA, _GAMMA_OFF = 45455, 2500
_SRGB_CODES = (1, 13, 0)  # primaries, transfer and matrix in ITU-T H.273


def header(data: bytes) -> Header:
    """Return what the first chunk states, and whether a chunk for animations follows."""
    if len(data) < 33 or data[12:16] != b"IHDR":
        raise damaged("a PNG without a size (truncated?)")
    return Header("PNG", int.from_bytes(data[16:20]), int.from_bytes(data[20:24]))


def exif(data: bytes) -> bytes:
    """Return the largest EXIF block; empty without one.

    Raises:
        ImageError: A chunk leads outside of the file: OpenCV would reserve what it states.
    """
    blocks = [data[start:end] for name, start, end in _chunks(data) if name == b"eXIf"]
    return max(blocks, key=len, default=b"")


def most_pixels(data: bytes) -> int:
    """Return how many pixels the bytes of a file can hold at most."""
    return 8 * _DEFLATE * len(data) // max(_bits(data), 1)


def check_sums(data: bytes) -> None:
    """Refuse a PNG with pixels that do not fit their checksum: Pillow does not look at it.

    Raises:
        ImageError: A checksum is wrong.
    """
    for name, start, end in _chunks(data):
        if name == b"IDAT" and zlib.crc32(data[start - 4 : end]) != _number(data, end):
            raise damaged("a PNG whose pixels do not fit their checksum")


def check_amount(data: bytes) -> None:
    """Refuse pixels that unpack to more than the size takes: OpenCV unpacks them to the end.

    Raises:
        ImageError: They do.
    """
    whole = memoryview(data)
    parts = [whole[start:end] for name, start, end in _chunks(data) if name == b"IDAT"]
    if sum(map(len, parts)) <= _QUICK:
        return
    width, height = _number(data, 16), _number(data, 20)
    most = (width * _bits(data) // 8 + 8 * _PASSES) * _PASSES * height + _SPARE
    with contextlib.suppress(zlib.error):  # the decoder says why
        if (unpacked_size(parts, most) or 0) > most:
            raise damaged(f"a PNG that unpacks to more than its {width}x{height} pixels")


def check_names(data: bytes) -> None:
    """Refuse a color profile whose name is not printable: libpng writes it to the terminal.

    Raises:
        ImageError: It is not.
    """
    for name, start, end in _chunks(data):
        if (
            name == b"iCCP"
            and not data[start:end].partition(b"\x00")[0].decode("latin-1").isprintable()
        ):
            raise damaged("a PNG with a color profile whose name is not printable")


def color_space(data: bytes) -> str:
    """Return the color space that a PNG states without a profile, in words; empty for sRGB.

    As the specification ranks them: cICP, a profile (which is read elsewhere), sRGB, gAMA and cHRM.
    """
    found = {name: (start, end) for name, start, end in _chunks(data)}
    if b"cICP" in found:
        start, end = found[b"cICP"]
        stated = tuple(data[start : min(end, start + 3)])
        return "" if stated == _SRGB_CODES else f"cICP {stated}"
    if b"iCCP" in found or b"sRGB" in found:
        return ""
    if b"gAMA" in found:
        gamma = _number(data, found[b"gAMA"][0])
        if abs(gamma - _SRGB_GAMMA) > _GAMMA_OFF:
            return f"gAMA {gamma / 100_000:g}"
    if b"cHRM" in found:
        start, end = found[b"cHRM"]
        points = [_number(data, at) for at in range(start, min(end, start + 32), 4)]
        if any(
            abs(one - other) > _PRIMARIES_OFF
            for one, other in zip(points, _SRGB_PRIMARIES, strict=False)
        ):
            return "cHRM with other primaries"
    return ""


def _number(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4])


def _bits(data: bytes) -> int:
    """Return the bits of a pixel."""
    return data[24] * _CHANNELS.get(data[25], 1)


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, start and end of each chunk."""
    at = _CHUNKS
    for _ in range(MAX_PARTS):
        start = at + 8
        if start > len(data):
            return
        name, end = data[at + 4 : start], start + int.from_bytes(data[at : at + 4])
        if end > len(data):
            raise damaged("a PNG with a chunk that is cut short (truncated?)")
        yield name, start, end
        if name == b"IEND":
            return
        at = end + 4  # the checksum
    raise damaged(f"a PNG with more than {MAX_PARTS:,} chunks")
