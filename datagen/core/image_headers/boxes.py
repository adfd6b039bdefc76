"""The boxes of AVIF: which items a file holds, and where their bytes lie."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from datagen.core.image_headers.base import damaged

__all__ = ["Items", "read_items"]

_MAX_BOXES = 10_000
_MAX_EXTENTS = 10_000

Span = tuple[int, int]


@dataclass(slots=True)
class Items:
    """What the ``meta`` box of a file states.

    Attributes:
        sizes: All stated sizes in pixels.
        kinds: Kind of each item by its id, e.g. ``av01``, ``grid`` or ``Exif``.
        places: Spans of bytes by the item's id.
        moving: Whether the file holds tracks, as an animation does.
        colors: Primaries and transfer of each stated color space, as numbers of ITU-T H.273.
    """

    sizes: list[tuple[int, int]] = field(default_factory=list)
    kinds: dict[int, bytes] = field(default_factory=dict)
    places: dict[int, list[Span]] = field(default_factory=dict)
    moving: bool = False
    colors: list[tuple[int, int]] = field(default_factory=list)

    def of_kind(self, kind: bytes, data: bytes) -> Iterator[bytes]:
        """Yield the bytes of the items of a kind."""
        for number, found in self.kinds.items():
            if found == kind:
                spans = self.places.get(number, [])
                if sum(end - start for start, end in spans) > len(data):
                    raise damaged("an AVIF whose parts are larger than the file")
                yield b"".join(data[start:end] for start, end in spans)


class _Reader:
    """Reads numbers one after another."""

    def __init__(self, data: bytes, start: int, end: int) -> None:
        self._data, self.at, self._end = data, start, end

    def number(self, size: int) -> int:
        if self.at + size > self._end:
            raise damaged("an AVIF with a box that is cut short")
        self.at += size
        return int.from_bytes(self._data[self.at - size : self.at])

    def word(self) -> bytes:
        return self.number(4).to_bytes(4)


def read_items(data: bytes) -> Items:
    """Return the items of an AVIF.

    Raises:
        ImageError: A box is cut short, or there are too many.
    """
    items = Items()
    for name, start, end in _boxes(data, 0, len(data)):
        if name == b"moov":
            items.moving = True
        elif name == b"meta":
            _meta(data, start, end, items)
    return items


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, start and end of the content of the boxes between two places."""
    for _ in range(_MAX_BOXES):
        if start >= end:
            return
        reader = _Reader(data, start, end)
        size, name = reader.number(4), reader.word()
        if size == 1:
            size = reader.number(8)
        stop = start + size if size else end
        if stop > end or stop < reader.at:
            raise damaged("an AVIF with a box that is cut short")
        yield name, reader.at, stop
        start = stop
    raise damaged(f"an AVIF with more than {_MAX_BOXES:,} boxes")


def _meta(data: bytes, start: int, end: int, items: Items) -> None:
    inner = {name: (low, high) for name, low, high in _boxes(data, start + 4, end)}
    for name, low, high in _boxes(data, start + 4, end):
        if name == b"iinf":
            _kinds(data, low, high, items)
        elif name == b"iloc":
            _places(_Reader(data, low, high), inner.get(b"idat", (0, 0))[0], len(data), items)
        elif name == b"iprp":
            _sizes(data, low, high, items)


def _kinds(data: bytes, start: int, end: int, items: Items) -> None:
    reader = _Reader(data, start, end)
    version = reader.number(4) >> 24
    reader.number(4 if version else 2)
    for name, low, high in _boxes(data, reader.at, end):
        if name == b"infe":
            entry = _Reader(data, low, high)
            version = entry.number(4) >> 24
            number = entry.number(4 if version == 3 else 2)
            entry.number(2)  # protection
            items.kinds[number] = entry.word()


def _places(reader: _Reader, inside: int, size: int, items: Items) -> None:
    """Read where the items lie: in the file, or in the box at ``inside``."""
    version = reader.number(4) >> 24
    widths = reader.number(2)
    offset_size, length_size, base_size, index_size = (
        widths >> bits & 15 for bits in (12, 8, 4, 0)
    )
    extents = 0
    for _ in range(reader.number(4 if version == 2 else 2)):
        number = reader.number(4 if version == 2 else 2)
        method = reader.number(2) & 15 if version else 0
        reader.number(2)  # data reference
        base = reader.number(base_size) + (inside if method == 1 else 0)
        spans = items.places.setdefault(number, [])
        for _ in range(reader.number(2)):
            extents += 1
            if extents > _MAX_EXTENTS:
                raise damaged(f"an AVIF in more than {_MAX_EXTENTS:,} parts")
            reader.number(index_size if version else 0)
            start = base + reader.number(offset_size)
            length = reader.number(length_size)
            spans.append((start, start + length if length else size))


def _sizes(data: bytes, start: int, end: int, items: Items) -> None:
    for name, low, high in _boxes(data, start, end):
        if name == b"ipco":
            for kind, inner, stop in _boxes(data, low, high):
                if kind == b"ispe":
                    reader = _Reader(data, inner + 4, stop)
                    items.sizes.append((reader.number(4), reader.number(4)))
                elif kind == b"colr" and data.startswith(b"nclx", inner, stop):
                    reader = _Reader(data, inner + 4, stop)
                    items.colors.append((reader.number(2), reader.number(2)))
