"""WebP: its size and its EXIF block."""

from __future__ import annotations

from datagen.core.image_headers.base import MAX_PARTS, Header, damaged

__all__ = ["exif", "header"]

_ANIMATED = 0x02
_SIDE = 0x3FFF  # 14 bits


def header(data: bytes) -> Header:
    """Return what the first chunk states: lossy, lossless or extended."""
    kind = data[12:16]
    if len(data) >= 30 and kind == b"VP8X":
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
        return Header("WEBP", width, height, still=not data[20] & _ANIMATED)
    if len(data) >= 30 and kind == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        width, height = (int.from_bytes(data[at : at + 2], "little") & _SIDE for at in (26, 28))
        return Header("WEBP", width, height)
    if len(data) >= 25 and kind == b"VP8L" and data[20] == 0x2F:
        bits = int.from_bytes(data[21:25], "little")
        return Header("WEBP", (bits & _SIDE) + 1, (bits >> 14 & _SIDE) + 1)
    raise damaged("a WebP without a size (truncated?)")


def exif(data: bytes) -> bytes:
    """Return the largest EXIF block; empty without one."""
    best, at = b"", 12
    for _ in range(MAX_PARTS):
        start = at + 8
        if start > len(data):
            return best
        size = int.from_bytes(data[at + 4 : start], "little")
        if data[at : at + 4] == b"EXIF":
            best = max(best, data[start : start + size], key=len)
        at = start + size + size % 2
    raise damaged(f"a WebP with more than {MAX_PARTS:,} chunks")
