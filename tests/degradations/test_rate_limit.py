from __future__ import annotations

import sys
from fractions import Fraction

import cv2
import numpy as np
import pytest

from datagen.degradations.rate_limit import RateLimit, RateLimitParams
from datagen.errors import MissingExtraError, RecipeError
from datagen.video.color import from_rgb
from datagen.video.libraries import codec_packets, repeatable
from tests.support.videos import moving
from tests.video.test_encode import contents

pytest.importorskip("av")


def test_a_lower_rate_is_worse() -> None:
    built, clip = RateLimit.build({}), moving(24, 96, 128)
    quality = []
    for rate in (60, 15, 8):
        out = built.apply_clips([clip], RateLimitParams(rate=rate, buffer=rate, preset="fast"))[0]
        quality.append(cv2.PSNR(np.hstack(out), np.hstack(clip)))
    assert quality[0] > quality[1] + 1 > quality[2] + 2


def test_the_rate_is_kept() -> None:
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 256, (96, 128, 3)).astype(np.uint8) for _ in range(75)]
    options = {"crf": "18", "preset": "veryfast"}
    options |= repeatable("h264", 250, "vbv-maxrate=200:vbv-bufsize=100")
    frames = (from_rgb(frame, "yuv420p") for frame in noise)
    packets = codec_packets(frames, "h264", Fraction(25), options, "")
    kbits = sum(packet.size for packet in packets) * 8 / 1000
    assert kbits < (3 * 200 + 100) * 1.3  # x264 stays near it, even for noise


def test_the_rate_follows_the_size_of_the_frame() -> None:
    built = RateLimit.build({"bits": 0.1, "buffer": 0.5})
    drawn = built.sample(np.random.Generator(np.random.Philox(1)), (256, 256))
    assert (drawn.rate, drawn.buffer) == (164, 82)


def test_an_odd_clip_keeps_its_size() -> None:
    built = RateLimit.build({})
    out = built.apply_clips([moving(3, 47, 63)], RateLimitParams(rate=99, buffer=9, preset="fast"))
    assert [frame.shape for frame in out[0]] == [(47, 63, 3)] * 3


def test_wrong_values_and_a_missing_library_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RecipeError, match=r"bits: must be a range within 0\.01 and 2"):
        RateLimit.build({"bits": 3})
    with pytest.raises(RecipeError, match=r"buffer: must be a range within 0\.5 and 4"):
        RateLimit.build({"buffer": 9})
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'datagen\[video\]'"):
        RateLimit.build({})


def test_the_types_of_frames_do_not_depend_on_the_content() -> None:
    import av

    options = {"crf": "18", "preset": "veryfast"}
    options |= repeatable("h264", 250, "vbv-maxrate=60:vbv-bufsize=40:qpmax=51")
    found = set()
    for clip in contents():
        frames = (from_rgb(frame, "yuv420p") for frame in clip)
        packets = codec_packets(frames, "h264", Fraction(25), options, "")
        context = av.CodecContext.create("h264", "r")
        assert isinstance(context, av.VideoCodecContext)
        decoded = [frame for packet in packets for frame in context.decode(packet)]
        found.add(tuple(frame.pict_type for frame in [*decoded, *context.decode(None)]))
    assert len(found) == 1
