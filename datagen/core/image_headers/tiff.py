"""TIFF, and EXIF, which is one: its first directory, and what reading all values would take."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from datagen.core.image_headers.base import Header, damaged

__all__ = ["check_values", "header", "is_adobe_rgb", "orientation", "parts_of", "tile_of"]

_WIDTH, _HEIGHT, _ORIENTATION, _TILE_WIDTH, _TILE_HEIGHT = 256, 257, 274, 322, 323
_COMPRESSION, _JPEG_TABLES = 259, 347
_PARTS = ((273, 279), (324, 325))  # where strips and tiles lie, and their sizes
_EXIF, _GPS, _INTEROPERABILITY = 0x8769, 0x8825, 0xA005
_BELOW = (
    _EXIF,
    _GPS,
    _INTEROPERABILITY,
)  # directories that Pillow follows: EXIF, GPS, interoperability
_UNITS = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_UNITS |= {16: 8, 17: 8, 18: 8}
_WHOLE = {3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}  # types of unsigned numbers
_MAX_ENTRIES = 65_535  # the most that a directory of a classic TIFF can have
_SPARE = 2**20
_TEXTS = (1, 2, 7)  # types that are kept as bytes
_MAX_NUMBERS = 1_000_000  # 110 megapixels in tiles of 16x16 have two each; Pillow makes objects


class _Entry(NamedTuple):
    tag: int
    kind: int
    amount: int
    value: bytes  # the number itself, or where it lies


class _Layout(NamedTuple):
    order: str
    counter: str  # of entries
    entry: str
    offset: str


def header(data: bytes) -> Header:
    """Return what the first directory states, and whether a second one follows."""
    try:
        layout, start = _begin(data)
        entries, following = _directory(data, layout, start)
    except ValueError as error:
        raise damaged(f"a TIFF with {error}") from None
    width, height = (_largest(entries, tag, layout) for tag in (_WIDTH, _HEIGHT))
    if not width or not height:
        raise damaged("a TIFF without a size")
    return Header("TIFF", width, height, still=following == 0)


def tile_of(data: bytes) -> tuple[int, int]:
    """Return width and height of the tiles of a TIFF; 0 and 0 without tiles."""
    layout, start = _begin(data)
    entries, _ = _directory(data, layout, start)
    return _largest(entries, _TILE_WIDTH, layout), _largest(entries, _TILE_HEIGHT, layout)


def parts_of(data: bytes) -> tuple[int, bytes, list[memoryview]]:
    """Return the number of the compression, the JPEG tables, and the bytes of strips or tiles.

    Nothing is copied: a list of 64 KiB may name the same megabyte twenty thousand times.

    Raises:
        ImageError: A strip or a tile lies outside of the file.
    """
    layout, start = _begin(data)
    entries, _ = _directory(data, layout, start)
    whole, parts = memoryview(data), []
    for places, sizes in _PARTS:
        both = _values(data, entries, places, layout), _values(data, entries, sizes, layout)
        for at, size in zip(*both, strict=False):
            if at + size > len(data):
                raise damaged("a TIFF with a strip or a tile that is cut short (truncated?)")
            parts.append(whole[at : at + size])
    tables = [entry for entry in entries if entry.tag == _JPEG_TABLES]
    where = [(_number(entry.value, layout), entry.amount) for entry in tables]
    joined = b"".join(data[at : at + size] for at, size in where)
    return _largest(entries, _COMPRESSION, layout), joined, parts


def _values(data: bytes, entries: list[_Entry], tag: int, layout: _Layout) -> list[int]:
    """Return the unsigned numbers of a tag; none of those that lie outside of the file."""
    found: list[int] = []
    for entry in entries:
        if entry.tag != tag or entry.kind not in _WHOLE:
            continue
        form = struct.Struct(layout.order + _WHOLE[entry.kind])
        size = form.size * entry.amount
        inline = size <= len(entry.value)
        at = 0 if inline else _number(entry.value, layout)
        block = (entry.value if inline else data)[at : at + size]
        if len(block) == size:
            found += [value for (value,) in form.iter_unpack(block)]
    return found


def orientation(block: bytes) -> int:
    """Return the orientation that an EXIF block or a TIFF states, 1 to 8; 0 without one."""
    try:
        layout, start = _begin(block)
        entries, _ = _directory(block, layout, start)
    except ValueError:
        return 0
    stated = _largest(entries, _ORIENTATION, layout)
    return stated if stated in range(1, 9) else 0


def is_adobe_rgb(block: bytes) -> bool:
    """Say whether EXIF states Adobe RGB (DCF option file ``R03``), as cameras without a profile do.

    ``R03`` stands in the interoperability directory, below the EXIF directory.
    """
    try:
        layout, start = _begin(block)
        for tag in (_EXIF, _INTEROPERABILITY):
            entries, _ = _directory(block, layout, start)
            start = _largest(entries, tag, layout)
        entries, _ = _directory(block, layout, start)
    except ValueError:
        return False
    return any(entry.tag == 1 and entry.value.startswith(b"R03") for entry in entries)


def check_values(block: bytes, what: str) -> None:
    """Refuse directories whose values overlap: 64 KiB of them can unpack to gigabytes.

    Raises:
        ImageError: Together they are larger than the block that holds them, or too many numbers.
    """
    try:
        layout, start = _begin(block)
        sizes = list(_sizes(block, layout, start, depth=2))
    except ValueError:
        return  # no readable directory: nothing is unpacked
    total, numbers = (sum(part) for part in zip((0, 0), *sizes, strict=True))
    if numbers > _MAX_NUMBERS:
        raise damaged(f"its {what} holds {numbers:,} numbers, more than {_MAX_NUMBERS:,}")
    if total > len(block) + _SPARE:
        raise damaged(f"the values of its {what} unpack to {total:,} bytes, from {len(block):,}")


def _sizes(block: bytes, layout: _Layout, start: int, depth: int) -> Iterator[tuple[int, int]]:
    """Yield bytes and numbers of each value that is read from elsewhere in the block."""
    entries, _ = _directory(block, layout, start)
    for entry in entries:
        size = _UNITS.get(entry.kind, 0) * entry.amount
        if size > len(entry.value) and _number(entry.value, layout) + size <= len(block):
            yield size, 0 if entry.kind in _TEXTS else entry.amount
    if depth:
        for tag in _BELOW:
            below = _largest(entries, tag, layout)
            if below:
                try:
                    yield from _sizes(block, layout, below, depth - 1)
                except ValueError:
                    continue


def _begin(data: bytes) -> tuple[_Layout, int]:
    """Return how numbers are written, and where the first directory starts.

    Raises:
        ValueError: Not the beginning of a TIFF.
    """
    order = {b"II": "<", b"MM": ">"}.get(data[:2], "")
    version = data[2:4] if order == ">" else data[3:1:-1]
    if not order or version not in (b"\x00\x2a", b"\x00\x2b"):
        raise ValueError("an unknown beginning")
    if version == b"\x00\x2b":
        layout = _Layout(order, "Q", "HHQ8s", "Q")
        return layout, _number(data[8:16].ljust(8, b"\x00"), layout)
    layout = _Layout(order, "H", "HHI4s", "I")
    return layout, _number(data[4:8].ljust(4, b"\x00"), layout)


def _number(value: bytes, layout: _Layout) -> int:
    found: int = struct.unpack(layout.order + layout.offset, value)[0]
    return found


def _directory(data: bytes, layout: _Layout, start: int) -> tuple[list[_Entry], int]:
    """Return the entries of a directory and where the next one starts.

    Raises:
        ValueError: It lies outside of the data.
    """
    first = start + struct.calcsize(layout.order + layout.counter)
    if start <= 0 or first > len(data):
        raise ValueError("a directory outside of the file")
    count = struct.unpack_from(layout.order + layout.counter, data, start)[0]
    form = struct.Struct(layout.order + layout.entry)
    end = first + form.size * count
    if count > _MAX_ENTRIES or end > len(data):
        raise ValueError("a directory that ends outside of the file")
    entries = [_Entry(*found) for found in form.iter_unpack(data[first:end])]
    size = struct.calcsize(layout.order + layout.offset)
    tail = data[end : end + size]
    return entries, _number(tail, layout) if len(tail) == size else 0


def _largest(entries: list[_Entry], tag: int, layout: _Layout) -> int:
    """Return the largest of the numbers stated for a tag: decoders differ in which they take."""
    values = [
        struct.unpack_from(layout.order + _WHOLE[entry.kind], entry.value)[0]
        for entry in entries
        if entry.tag == tag and entry.kind in _WHOLE and entry.amount == 1
    ]
    return max(values, default=0)
