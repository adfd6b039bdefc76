from __future__ import annotations

import io

import pytest

from datagen.errors import VideoError
from datagen.video import probe_video
from datagen.video.structure import check_structure
from tests.support.videos import make_video, moving

pytest.importorskip("av")

STATED = ["h264", "vp9", "mjpeg", "h264 in mkv", "h264 in ts"]


@pytest.mark.parametrize("kind", STATED)
def test_containers_that_state_their_length_are_checked_to_the_last_byte(kind: str) -> None:
    data = make_video(moving(8), kind)
    check_structure(io.BytesIO(data), 100)
    with pytest.raises(VideoError, match=f"truncated: {len(data) - 1} bytes, where .* needs"):
        check_structure(io.BytesIO(data[:-1]), 100)


def test_bytes_behind_the_end_do_no_harm() -> None:
    for kind in ("vp9", "mjpeg"):
        assert probe_video(io.BytesIO(make_video(moving(8), kind) + bytes(99))).frames == 8


def test_a_live_stream_of_matroska_states_no_length() -> None:
    data = make_video(moving(8), "h264 in mkv", container_options={"live": "1"})
    assert probe_video(io.BytesIO(data)).frames == 8


def test_elements_of_matroska_are_counted() -> None:
    data = make_video(moving(8), "h264 in mkv")
    check_structure(io.BytesIO(data + b"\xec\x80" * 1000), 100)  # empty ones
    with pytest.raises(VideoError, match="a table of 200001"):
        check_structure(io.BytesIO(data + b"\xec\x80" * 200_001), 100)


def test_a_box_may_reach_to_the_end() -> None:
    data = bytearray(make_video(moving(8)))
    at = data.index(b"moov") - 4
    data[at : at + 4] = bytes(4)
    assert probe_video(io.BytesIO(bytes(data))).frames == 8


def test_a_box_may_state_its_length_in_64_bits() -> None:
    large = make_video(moving(8))
    at = large.index(b"free") - 4
    changed = large[:at] + (1).to_bytes(4, "big") + b"free" + (16).to_bytes(8, "big")
    check_structure(io.BytesIO(changed + large[at + 8 :]), 100)
    with pytest.raises(VideoError, match="truncated"):
        check_structure(io.BytesIO(changed + large[at + 8 : -1]), 100)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "empty file"),
        (b"\x1a\x45\xdf\xa3", "a length of Matroska cannot be read"),
        (b"\x1a\x45\xdf\xa3\x00" + bytes(20), "a length of Matroska cannot be read"),
        (b"\x1a\x45\xdf\xa3\x81" + bytes(20), "no segment after the header"),
        (b"RIFF\xff\xff\x00\x00AVI " + bytes(20), "truncated: 32 bytes, where its structure needs"),
    ],
)
def test_what_is_wrong_is_said(data: bytes, text: str) -> None:
    with pytest.raises(VideoError, match=text):
        check_structure(io.BytesIO(data), 100)
