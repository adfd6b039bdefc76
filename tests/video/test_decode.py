from __future__ import annotations

import gc
import io
import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from datagen.errors import VideoError
from datagen.video import VideoFrame, decode_video
from tests.support.assets import grid
from tests.support.videos import KINDS, bars, make_video, moving

av = pytest.importorskip("av")


def frames_of(data: bytes, start: int | None = None, count: int | None = None) -> list[VideoFrame]:
    return list(decode_video(io.BytesIO(data), start, count))


def nearest(frame: VideoFrame, frames: list[Any]) -> int:
    return int(np.argmin([cv2.norm(frame.image, other) for other in frames]))


def same(some: list[VideoFrame], others: list[VideoFrame]) -> bool:
    return [frame.pts for frame in some] == [frame.pts for frame in others] and all(
        np.array_equal(one.image, other.image) for one, other in zip(some, others, strict=True)
    )


@pytest.mark.parametrize("kind", KINDS)
def test_frames_come_in_the_order_in_which_they_are_shown(kind: str) -> None:
    made = moving(20)
    found = frames_of(make_video(made, kind))
    assert [nearest(frame, made) for frame in found] == list(range(20))
    assert all(cv2.PSNR(frame.image, one) > 36 for frame, one in zip(found, made, strict=True))
    assert found[0].image.flags.c_contiguous


@pytest.mark.parametrize("kind", KINDS)
def test_any_frame_is_reached_by_its_time_stamp(kind: str) -> None:
    data = make_video(moving(20), kind)
    whole = frames_of(data)
    for number, frame in enumerate(whole):
        assert same(frames_of(data, frame.pts, 3), whole[number : number + 3])
    assert same(frames_of(data, whole[4].pts), whole[4:])


def test_between_two_time_stamps_the_later_frame_is_the_first() -> None:
    data = make_video(moving(20))
    whole = frames_of(data)
    assert same(frames_of(data, whole[6].pts + 1, 2), whole[7:9])
    assert same(frames_of(data, -10_000, 2), whole[:2])
    assert frames_of(data, whole[-1].pts + 1) == []
    assert frames_of(data, count=0) == []


@pytest.mark.parametrize("bframes", ["0", "2"])
def test_an_edit_list_is_followed(bframes: str) -> None:
    made = moving(20)
    data = make_video(made, pts=range(-5, 15), options={"bf": bframes})
    assert b"elst" in data
    whole = frames_of(data)
    assert [nearest(frame, made) for frame in whole] == list(range(5, 20))
    assert whole[0].pts == 0
    assert same(frames_of(data, whole[3].pts, 4), whole[3:7])


