"""What the boxes of a file say before FFmpeg sees it: whether it is whole, and how long."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from datagen.errors import VideoError

__all__ = ["check_structure"]

_TRUNCATED = "truncated: the file ends after {found} bytes, its header states {stated}"
_PARENTS = (b"moov", b"trak", b"mdia", b"minf", b"stbl")
_MAX_BOXES = 10_000
_EBML = b"\x1a\x45\xdf\xa3"
_SEGMENT = b"\x18\x53\x80\x67"


def check_structure(file: BinaryIO, max_frames: int) -> None:
    """Refuse a file that ends early, or whose tables are longer than any video.

    MP4, Matroska and AVI state their length; the others don't, and show it when they are decoded.

    Raises:
        VideoError: With what was found.
    """
    size = file.seek(0, io.SEEK_END)
    if size == 0:
        raise VideoError("empty file")
    file.seek(0)
    head = file.read(12)
    if head[:4] == _EBML:
        _check_matroska(file, size)
    elif head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        _check_end(8 + int.from_bytes(head[4:8], "little"), size)
    elif head[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide"):
        for box in _boxes(file, 0, size, [_MAX_BOXES]):
            if box.kind in (b"stsz", b"stz2"):
                _check_samples(file, box, max_frames)


def _check_end(stated: int, found: int) -> None:
    if stated > found:
        raise VideoError(_TRUNCATED.format(found=found, stated=stated))


class _Box(NamedTuple):
    kind: bytes
    start: int  # of its content
    end: int


def _boxes(file: BinaryIO, start: int, end: int, left: list[int]) -> Iterator[_Box]:
    """Yield the boxes of an MP4 file down to the sample tables."""
    while start + 8 <= end:
        left[0] -= 1
        if left[0] < 0:
            raise VideoError(f"damaged: more than {_MAX_BOXES} boxes")
        file.seek(start)
        head = file.read(16)
        length, begin = int.from_bytes(head[:4], "big"), start + 8
        if length == 1:
            length, begin = int.from_bytes(head[8:16], "big"), start + 16
        elif length == 0:  # to the end of the file
            length = end - start
        if length < begin - start:
            raise VideoError(f"damaged: a box of {length} bytes at byte {start}")
        _check_end(start + length, end)
        box = _Box(head[4:8], begin, start + length)
        yield box
        if box.kind in _PARENTS:
            yield from _boxes(file, box.start, box.end, left)
        start = box.end


def _check_samples(file: BinaryIO, box: _Box, max_frames: int) -> None:
    """A table of equal sizes needs no bytes per sample: any count fits in it."""
    file.seek(box.start)
    head = file.read(12)
    each, count = int.from_bytes(head[4:8], "big"), int.from_bytes(head[8:12], "big")
    # Sound has one sample per frame of about 20 ms, or one per value if it is not compressed.
    if box.kind == b"stsz" and each > 1 and count > 50 * max_frames:
        raise VideoError(f"damaged: a table of {count} samples")


def _check_matroska(file: BinaryIO, size: int) -> None:
    file.seek(4)
    head = file.read(8)
    length, width = _number(head)
    start = 4 + width + length
    file.seek(start)
    head = file.read(12)
    if head[:4] != _SEGMENT:
        raise VideoError("damaged: no segment after the header of Matroska")
    length, width = _number(head[4:])
    if length != (1 << 7 * width) - 1:  # all ones: unknown, as in a live stream
        _check_end(start + 4 + width + length, size)


def _number(data: bytes) -> tuple[int, int]:
    """Return a variable-length number of EBML and how many bytes it takes."""
    width = 9 - data[0].bit_length() if data and data[0] else 0
    if not 0 < width <= len(data):
        raise VideoError("damaged: a length of Matroska cannot be read")
    return int.from_bytes(data[:width], "big") & ((1 << 7 * width) - 1), width
