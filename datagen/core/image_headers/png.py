"""PNG: its size and its EXIF block."""

from __future__ import annotations

from collections.abc import Iterator

from datagen.core.image_headers.base import MAX_PARTS, Header, damaged

__all__ = ["exif", "header", "most_pixels"]

_CHUNKS = 8  # they begin behind the signature
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_DEFLATE = 1032  # bytes that one byte can unpack to


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
