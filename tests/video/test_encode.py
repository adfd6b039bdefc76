from __future__ import annotations

import hashlib
import io
import subprocess
import sys
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
import pytest

from datagen.core.arrays import Image
from datagen.errors import MissingExtraError, VideoError
from datagen.video import (
    ClipEncoding,
    decode_clip,
    decode_masks,
    decode_video,
    encode_clip,
    encode_masks,
    picture_types,
    probe_video,
)
from tests.support.house import ROOT
from tests.support.videos import moving

av = pytest.importorskip("av")

LOSSLESS = ClipEncoding("mkv", "ffv1")
FPS = Fraction(25)


def lossy(codec: Any, **changed: Any) -> ClipEncoding:
    usual = {"format": "mp4", "codec": codec, "crf": 23, "gop": 12, "preset": "veryfast"}
    return ClipEncoding(**{**usual, **changed})


ALL = {
    "h264": lossy("h264"),
    "h264 medium": lossy("h264", preset="medium", gop=250),
    "h264 in mkv": lossy("h264", format="mkv"),
    "h265": lossy("h265"),
    "ffv1": LOSSLESS,
}


def contents() -> list[list[Image]]:
    """Clips that an adaptive encoder treats apart: motion, none, a cut, flashes, noise, a fade."""
    rng = np.random.default_rng(5)
    clip = moving(32, 64, 96)
    noise = [rng.integers(0, 256, (64, 96, 3)).astype(np.uint8) for _ in range(32)]
    return [
        clip,
        [clip[0]] * 32,
        [*clip[:10], *(255 - frame for frame in clip[10:])],
        [frame if number % 5 else np.full_like(frame, 255) for number, frame in enumerate(clip)],
        noise,
        [*clip[:16], *noise[16:]],
        [(frame * (number / 31)).astype(np.uint8) for number, frame in enumerate(clip)],
    ]


@pytest.mark.parametrize("name", [name for name in ALL if name != "ffv1"])
def test_the_types_of_frames_do_not_depend_on_the_content(name: str) -> None:
    found = {picture_types(encode_clip(clip, FPS, ALL[name])) for clip in contents()}
    assert len(found) == 1
    types = found.pop()
    assert set(types) == {"I", "P", "B"}
    starts = range(0, 32, ALL[name].gop or 1)
    assert [number for number, kind in enumerate(types) if kind == "I"] == list(starts)


@pytest.mark.parametrize("preset", ["ultrafast", "medium"])
@pytest.mark.parametrize("codec", ["h264", "h265"])
@pytest.mark.parametrize("gop", [1, 2, 3, 5, 600])
def test_nor_for_short_and_long_groups(codec: str, preset: str, gop: int) -> None:
    for count in (1, 2, 3, 6, 11):
        encoding = lossy(codec, preset=preset, gop=gop)
        given = [clip[5 : 5 + count] for clip in contents()]
        found = {picture_types(encode_clip(clip, FPS, encoding)) for clip in given}
        assert len(found) == 1
        types = found.pop()
        assert [place for place, kind in enumerate(types) if kind == "I"] == list(
            range(0, count, gop)
        )


def test_with_default_settings_they_would() -> None:
    """The test above can fail."""
    found = set()
    for clip in contents():
        buffer = io.BytesIO()
        with av.open(buffer, "w", format="mp4") as container:
            stream = container.add_stream("libx264", rate=25)
            stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
            for frame in clip:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame)))
            container.mux(stream.encode(None))
        found.add(picture_types(buffer.getvalue()))
    assert len(found) > 1


SCRIPT = """
import hashlib, sys
from fractions import Fraction
from datagen.video import encode_clip, encode_masks
from tests.support.videos import moving
from tests.video.test_encode import ALL
clip = moving(12, 64, 96)
for encoding in ALL.values():
    print(hashlib.sha256(encode_clip(clip, Fraction(25), encoding)).hexdigest())
masks = [frame[:, :, 0] for frame in clip]
print(hashlib.sha256(encode_masks(masks, Fraction(25))).hexdigest())
"""


def test_two_processes_make_the_same_bytes() -> None:
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    clip = moving(12, 64, 96)
    here = [encode_clip(clip, FPS, encoding) for encoding in ALL.values()]
    here.append(encode_masks([frame[:, :, 0] for frame in clip], FPS))
    assert done.stdout.split() == [hashlib.sha256(data).hexdigest() for data in here]
    assert done.stderr == ""


