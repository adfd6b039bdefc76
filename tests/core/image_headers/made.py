"""Image files that state what they like."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
from PIL import Image as Pillow

__all__ = ["box", "grid_avif", "saved", "slopes", "tiff", "with_stated_size"]

_GRAY = 40


def slopes(width: int = 57, height: int = 40) -> Pillow.Image:
    """Return an image without symmetry."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = np.linspace(0, 255, width)[None]
    image[..., 1] = np.linspace(0, 255, height)[:, None]
    image[: height // 2, : width // 2, 2] = 200
    return Pillow.fromarray(image)


def saved(format_: str, image: Pillow.Image | None = None, **options: Any) -> bytes:
    buffer = io.BytesIO()
    (image or slopes()).save(buffer, format_, **options)
    return buffer.getvalue()


def tiff(
    entries: list[tuple[int, int, int, int]], room: int = 0, order: str = "<", following: int = 0
) -> bytes:
    """Return a classic TIFF with one directory of ``(tag, type, count, value)`` and some room."""
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8)
    body = struct.pack(order + "H", len(entries))
    for tag, kind, count, value in entries:
        short = kind == 3 and count == 1
        body += struct.pack(order + ("HHIHxx" if short else "HHII"), tag, kind, count, value)
    return head + body + struct.pack(order + "I", following) + bytes(room)


def box(name: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I", 8 + len(content)) + name + content


def with_stated_size(data: bytes, width: int, height: int) -> bytes:
    """Return an AVIF whose boxes state another size than its stream has."""
    at = data.index(b"ispe") + 8
    return data[:at] + struct.pack(">II", width, height) + data[at + 8 :]


def _property(data: bytes, name: bytes) -> bytes:
    at = data.index(name) - 4
    return data[at : at + int.from_bytes(data[at : at + 4])]


def grid_avif(columns: int, rows: int, side: int = 64, output: tuple[int, int] = (0, 0)) -> bytes:
    """Return an AVIF that is put together from equal tiles.

    Args:
        columns: Number of tiles beside each other.
        rows: Number of tiles below each other.
        side: Side of a tile in pixels.
        output: Width and height that the grid states; by default those of its tiles.
    """
    tile = saved("AVIF", slopes(side, side), quality=60)
    stream = tile[tile.index(b"mdat") + 4 :]
    width, height = output if output[0] else (columns * side, rows * side)
    count = columns * rows
    one = [_property(tile, name) for name in (b"av1C", b"ispe", b"pixi")]
    whole = box(b"ispe", bytes(4), struct.pack(">II", width, height))
    ipco = box(b"ipco", *one, whole)
    shares = [struct.pack(">HB", 1, 2) + bytes((4, 3))]
    shares += [struct.pack(">HB", 2 + n, 3) + bytes((0x81, 2, 3)) for n in range(count)]
    ipma = box(b"ipma", bytes(4), struct.pack(">I", 1 + count), *shares)
    kinds = [(1, b"grid"), *((2 + n, b"av01") for n in range(count))]
    infe = [box(b"infe", b"\x02\0\0\0", struct.pack(">HH", n, 0), kind, b"\0") for n, kind in kinds]
    grid = bytes((0, 1, rows - 1, columns - 1)) + struct.pack(">II", width, height)
    uses = struct.pack(">HH", 1, count) + b"".join(struct.pack(">H", 2 + n) for n in range(count))

    def meta(at: int) -> bytes:
        where = [(1, at, len(grid))] + [(2 + n, at + len(grid), len(stream)) for n in range(count)]
        spans = [struct.pack(">HHHII", n, 0, 1, start, size) for n, start, size in where]
        return box(
            b"meta",
            bytes(4),
            box(b"hdlr", bytes(8), b"pict", bytes(13)),
            box(b"pitm", bytes(4), struct.pack(">H", 1)),
            box(b"iloc", bytes(4), b"\x44\x00", struct.pack(">H", 1 + count), *spans),
            box(b"iinf", bytes(4), struct.pack(">H", 1 + count), *infe),
            box(b"iref", bytes(4), box(b"dimg", uses)),
            box(b"iprp", ipco, ipma),
        )

    start = box(b"ftyp", b"avif", bytes(4), b"avifmif1miafMA1A")
    before = len(start) + len(meta(0)) + 8
    return start + meta(before) + box(b"mdat", grid, stream)
