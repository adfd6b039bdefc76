"""What the boxes of a file say before FFmpeg sees it: whether it is whole, and how long."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from datagen.errors import VideoError

__all__ = ["check_structure"]

_MP4 = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp")
_PARENTS = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf")
_MAX_BOXES = 200_000
# Sound has up to ten packets per frame; or one "sample" per value, of a few bytes.
_SOUND_PACKETS = 10
_SOUND_VALUE = 8
_PACKET = 188  # of MPEG-TS
_SYNC = b"\x47"
_EBML = b"\x1a\x45\xdf\xa3"
_SEGMENT = b"\x18\x53\x80\x67"


def check_structure(file: BinaryIO, max_frames: int) -> None:
    """Refuse a file that ends early, or whose tables are longer than those of any video.

    MP4, Matroska, AVI and MPEG-TS say where they end; MPEG-PS doesn't, and shows it when it is
    decoded.

    Raises:
        VideoError: With what was found.
    """
    size = file.seek(0, io.SEEK_END)
    if size == 0:
        raise VideoError("empty file")
    file.seek(0)
    head = file.read(2 * _PACKET + 1)
    if head[:4] == _EBML:
        _check_matroska(file, size)
    elif head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        _check_end(8 + int.from_bytes(head[4:8], "little"), size)
    elif head[::_PACKET] == 3 * _SYNC:
        _check_end(-(-size // _PACKET) * _PACKET, size)
    elif head[4:8] in _MP4:
        _Mp4(file, size, max_frames).check(0, size)


def _check_end(stated: int, found: int) -> None:
    if stated > found:
        raise VideoError(f"truncated: {found} bytes, where its structure needs {stated}")


class _Box(NamedTuple):
    kind: bytes
    start: int  # of its content
    end: int


@dataclass
class _Mp4:
    """Walks the boxes of an MP4 file down to the tables of samples."""

    file: BinaryIO
    size: int
    max_frames: int
    boxes: int = 0
    handler: bytes = b""
    in_fragments: int = 0

    def check(self, start: int, end: int) -> None:
        for box in self._boxes(start, end):
            if box.kind == b"hdlr":
                self.handler = self._read(box, 12)[8:12]
            elif box.kind == b"stsz":
                head = self._read(box, 12)
                self._check_table(_number_of(head[4:8]), _number_of(head[8:12]))
            elif box.kind == b"trun":
                self.in_fragments += _number_of(self._read(box, 8)[4:8])
                self._check_count(self.in_fragments, _SOUND_PACKETS * self.max_frames)
            elif box.kind in _PARENTS:
                self.check(box.start, box.end)

    def _boxes(self, start: int, end: int) -> Iterator[_Box]:
        while start + 8 <= end:
            self.boxes += 1
            self._check_count(self.boxes, _MAX_BOXES)
            self.file.seek(start)
            head = self.file.read(16)
            length, begin = _number_of(head[:4]), start + 8
            if length == 1:
                length, begin = _number_of(head[8:16]), start + 16
            elif length == 0:  # to the end of the file
                length = end - start
            if length < begin - start:
                raise VideoError(f"damaged: a box of {length} bytes at byte {start}")
            _check_end(start + length, end)
            yield _Box(head[4:8], begin, start + length)
            start += length

    def _read(self, box: _Box, count: int) -> bytes:
        self.file.seek(box.start)
        return self.file.read(min(count, box.end - box.start))

    def _check_table(self, each: int, count: int) -> None:
        """Check a table of samples: one of equal sizes takes no bytes, so any count fits in it."""
        if self.handler == b"vide":
            self._check_count(count, self.max_frames)
        elif self.handler != b"soun" or not 0 < each <= _SOUND_VALUE:
            self._check_count(count, _SOUND_PACKETS * self.max_frames)
        else:
            self._check_count(count, self.size)

    @staticmethod
    def _check_count(count: int, most: int) -> None:
        if count > most:
            raise VideoError(f"too long, or damaged: a table of {count}, at most {most} are read")


def _number_of(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _check_matroska(file: BinaryIO, size: int) -> None:
    file.seek(4)
    length, width = _variable(file.read(8))
    start = 4 + width + length
    file.seek(start)
    head = file.read(12)
    if head[:4] != _SEGMENT:
        raise VideoError("damaged: no segment after the header of Matroska")
    length, width = _variable(head[4:])
    if length != (1 << 7 * width) - 1:  # all ones: unknown, as in a live stream
        _check_end(start + 4 + width + length, size)


def _variable(data: bytes) -> tuple[int, int]:
    """Return a number of EBML and how many bytes it takes."""
    width = 9 - data[0].bit_length() if data and data[0] else 0
    if not 0 < width <= len(data):
        raise VideoError("damaged: a length of Matroska cannot be read")
    return _number_of(data[:width]) & ((1 << 7 * width) - 1), width
