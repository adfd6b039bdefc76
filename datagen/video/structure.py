"""What the boxes of a file say before FFmpeg sees it: whether it is whole, and how long."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

from datagen.errors import VideoError

__all__ = ["check_structure"]

_MP4 = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp")
_PARENTS = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf", b"edts")
_TABLES = (
    b"stsz",
    b"stz2",
    b"stts",
    b"ctts",
    b"stsc",
    b"stco",
    b"co64",
    b"stss",
    b"sdtp",
    b"trun",
    b"elst",
)
_MEDIA = (b"mdat", b"free", b"skip", b"wide")
# FFmpeg also reads a table in a box where none belongs, and in a header that is compressed.
_HIDDEN = re.compile(rb"stsz|stz2|elst|trun")
_MAX_BOXES = 200_000
_MAX_BESIDE = 128 << 20  # bytes beside frames: FFmpeg holds them all, some of them three times
# Sound has up to ten packets per frame; or one "sample" per value, of a few bytes.
_SOUND_PACKETS = 10
_SOUND_VALUE = 8
_PACKET = 188  # of MPEG-TS
_SYNC = b"\x47"
_EBML = b"\x1a\x45\xdf\xa3"
_SEGMENT = b"\x18\x53\x80\x67"
_CLUSTER = b"\x1f\x43\xb6\x75"


def check_structure(file: BinaryIO, max_frames: int) -> str:
    """Refuse a file that ends early, or whose tables are longer than those of any video.

    MP4, Matroska, AVI and MPEG-TS say where they end; MPEG-PS doesn't, and shows it when it is
    decoded.

    Returns:
        Names of the formats, as FFmpeg has them, as which alone the file may be opened: what was
        not checked as MP4 must not be read as MP4.

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
        return "matroska,webm"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        _check_end(8 + int.from_bytes(head[4:8], "little"), size)
        return "avi"
    if head[::_PACKET] == 3 * _SYNC:
        _check_end(-(-size // _PACKET) * _PACKET, size)
        return "mpegts"
    if head[4:8] in _MP4:
        mp4 = _Mp4(file, size, max_frames)
        mp4.check(0, size)
        mp4.check_tracks()
        return "mov,mp4,m4a,3gp,3g2,mj2"
    return "mpeg,mpegts"


def _check_end(stated: int, found: int) -> None:
    if stated > found:
        raise VideoError(f"truncated: {found} bytes, where its structure needs {stated}")


class _Box(NamedTuple):
    kind: bytes
    start: int  # of its content
    end: int


@dataclass
class _Samples:
    """What a track says of its samples, before any of them is read."""

    handler: bytes = b""
    count: int = 0
    each: int = 0
    edits: int = 1
    one_by_one: bool = False  # every sample lasts one unit

    @property
    def values(self) -> bool:
        """Whether its samples are values of sound, which FFmpeg reads by the thousand."""
        return self.handler == b"soun" and 0 < self.each <= _SOUND_VALUE and self.one_by_one


@dataclass
class _Mp4:
    """Walks the boxes of an MP4 file down to the tables of samples."""

    file: BinaryIO
    size: int
    max_frames: int
    boxes: int = 0
    tracks: list[_Samples] = field(default_factory=lambda: [_Samples()])
    in_fragments: int = 0
    beside: int = 0

    def check(self, start: int, end: int) -> None:
        for box in self._boxes(start, end):
            track = self.tracks[-1]
            if box.kind == b"hdlr":
                track.handler = self._read(box, 12)[8:12]
            elif box.kind == b"stsz":
                head = self._read(box, 12)
                track.each = _number_of(head[4:8])
                track.count = max(track.count, _number_of(head[8:12]))
            elif box.kind == b"stz2":
                track.count = max(track.count, _number_of(self._read(box, 12)[8:12]))
            elif box.kind == b"stts":
                head = self._read(box, 16)
                track.one_by_one = (_number_of(head[4:8]), _number_of(head[12:16])) == (1, 1)
            elif box.kind == b"elst":
                track.edits = max(track.edits, _number_of(self._read(box, 8)[4:8]))
            elif box.kind == b"trun":
                self.in_fragments += _number_of(self._read(box, 8)[4:8])
                _check_count(self.in_fragments, _SOUND_PACKETS * self.max_frames)
            elif box.kind in _PARENTS:
                if box.kind == b"trak":
                    self.tracks.append(_Samples())
                self.check(box.start, box.end)
            self._check_leaf(box)

    def check_tracks(self) -> None:
        """Check the tables of samples; a table of equal ones takes no bytes, so any count fits.

        FFmpeg keeps an entry for each sample of all tracks, and for each once more per edit.
        """
        kept = 0
        for track in self.tracks:
            if track.values:
                _check_count(track.count, self.size)
                kept += track.edits * (track.count >> 10)
                continue
            if track.handler == b"vide":
                _check_count(track.count, self.max_frames)
            kept += track.edits * track.count
        _check_count(kept, _SOUND_PACKETS * self.max_frames)

    def _check_leaf(self, box: _Box) -> None:
        if box.kind == b"cmov":
            raise VideoError("its header is compressed: expected a plain one (remux the video)")
        if box.kind in (*_PARENTS, *_MEDIA):
            return
        self.beside += box.end - box.start
        _check_beside(self.beside)
        if box.kind not in _TABLES and _HIDDEN.search(self._read(box, box.end - box.start)):
            raise VideoError("damaged: a table of samples where none belongs")

    def _boxes(self, start: int, end: int) -> Iterator[_Box]:
        while start + 8 <= end:
            self.boxes += 1
            _check_count(self.boxes, _MAX_BOXES)
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


def _check_count(count: int, most: int) -> None:
    if count > most:
        raise VideoError(f"too long, or damaged: a table of {count}, at most {most} are read")


def _number_of(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _check_beside(size: int) -> None:
    if size > _MAX_BESIDE:
        raise VideoError(
            f"{size:,} bytes beside its frames (attachments, tags, tables), at most "
            f"{_MAX_BESIDE:,} are read: remux the video without them"
        )


def _check_matroska(file: BinaryIO, size: int) -> None:
    file.seek(4)
    length, width = _variable(file.read(8))
    start = 4 + width + length
    file.seek(start)
    head = file.read(12)
    if head[:4] != _SEGMENT:
        raise VideoError("damaged: no segment after the header of Matroska")
    length, width = _variable(head[4:])
    end = size
    if not _is_unknown(length, width):
        end = start + 4 + width + length
        _check_end(end, size)
    _check_elements(file, start, end, size)


def _check_elements(file: BinaryIO, at: int, end: int, size: int) -> None:
    """Add up what lies in segments beside their clusters.

    A live stream doesn't state the length of its clusters: what is in one is then passed over.
    """
    beside = count = 0
    while at + 2 <= size:
        count += 1
        _check_count(count, _MAX_BOXES)
        file.seek(at)
        head = file.read(12)
        try:
            name, width = _name(head)
            length, more = _variable(head[width:])
        except VideoError:
            if at < end:
                raise
            return  # bytes behind the end
        at += width + more
        if name == _SEGMENT or (name == _CLUSTER and _is_unknown(length, more)):
            continue
        if width == len(_CLUSTER) and name != _CLUSTER:
            beside += min(length, size - at)
            _check_beside(beside)
        at += length


def _name(head: bytes) -> tuple[bytes, int]:
    width = _variable(head)[1]
    return head[:width], width


def _is_unknown(length: int, width: int) -> bool:
    return length == (1 << 7 * width) - 1  # all ones, as in a live stream


def _variable(data: bytes) -> tuple[int, int]:
    """Return a number of EBML and how many bytes it takes."""
    width = 9 - data[0].bit_length() if data and data[0] else 0
    if not 0 < width <= len(data):
        raise VideoError("damaged: a length of Matroska cannot be read")
    return _number_of(data[:width]) & ((1 << 7 * width) - 1), width
