from __future__ import annotations

import io
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from datagen.video import ClipEncoding, decode_clip, decode_video, encode_clip
from tests.support.videos import BARS, bars, make_video

av = pytest.importorskip("av")

MATRICES = {"601": (6, 0.299, 0.114), "709": (1, 0.2126, 0.0722), "2020": (9, 0.2627, 0.0593)}
UNSPECIFIED = 2


def yuv(rgb: NDArray[np.uint8], matrix: str, full: bool) -> Any:
    """Return a 4:2:0 frame of PyAV by the formulas of the standards; bars have even widths."""
    _, red, blue = MATRICES[matrix]
    values = rgb.astype(np.float64)
    luma = values @ [red, 1 - red - blue, blue]
    differences = [
        (values[:, :, 2] - luma) / (2 - 2 * blue),
        (values[:, :, 0] - luma) / (2 - 2 * red),
    ]
    planes = [luma if full else 16 + luma * 219 / 255]
    planes += [128 + part[::2, ::2] * (1 if full else 224 / 255) for part in differences]
    height, width = rgb.shape[:2]
    flat = np.concatenate([np.clip(np.rint(plane), 0, 255).ravel() for plane in planes])
    array = flat.astype(np.uint8).reshape(height * 3 // 2, width)
    frame = av.VideoFrame.from_ndarray(array, format="yuv420p")
    frame.color_range = 2 if full else 1
    return frame


def off(image: NDArray[np.uint8]) -> int:
    """Return the largest error in the middle of a bar."""
    width = image.shape[1] // len(BARS)
    middles = image[image.shape[0] // 2, width // 2 :: width].astype(int)
    return int(np.abs(middles - np.array(BARS)).max())


def read(data: bytes) -> NDArray[np.uint8]:
    return next(decode_video(io.BytesIO(data))).image


@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("kind", ["h264", "hevc"])
def test_matrix_and_range_of_the_stream_are_honored(kind: str, matrix: str, full: bool) -> None:
    tags = {"colorspace": MATRICES[matrix][0], "color_range": 2 if full else 1}
    frames = [yuv(bars(), matrix, full)] * 3
    assert off(read(make_video(frames, kind, options={"crf": "1"}, context=tags))) <= 2


@pytest.mark.parametrize(("height", "matrix"), [(64, "601"), (718, "601"), (720, "709")])
def test_without_a_matrix_the_height_decides(height: int, matrix: str) -> None:
    frames = [yuv(bars(height), matrix, full=False)] * 2
    data = make_video(frames, options={"crf": "1", "preset": "ultrafast"})
    assert read_tags(data)[0] == UNSPECIFIED
    assert off(read(data)) <= 2


def test_mpeg_1_and_mjpeg_have_the_matrix_of_their_standards() -> None:
    frames = [yuv(bars(), "601", full=False)] * 2
    assert off(read(make_video(frames, "mpeg1", options={"qmin": "1", "qmax": "1"}))) <= 4
    assert off(read(make_video([bars()] * 2, "mjpeg", options={"qmin": "1", "qmax": "1"}))) <= 6


def test_rgb_streams_are_read() -> None:
    data = make_video([bars()] * 2, "rgb")
    assert read_tags(data)[0] == 0
    assert off(read(data)) <= 2


@pytest.mark.parametrize("height", [64, 720])
@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_bars_survive_our_own_encoder(codec: Any, height: int) -> None:
    encoding = ClipEncoding("mp4", codec, 1, 8, "ultrafast")
    data = encode_clip([bars(height)] * 2, Fraction(25), encoding)
    assert off(decode_clip(data)[1]) <= 2
    assert read_tags(data) == (1, 1, 1, 1)


def read_tags(data: bytes) -> tuple[int, int, int, int]:
    """Return matrix, range, primaries and transfer as a reader finds them."""
    with av.open(io.BytesIO(data)) as container:
        context = container.streams.video[0].codec_context
        frame = next(container.decode(video=0))
        stated = (frame.colorspace, frame.color_range, frame.color_primaries, frame.color_trc)
        of_container = (context.colorspace, context.color_range)
        assert of_container == stated[:2]
        return stated
