"""BMP: its size and its color space."""

from __future__ import annotations

from datagen.core.image_headers.base import Header, damaged

__all__ = ["color_space", "header"]

_OLD = 12  # size of the first version of the header, with sides of 16 bits
_FOURTH = 108  # size of the first version that states a color space
_OTHERS = {b"DEBM": "an embedded profile", b"KNIL": "a linked profile"}


def header(data: bytes) -> Header:
    """Return what the header states; rows from top to bottom have a negative height."""
    if len(data) < 26:
        raise damaged("a BMP without a size (truncated?)")
    if int.from_bytes(data[14:18], "little") == _OLD:
        width, height = (int.from_bytes(data[at : at + 2], "little") for at in (18, 20))
    else:
        width, height = (
            int.from_bytes(data[at : at + 4], "little", signed=True) for at in (18, 22)
        )
    return Header("BMP", width, abs(height))


def color_space(data: bytes) -> str:
    """Return the color space that a BMP states, in words; empty for sRGB or none."""
    if int.from_bytes(data[14:18], "little") < _FOURTH:
        return ""
    return _OTHERS.get(data[70:74], "")
