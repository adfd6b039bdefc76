"""JPEG: its size, its EXIF block, its color profile and whether its scans are complete."""

from __future__ import annotations

import re
from collections.abc import Iterator

from datagen.core.image_headers.base import MAX_PARTS, Header, damaged

__all__ = ["check_scans", "exif", "has_profile", "header", "scans"]

# As libjpeg looks for the next marker: whatever lies before it is skipped.
_MARKER = re.compile(rb"\xff([^\x00\xff])")
_ALONE = frozenset([0x01, *range(0xD0, 0xD9)])  # without a length: TEM, RST0 to RST7, SOI
_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0 to SOF15
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_END, _SCAN, _APP1, _APP2 = 0xD9, 0xDA, 0xE1, 0xE2
_EXIF = b"Exif\x00\x00"
_PROFILE = b"ICC_PROFILE\x00"
# The markers that follow a scan; neither stuffed bytes nor restarts.
_AFTER_SCAN = re.compile(rb"\xff([^\x00\x01\xff\xd0-\xd8])")
_COEFFICIENTS = 64
_UNSEEN = 255


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


def has_profile(data: bytes) -> bool:
    """Say whether a segment holds a color profile, or a part of one."""
    return any(
        marker == _APP2 and data.startswith(_PROFILE, start, end)
        for marker, start, end in _segments(data)
    )


def check_scans(data: bytes) -> None:
    """Refuse a JPEG that ends between two scans: for the decoders it is whole, only blurred.

    Raises:
        ImageError: A component is missing, or a progressive one lacks its last bits.
    """
    missing: dict[int, list[int]] = {}  # bits of each coefficient that are to come, by component
    progressive = False
    for marker, start, end in _segments(data, scans=True):
        part = data[start:end]
        if marker in _SIZES:
            progressive = marker in _PROGRESSIVE
            missing = {number: [_UNSEEN] * _COEFFICIENTS for number in part[6::3]}
        elif marker == _SCAN and part and len(part) >= 2 * part[0] + 4:
            first, last, bits = part[1 + 2 * part[0] : 4 + 2 * part[0]]
            low, high = (first, min(last, _COEFFICIENTS - 1)) if progressive else (0, 63)
            for number in part[1 : 1 + 2 * part[0] : 2]:
                for at in range(low, high + 1):
                    missing.setdefault(number, [_UNSEEN] * _COEFFICIENTS)[at] = bits & 15
    left = [number for number, bits in missing.items() if any(bits)]
    if left:
        raise damaged(f"a JPEG without its last scans (component {left[0]} is incomplete)")


def _segments(data: bytes, scans: bool = False) -> Iterator[tuple[int, int, int]]:
    """Yield marker, start and end of each segment before the first scan, or up to the end."""
    at, pattern = 2, _MARKER
    for _ in range(MAX_PARTS):
        found = pattern.search(data, at)
        if found is None:
            return
        marker, at = found[1][0], found.end()
        if marker in _ALONE:
            continue
        length = int.from_bytes(data[at : at + 2])
        if marker == _END or length < 2 or at + length > len(data):
            return
        if marker == _SCAN:
            if not scans:
                return
            pattern = _AFTER_SCAN
        yield marker, at + 2, at + length
        at += length
    raise damaged(f"a JPEG with more than {MAX_PARTS:,} segments")
