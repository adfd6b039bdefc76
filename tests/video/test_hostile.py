"""Files that are made to break a reader: refused by name, at once, without much memory."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pytest

from datagen.errors import VideoError
from datagen.video import decode_video, probe_video
from datagen.video.container import MAX_FRAMES
from datagen.video.structure import check_structure
from tests.support.house import ROOT
from tests.support.videos import make_video, moving

pytest.importorskip("av")


def patched(data: bytes, name: bytes, offset: int, value: int) -> bytes:
    """Write a number behind the name of a box."""
    changed = bytearray(data)
    at = data.index(name) + 4 + offset
    changed[at : at + 4] = value.to_bytes(4, "big")
    return bytes(changed)


def test_a_table_of_equal_samples_cannot_claim_any_count() -> None:
    data = patched(patched(make_video(moving(4)), b"stsz", 4, 1), b"stsz", 8, MAX_FRAMES + 1)
    with pytest.raises(VideoError, match="too long, or damaged: a table of 1000001, at most"):
        probe_video(io.BytesIO(data))


def test_a_table_of_sound_cannot_either() -> None:
    data = patched(patched(make_video(moving(4)), b"stsz", 4, 1), b"stsz", 8, 1 << 27)
    with pytest.raises(VideoError, match="too long, or damaged"):
        probe_video(io.BytesIO(data.replace(b"vide", b"soun")))


def test_fragments_cannot_claim_any_count() -> None:
    flags = {"movflags": "frag_keyframe+empty_moov"}
    data = patched(make_video(moving(20), container_options=flags), b"trun", 4, 1 << 30)
    with pytest.raises(VideoError, match="too long, or damaged"):
        probe_video(io.BytesIO(data))


def box(kind: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I4s", 8 + len(content), kind) + content


def table(kind: bytes, *numbers: int) -> bytes:
    return box(kind, bytes(4), struct.pack(f">{len(numbers)}I", *numbers))


def track(count: int, handler: bytes = b"vide", edits: int = 0, within: bytes = b"minf") -> bytes:
    """Return a track of equal samples, which takes few bytes for any count."""
    samples = box(b"stbl", table(b"stts", 1, count, 2), table(b"stsz", 1, count))
    edited = box(b"edts", table(b"elst", edits, *(40, 0, 1 << 16) * edits)) if edits else b""
    media = box(b"mdia", table(b"hdlr", 0, int.from_bytes(handler, "big")), box(within, samples))
    return box(b"trak", edited, media)


def movie(*tracks: bytes) -> bytes:
    return box(b"ftyp", b"isom", bytes(4)) + box(b"moov", *tracks)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (movie(*[track(MAX_FRAMES)] * 20), "a table of 20000000, at most 10000000"),
        (movie(*[track(MAX_FRAMES, b"meta")] * 20), "a table of 20000000, at most 10000000"),
        (movie(track(1000, edits=100_000)), "a table of 100000000, at most 10000000"),
        (movie(track(8, within=b"udta")), "a table of samples where none belongs"),
        (movie(track(8, within=b"dinf")), "a table of samples where none belongs"),
        (movie(box(b"cmov", zlib.compress(movie(track(1 << 26))))), "its header is compressed"),
    ],
)
def test_small_files_cannot_ask_for_gigabytes_of_tables(data: bytes, text: str) -> None:
    with pytest.raises(VideoError, match=text):
        probe_video(io.BytesIO(data))


@pytest.mark.parametrize("first", [b"pnot", b"junk", b"uuid", b"udta", b"moof", b"abcd"])
def test_what_was_not_checked_as_mp4_is_not_read_as_mp4(first: bytes) -> None:
    with pytest.raises(VideoError, match="not a video that is read"):
        probe_video(io.BytesIO(box(first, bytes(16)) + make_video(moving(4))))


def test_values_of_sound_may_be_many_but_not_more_than_bytes() -> None:
    stated = bytes(4) + struct.pack(">II", 4, 1 << 26)
    sound = track(5, b"soun").replace(bytes(4) + struct.pack(">II", 1, 5), stated)
    sound = sound.replace(struct.pack(">III", 1, 5, 2), struct.pack(">III", 1, 1 << 26, 1))
    with pytest.raises(VideoError, match="a table of 67108864, at most"):
        probe_video(io.BytesIO(movie(sound)))


def with_attachment(size: int, unknown: bool) -> bytes:
    """Return a Matroska file with an attachment behind its clusters, of which no byte is there."""
    data = bytearray(make_video(moving(8), "h264 in mkv"))
    segment = data.index(b"\x18\x53\x80\x67") + 4
    data[segment : segment + 8] = b"\x01" + bytes([255] * 7)
    if unknown:
        cluster = data.index(b"\x1f\x43\xb6\x75") + 4
        width = 9 - data[cluster].bit_length()
        data[cluster : cluster + width] = b"\x01" + bytes([255] * 7)
    return bytes(data) + b"\x19\x41\xa4\x69\x01" + size.to_bytes(7, "big")


@pytest.mark.parametrize("unknown", [False, True])
def test_attachments_are_not_read_into_memory(unknown: bool) -> None:
    class Long(io.BytesIO):  # as large as it says, without the bytes
        def seek(self, offset: int, whence: int = 0) -> int:
            return super().seek(offset, whence) + ((1 << 30) if whence == io.SEEK_END else 0)

    assert check_structure(io.BytesIO(with_attachment(0, unknown)), 100) == "matroska,webm"
    with pytest.raises(VideoError, match=r"536,87.,... bytes beside its frames"):
        check_structure(Long(with_attachment(1 << 29, unknown)), 100)


def test_covers_are_not_either() -> None:
    covers = box(b"udta", bytes(70 << 20))
    with pytest.raises(VideoError, match="bytes beside its frames"):
        probe_video(io.BytesIO(movie(covers, covers)))


def test_endless_boxes_are_refused_quickly() -> None:
    data = struct.pack(">I4s8x", 16, b"ftyp") + struct.pack(">I4s", 8, b"free") * 300_000
    start = time.perf_counter()
    with pytest.raises(VideoError, match="too long, or damaged"):
        probe_video(io.BytesIO(data))
    assert time.perf_counter() - start < 10


def test_a_box_without_a_length_is_refused() -> None:
    with pytest.raises(VideoError, match="damaged: a box of 4 bytes at byte 0"):
        probe_video(io.BytesIO(struct.pack(">I4s", 4, b"ftyp") + bytes(64)))


def test_deep_boxes_are_refused() -> None:
    data = b""
    for _ in range(2000):
        data = struct.pack(">I4s", 8 + len(data), b"trak") + data
    with pytest.raises(VideoError):
        probe_video(io.BytesIO(struct.pack(">I4s8x", 16, b"ftyp") + data))


def test_frames_that_are_too_large_are_refused_by_their_header() -> None:
    large = [np.zeros((3000, 4000, 3), np.uint8)]
    data = make_video(large, options={"preset": "ultrafast"})
    with pytest.raises(VideoError, match="too large: frames of 4000x3000 pixels, at most 9437184"):
        probe_video(io.BytesIO(data))


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile {}\n",
        "[playlist]\nFile1={}\n",
        '<?xml version="1.0"?><MPD><Period><BaseURL>{}</BaseURL></Period></MPD>',
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n#{}",
    ],
)
def test_lists_of_other_files_are_not_followed(text: str, tmp_path: Path) -> None:
    other = tmp_path / "other.mp4"
    other.write_bytes(make_video(moving(4)))
    for name in (str(other), other.as_uri()):
        with pytest.raises(VideoError, match="not a video that is read"):
            probe_video(io.BytesIO(text.format(name).encode()))


FUZZ = """
import io, random
from datagen.errors import VideoError
from datagen.video import decode_video, probe_video
from tests.support.videos import KINDS, make_video, moving
draw = random.Random(7)
read = refused = 0
for kind in KINDS:
    whole = make_video(moving(8), kind)
    for _ in range(40):
        data = bytearray(whole)
        for _ in range(draw.choice((1, 3, 20))):
            at = draw.randrange(draw.choice((64, 700, len(data))) if len(data) > 700 else len(data))
            data[at] = draw.choice((0, 1, 127, 255, draw.randrange(256)))
        if draw.random() < 0.2:
            at = draw.randrange(len(data))
            data[at : at + draw.randrange(60)] = b""
        for use in (probe_video, lambda file: list(decode_video(file, 3000, 4))):
            try:
                use(io.BytesIO(bytes(data)))
                read += 1
            except VideoError:
                refused += 1
print(read, refused)
"""


def test_changed_bytes_are_read_or_refused() -> None:
    """In another process, because a fault in a decoder would end this one."""
    command = [sys.executable, "-c", FUZZ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    read, refused = map(int, done.stdout.split())
    assert read > 50
    assert refused > 50


def test_an_error_has_no_chain_of_tracebacks() -> None:
    with pytest.raises(VideoError) as caught:
        list(decode_video(io.BytesIO(make_video(moving(8), "mpeg1")[:900])))
    assert "\n" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__cause__ is None
