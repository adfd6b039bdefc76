"""JPEG: its size, its EXIF block and the number of its scans."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datagen.core.image_headers.base import MAX_PARTS, Header, damaged

__all__ = ["exif", "header", "scans"]

# As libjpeg looks for the next marker: whatever lies before it is skipped.
_MARKER = re.compile(rb"\xff([^\x00\xff])")
_ALONE = frozenset([0x01, *range(0xD0, 0xD9)])  # without a length: TEM, RST0 to RST7, SOI
_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0 to SOF15
_END, _SCAN, _APP1 = 0xD9, 0xDA, 0xE1
_EXIF = b"Exif\x00\x00"


def header(data: bytes) -> Header:
    """Return what the frame header states."""
    for marker, start, end in _segments(data):
        if marker in _SIZES:
            if end - start < 6:
                break
            height, width = (int.from_bytes(data[at : at + 2]) for at in (start + 1, start + 3))
            return Header("JPEG", width, height)
    raise damaged("a JPEG without a size (truncated?)")


def exif(data: bytes) -> bytes:
    """Return the EXIF block, joined as Pillow joins it; empty without one."""
    parts = [
        data[start + len(_EXIF) : end]
        for marker, start, end in _segments(data)
        if marker == _APP1 and data.startswith(_EXIF, start, end)
    ]
    return b"".join(parts)


def scans(data: bytes) -> int:
    """Return how often the decoder may have to go over the image."""
    return data.count(bytes((0xFF, _SCAN)))


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield marker, start and end of each segment before the first scan."""
    at = 2
    for _ in range(MAX_PARTS):
        found = _MARKER.search(data, at)
        if found is None:
            return
        marker, at = found[1][0], found.end()
        if marker in _ALONE:
            continue
        length = int.from_bytes(data[at : at + 2])
        if marker in (_END, _SCAN) or length < 2 or at + length > len(data):
            return
        yield marker, at + 2, at + length
        at += length
    raise damaged(f"a JPEG with more than {MAX_PARTS:,} segments")
