"""Files that are made to break a reader: refused by name, at once, without much memory."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from datagen.errors import VideoError
from datagen.video import decode_video, probe_video
from datagen.video.container import MAX_FRAMES
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
