from __future__ import annotations

import io
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
import pytest

from datagen.errors import ImageError, VideoError
from datagen.video import probe_video
from tests.support.assets import grid
from tests.support.videos import KINDS, bars, make_sound, make_video, moving

av = pytest.importorskip("av")

CODECS = {"mpeg1": "mpeg1video", "hevc": "hevc", "vp9": "vp9", "mjpeg": "mjpeg"}


def probe(data: bytes) -> Any:
    return probe_video(io.BytesIO(data))


@pytest.mark.parametrize("kind", KINDS)
def test_a_video_is_described(kind: str) -> None:
    info = probe(make_video(moving(20), kind))
    assert info.codec == CODECS.get(kind, "h264")
    assert (info.width, info.height, info.frames) == (64, 48, 20)
    assert info.fps == 25
    assert not info.variable


@pytest.mark.parametrize("rate", [Fraction(24000, 1001), Fraction(30000, 1001), Fraction(25, 2)])
@pytest.mark.parametrize("kind", ["h264", "h264 in mkv"])
def test_broken_rates_are_exact_even_from_time_stamps_in_milliseconds(
    rate: Fraction, kind: str
) -> None:
    info = probe(make_video(moving(20), kind, fps=rate))
    assert (info.fps, info.variable) == (rate, False)


def test_a_variable_rate_is_said_and_averaged() -> None:
    info = probe(make_video(moving(10), pts=[0, 1, 2, 3, 9, 10, 11, 20, 21, 22]))
    assert info.variable
    assert info.fps == Fraction(9 * 25, 22)


@pytest.mark.parametrize(("degrees", "size"), [(90, (48, 64)), (-90, (48, 64)), (180, (64, 48))])
def test_sizes_are_upright(degrees: int, size: tuple[int, int]) -> None:
    info = probe(make_video(moving(4), rotation=degrees))
    assert (info.width, info.height) == size


@pytest.mark.parametrize("kind", ["mpeg1", "vp9", "mjpeg"])
def test_odd_sizes_are_read(kind: str) -> None:
    info = probe(make_video(moving(4, 47, 63), kind))
    assert (info.width, info.height) == (63, 47)


def test_fragments_are_read() -> None:
    flags = {"movflags": "frag_keyframe+empty_moov"}
    assert probe(make_video(moving(20), container_options=flags)).frames == 20


def test_what_an_edit_list_leaves_out_is_not_counted() -> None:
    assert probe(make_video(moving(20), pts=range(-5, 15))).frames == 15


def without_a_frame() -> bytes:
    """A table of samples with none."""
    data = bytearray(make_video(moving(4)))
    at = data.index(b"stsz")
    data[at + 8 : at + 16] = bytes(8)
    return bytes(data)


def of_mpeg4() -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for frame in moving(4):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame)))
        container.mux(stream.encode(None))
    return buffer.getvalue()


HDR = {"color_primaries": 9, "colorspace": 9}
REFUSED: dict[str, tuple[Any, str]] = {
    "interlaced": (
        lambda: make_video(moving(4), options={"x264-params": "tff=1"}),
        "interlaced: expected progressive frames",
    ),
    "interlaced MPEG": (
        lambda: make_video(moving(4), options={"flags": "+ildct+ilme"}),
        "interlaced: expected progressive frames",
    ),
    "10 bit H.264": (
        lambda: make_video(moving(4), pix_fmt="yuv420p10le"),
        r"10 bits per channel \(yuv420p10le\): expected 8",
    ),
    "10 bit HEVC": (
        lambda: make_video(moving(4), "hevc", pix_fmt="yuv420p10le"),
        r"10 bits per channel \(yuv420p10le\): expected 8",
    ),
    "PQ": (lambda: make_video(moving(4), context=HDR | {"color_trc": 16}), "transfer PQ"),
    "HLG": (lambda: make_video(moving(4), context=HDR | {"color_trc": 18}), "transfer HLG"),
    "matrix": (
        lambda: make_video(moving(4), context={"colorspace": 10}),
        "color matrix 10 is not converted",
    ),
    "pixels": (
        lambda: make_video(moving(4), context={"sample_aspect_ratio": Fraction(12, 11)}),
        r"its pixels are not square \(12:11\): expected 1:1",
    ),
    "rotation": (
        lambda: make_video(moving(4), rotation=30),
        "rotated by -?30 degrees: expected a multiple of 90",
    ),
    "codec": (of_mpeg4, "codec 'mpeg4' is not read: expected one of h264, hevc"),
    "sound": (make_sound, "no video stream: found audio"),
    "no frames": (without_a_frame, "no frames: the video stream is empty"),
    "nothing": (lambda: b"", "empty file"),
    "text": (lambda: b"hello\n" * 99, "not a video that is read"),
    "image": (lambda: cv2.imencode(".jpg", bars())[1].tobytes(), "not a video that is read"),
    "truncated": (lambda: make_video(moving(20))[:-40], "truncated: .* bytes, where"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_read_is_refused_by_name(case: str) -> None:
    make, text = REFUSED[case]
    with pytest.raises(VideoError, match=text):
        probe(make())


def test_the_error_is_one_of_images() -> None:
    assert issubclass(VideoError, ImageError)


def test_the_file_stays_open() -> None:
    file = io.BytesIO(make_video(moving(4)))
    probe_video(file)
    assert not file.closed


def test_errors_of_the_file_itself_pass_through() -> None:
    class Broken(io.BytesIO):
        reads = 0

        def read(self, size: int | None = -1) -> bytes:
            self.reads += 1
            if self.reads > 40:
                raise OSError("connection lost")
            return super().read(size)

    with pytest.raises(OSError, match="connection lost"):
        probe_video(Broken(make_video([np.roll(f, 3) for f in moving(99, 240, 320)])))


@pytest.mark.photos
def test_a_real_video_whose_header_counts_no_frames() -> None:
    with grid().open("rb") as file:
        info = probe_video(file)
        assert av.open(str(grid())).streams.video[0].frames == 0
    assert (info.codec, info.width, info.height) == ("mpeg1video", 360, 288)
    assert info.fps == 25
    assert info.frames == 75
    assert not info.variable


def test_a_rate_that_no_video_has_is_refused() -> None:
    data = make_video(moving(8), "h264 in mkv")
    unit = b"\x2a\xd7\xb1\x83"
    fast = data.replace(unit + b"\x0f\x42\x40", unit + b"\x00\x00\x01")
    with pytest.raises(VideoError, match=r"2.5e\+07 frames per second, expected 1/10 to 1000"):
        probe_video(io.BytesIO(fast))
    slow = make_video(moving(4), "h264 in mkv", fps=Fraction(1, 1_000_000))
    with pytest.raises(VideoError, match="1e-06 frames per second, expected 1/10 to 1000"):
        probe_video(io.BytesIO(slow))
