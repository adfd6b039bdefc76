"""BMP: its size."""

from __future__ import annotations

from datagen.core.image_headers.base import Header, damaged

__all__ = ["header"]

_OLD = 12  # size of the first version of the header, with sides of 16 bits


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
