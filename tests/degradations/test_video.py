from __future__ import annotations

import sys
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
import pytest

from datagen.degradations.base import warp
from datagen.degradations.video import Video, VideoParams
from datagen.errors import MissingExtraError, RecipeError
from tests.support.faces_made import made_face
from tests.support.videos import moving


def params(**changed: object) -> VideoParams:
    plain = {"codec": "h264", "crf": 23, "preset": "medium", "frame": 2, "drift": (0.2, -0.1)}
    return VideoParams.model_validate(plain | changed)


def test_without_pyav_building_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'datagen\[video\]'"):
        Video.build({})


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"crf": [20, 60]}, "crf: must be a range within 0 and 51"),
        ({"frame": 0}, "frame: must be a range within 1 and 8"),
        ({"drift": 0.5}, r"drift: must be a range within 0 and 0\.01"),
        ({"codecs": []}, "codecs: must have at least one"),
        ({"codecs": ["av1"]}, "codecs"),
        ({"preset": "mediun"}, "preset"),
    ],
)
def test_wrong_values_are_refused(options: dict[str, object], text: str) -> None:
    pytest.importorskip("av")
    with pytest.raises(RecipeError, match=text):
        Video.build(options)


class TestStream:
    FACE = made_face(1, 96).image

    @pytest.fixture(autouse=True)
    def needs_av(self) -> None:
        pytest.importorskip("av")

    @pytest.mark.parametrize("codec", ["h264", "h265"])
    def test_a_stream_starts_with_an_idr_frame_and_is_predicted_from_then_on(
        self, codec: str
    ) -> None:
        from datagen.degradations.ops.video_stream import encode, to_yuv

        packets = encode(
            [to_yuv(self.FACE)] * 3, "h264" if codec == "h264" else "h265", 23, "medium"
        )
        assert [packet.is_keyframe for packet in packets] == [True, False, False]
        assert [packet.pts for packet in packets] == [0, 1, 2]

    @pytest.mark.parametrize("codec", ["h264", "h265"])
    def test_a_higher_rate_factor_is_worse(self, codec: str) -> None:
        video = Video.build({})
        quality = [
            cv2.PSNR(
                video.apply(self.FACE, drawn := params(codec=codec, crf=crf)),
                warp(self.FACE, video.homography(drawn, (96, 96))),
            )
            for crf in (15, 23, 40)
        ]
        assert quality[0] > quality[1] + 1 > quality[2] + 2

    def test_the_kept_frame_has_moved_by_whole_pixels(self) -> None:
        video = Video.build({})
        drawn = params(drift=(0.8, -1.2), crf=12)
        matrix = video.homography(drawn, (96, 96))
        assert matrix.tolist() == [[1, 0, 2], [0, 1, -2], [0, 0, 1]]
        out = video.apply(self.FACE, drawn)
        assert cv2.PSNR(out, warp(self.FACE, matrix)) > cv2.PSNR(out, self.FACE) + 5

    def test_earlier_frames_lie_where_the_motion_came_from(self) -> None:
        from datagen.degradations.ops.video_stream import to_yuv
        from datagen.degradations.video import _earlier

        kept = to_yuv(self.FACE)
        before = _earlier(kept, np.array([0.4, -1.3]))
        for rows, scale in ((slice(0, 96), 1), (slice(96, 120), 2)):
            plane, moved = (part[rows].reshape(-1, 96 // scale) for part in (kept, before))
            matrix = np.array([[1, 0, -0.4 / scale], [0, 1, 1.3 / scale]])
            wanted = cv2.warpAffine(plane, matrix, plane.shape[::-1], flags=cv2.INTER_CUBIC)
            off = np.abs(moved.astype(int) - wanted)[4:20, 4:-4]
            assert off.max() <= 3

    def test_the_encoder_is_named_with_its_build(self) -> None:
        video = Video.build({})
        assert "libx264 core 1" in video.encoder(params())
        assert "libx265 build 2" in video.encoder(params(codec="h265"))

    def test_levels_are_h264_with_the_rate_factors_of_faceforensics_within(self) -> None:
        rates = [level["crf"] for level in Video.levels]
        assert rates[0] == 23
        assert rates[3] < 40 < rates[4]

    def test_options_bound_what_is_drawn(self) -> None:
        video = Video.build({"crf": [20, 22], "frame": [1, 3], "drift": [0.001, 0.002]})
        for seed in range(30):
            drawn = video.sample(np.random.Generator(np.random.Philox(seed)), (300, 200))
            assert 20 <= drawn.crf <= 22
            assert 1 <= drawn.frame <= 3
            assert 0.2 - 1e-5 <= np.hypot(*drawn.drift) <= 0.4 + 1e-5


class TestClip:
    """A clip is one stream and moves by itself."""

    @pytest.fixture(autouse=True)
    def needs_av(self) -> None:
        pytest.importorskip("av")

    @pytest.mark.parametrize("codec", ["h264", "h265"])
    def test_no_pixel_moves_and_a_higher_rate_factor_is_worse(self, codec: str) -> None:
        video, clip = Video.build({}), moving(12, 64, 96)
        quality = []
        for crf in (15, 28, 42):
            drawn = params(codec=codec, crf=crf, drift=(5.0, 5.0))
            out = video.apply_clips([clip], drawn)[0]
            quality.append(cv2.PSNR(np.hstack(out), np.hstack(clip)))
            assert video.clip_homography(drawn, (64, 96)) is None
        assert quality[0] > 38
        assert quality[0] > quality[1] + 1 > quality[2] + 2

    def test_later_frames_are_predicted_from_earlier_ones(self) -> None:
        """A still clip costs little more than its first frame."""
        still = [moving(1, 64, 96)[0]] * 12
        sizes = [sum(packet.size for packet in self.packets(still[:count])) for count in (1, 12)]
        assert sizes[1] < 1.6 * sizes[0]

    def packets(self, clip: list[Any]) -> list[Any]:
        from datagen.video.color import from_rgb
        from datagen.video.libraries import codec_packets, repeatable

        frames = (from_rgb(frame, "yuv420p") for frame in clip)
        return codec_packets(frames, "h264", Fraction(25), repeatable("h264", 250), "")