def test_a_variable_rate_keeps_its_time_stamps() -> None:
    pts = [0, 1, 2, 3, 9, 10, 11, 20, 21, 22]
    found = frames_of(make_video(moving(10), pts=pts))
    assert [frame.pts // 512 for frame in found] == pts


@pytest.mark.parametrize(("degrees", "turns"), [(90, 1), (180, 2), (-90, 3)])
def test_a_rotation_flag_is_applied(degrees: int, turns: int) -> None:
    plain = frames_of(make_video([bars()] * 2))[0].image
    found = frames_of(make_video([bars()] * 2, rotation=degrees))[0].image
    assert np.array_equal(found, np.rot90(plain, turns))  # counterclockwise, as the flag says


@pytest.mark.parametrize("kind", ["mpeg1", "vp9", "mjpeg"])
def test_odd_sizes_keep_every_pixel(kind: str) -> None:
    made = moving(4, 47, 63)
    for frame, one in zip(frames_of(make_video(made, kind)), made, strict=True):
        assert frame.image.shape == (47, 63, 3)
        assert cv2.PSNR(frame.image, one) > 36


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_truncated_file_is_an_error(kind: str, share: float) -> None:
    data = make_video(moving(40, 96, 128), kind, options={"b": "0"} if kind == "vp9" else None)
    with pytest.raises(VideoError, match=r"truncated|not a video that is read"):
        frames_of(data[: int(share * len(data))])


def test_a_change_of_size_is_an_error() -> None:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="webm") as container:
        stream = container.add_stream("libvpx-vp9", rate=25, options={"lag-in-frames": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.start_encoding()
        for first, size in ((0, (48, 64)), (4, (64, 96))):
            context = av.CodecContext.create("libvpx-vp9", "w")
            context.height, context.width = size
            context.pix_fmt, context.time_base = "yuv420p", Fraction(1, 25)
            context.options = {"lag-in-frames": "0", "auto-alt-ref": "0"}
            frames = [av.VideoFrame.from_ndarray(image) for image in moving(4, *size)]
            for number, frame in enumerate(frames):
                frame.pts, frame.time_base = first + number, Fraction(1, 25)
            packets = [packet for frame in [*frames, None] for packet in context.encode(frame)]
            for packet in packets:
                packet.stream, packet.time_base = stream, Fraction(1, 25)
                container.mux(packet)
    with pytest.raises(VideoError, match="its frames change from 64x48 to 96x64"):
        frames_of(buffer.getvalue())


def test_interlaced_frames_are_refused_where_they_begin() -> None:
    with pytest.raises(VideoError, match="interlaced"):
        frames_of(make_video(moving(4), options={"x264-params": "tff=1"}))


class TestContainers:
    @pytest.fixture
    def opened(self, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
        """Every container that is opened."""
        found: list[Any] = []
        real = av.open

        def recording(*args: Any, **options: Any) -> Any:
            found.append(real(*args, **options))
            return found[-1]

        monkeypatch.setattr(av, "open", recording)
        return found

    def closed(self, opened: list[Any]) -> bool:
        return bool(opened) and not any(one.input_was_opened for one in opened)

    def test_are_closed_at_the_end(self, opened: list[Any]) -> None:
        data = make_video(moving(20), "mpeg1")
        opened.clear()
        found = frames_of(data)
        frames_of(data, found[7].pts, 2)
        assert self.closed(opened)

    def test_are_closed_when_the_iterator_is_dropped(self, opened: list[Any]) -> None:
        data = make_video(moving(20))
        opened.clear()
        for start in (None, 512 * 9):
            frames = decode_video(io.BytesIO(data), start)
            next(frames)
            assert opened[-1].input_was_opened
            gc.disable()
            try:
                del frames
                assert self.closed(opened)
            finally:
                gc.enable()

    def test_are_closed_after_an_error(self, opened: list[Any]) -> None:
        data = make_video(moving(4), pix_fmt="yuv420p10le")
        opened.clear()
        with pytest.raises(VideoError):
            frames_of(data)
        assert self.closed(opened)

    def test_leave_no_file_descriptors(self, tmp_path: Path) -> None:
        path = tmp_path / "a.mp4"
        path.write_bytes(make_video(moving(20)))
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(20):
            with path.open("rb") as file:
                next(decode_video(file))
                list(decode_video(file, 512 * 9, 2))
        assert len(os.listdir("/proc/self/fd")) == before


def test_memory_does_not_grow_with_the_length() -> None:
    """Its frames take 415 MB."""
    data = make_video(moving(60, 240, 320) * 30, options={"preset": "ultrafast"})
    before, most = resident(), 0
    for number, _ in enumerate(decode_video(io.BytesIO(data))):
        if number % 50 == 0:
            most = max(most, resident())
    assert number == 1799
    assert most - before < 80e6


def resident() -> int:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.photos
def test_a_real_video_is_reached_at_every_frame() -> None:
    with grid().open("rb") as file:
        whole = list(decode_video(file))
        assert [frame.pts for frame in whole] == [3600 * n for n in range(75)]
        for number in (0, 1, 5, 11, 12, 13, 30, 47, 48, 74):
            found = list(decode_video(file, whole[number].pts, 3))
            assert same(found, whole[number : number + 3])
    assert 40 < whole[40].image.mean() < 220