@pytest.mark.parametrize("size", [(64, 96), (47, 63), (9, 17)])
def test_ffv1_keeps_every_value(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    clip = [rng.integers(0, 256, (*size, 3)).astype(np.uint8) for _ in range(5)]
    found = decode_clip(encode_clip(clip, FPS, LOSSLESS))
    assert all(map(np.array_equal, found, clip))
    assert len(found) == 5
    masks = [frame[:, :, 1].copy() for frame in clip]
    again = decode_masks(encode_masks(masks, FPS))
    assert all(map(np.array_equal, again, masks))
    assert again[0].shape == size


@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_a_lower_rate_factor_is_nearer(codec: str) -> None:
    clip = moving(12, 64, 96)
    quality = []
    for crf in (5, 23, 40):
        found = decode_clip(encode_clip(clip, FPS, lossy(codec, crf=crf)))
        assert len(found) == 12
        quality.append(float(np.mean([cv2.PSNR(*both) for both in zip(found, clip, strict=True)])))
    assert quality[0] > quality[1] + 3 > quality[2] + 6


@pytest.mark.parametrize("rate", [Fraction(24000, 1001), Fraction(25), Fraction(60)])
@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_time_stamps_begin_at_0_and_have_the_rate(codec: str, rate: Fraction) -> None:
    data = encode_clip(moving(12), rate, lossy(codec))
    info = probe_video(io.BytesIO(data))
    assert (info.fps, info.frames, info.variable) == (rate, 12, False)
    stamps = [frame.pts * info.time_base for frame in decode_video(io.BytesIO(data))]
    assert stamps == [number / rate for number in range(12)]


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("name", ALL)
def test_clips_shorter_than_the_delay_of_an_encoder(name: str, count: int) -> None:
    """Again and again: x265 reads memory that it has not written, which is often 0."""
    clip = moving(count)
    first = encode_clip(clip, FPS, ALL[name])
    assert len(decode_clip(first)) == count
    assert {encode_clip(clip, FPS, ALL[name]) for _ in range(30)} == {first}


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"codec": "ffv1"}, "codec ffv1 needs format mkv, found 'mp4'"),
        ({"format": "frames"}, "codec h264 needs format mp4 or mkv"),
        ({"crf": None}, "crf: must be a whole number from 0 to 51, found None"),
        ({"crf": 52}, "crf: must be"),
        ({"gop": 0}, "gop: must be a whole number from 1 to 600"),
        ({"preset": "placebo"}, "preset: must be one of ultrafast"),
        ({"codec": "ffv1", "format": "mkv"}, "codec ffv1 takes no crf, gop or preset"),
    ],
)
def test_settings_that_do_not_fit_are_refused(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        lossy(**{"codec": "h264", **fields})


def test_names_of_the_manifest() -> None:
    frames = ClipEncoding("frames", "png")
    assert (frames.suffix, frames.media_type, frames.lossy) == (".png", "image/png", False)
    assert (LOSSLESS.suffix, LOSSLESS.media_type) == (".mkv", "video/x-matroska")
    encoding = lossy("h264")
    assert (encoding.suffix, encoding.media_type, encoding.lossy) == (".mp4", "video/mp4", True)
    record = encoding.record()
    assert record["library"].startswith("libx264 core 1")
    assert {"format": "mp4", "codec": "h264", "crf": 23, "gop": 12}.items() <= record.items()
    assert lossy("h265").record()["library"].startswith("libx265 build 2")
    assert LOSSLESS.record()["library"].startswith("ffv1 (libavcodec ")
    assert frames.record()["library"].startswith("opencv ")


@pytest.mark.parametrize(
    ("clip", "encoding", "text"),
    [
        ([], LOSSLESS, "at least one frame"),
        ([*moving(1), *moving(1, 32, 32)], LOSSLESS, "frames of one size, found 32x32 and 64x48"),
        (moving(2, 47, 64), lossy("h264"), "even sides, found 64x47"),
        (moving(2), ClipEncoding("frames", "png"), "one image file per frame"),
    ],
)
def test_clips_that_cannot_be_encoded_are_refused(clip: Any, encoding: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        encode_clip(clip, FPS, encoding)


def test_damaged_clips_of_a_release_are_errors() -> None:
    data = encode_clip(moving(8), FPS, lossy("h264"))
    for read in (decode_clip, picture_types, decode_masks):
        with pytest.raises(VideoError):
            read(data[:-50])
        with pytest.raises(VideoError):
            read(b"")
    with pytest.raises(VideoError, match="8-bit gray, found bgr0"):
        decode_masks(encode_clip(moving(2), FPS, LOSSLESS))
    with pytest.raises(VideoError, match="codec 'h264' is not read: expected one of ffv1"):
        decode_masks(data)


def test_without_pyav_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode_clip(moving(2), FPS, LOSSLESS)
    monkeypatch.setitem(sys.modules, "av", None)
    for call in (
        lambda: encode_clip(moving(2), FPS, LOSSLESS),
        lambda: decode_clip(data),
        lambda: encode_masks([moving(1)[0][:, :, 0]], FPS),
        lambda: next(decode_video(io.BytesIO(data))),
    ):
        with pytest.raises(MissingExtraError, match=r"pip install 'datagen\[video\]'"):
            call()
