"""Frames of a video file, one after another, addressed by their time stamps."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO

from datagen.core.arrays import Image
from datagen.errors import VideoError
from datagen.video.color import check_color, to_rgb
from datagen.video.container import (
    INTERLACED,
    MAX_FRAMES,
    Opened,
    check_size,
    decoding_video,
    opened_video,
)
from datagen.video.upright import turn_of, turned

if TYPE_CHECKING:
    from av import VideoFrame as AvFrame

__all__ = ["VideoFrame", "check_frame", "decode_video", "frames_of"]

# Seconds before a time stamp from which decoding starts; after the last, from the beginning.
_BACK = (0, 1, 5, 30)


@dataclass(frozen=True, slots=True)
class VideoFrame:
    """One frame.

    Attributes:
        pts: Time stamp in the time base of the file's video stream.
        image: Upright RGB.
    """

    pts: int
    image: Image


def decode_video(
    file: BinaryIO, start_pts: int | None = None, count: int | None = None
) -> Iterator[VideoFrame]:
    """Yield frames in the order in which they are shown; at most a few are held in memory.

    The file is released when the iterator ends, fails or is dropped; ``file`` itself stays open
    and must not be read meanwhile.

    Args:
        file: Any seekable file.
        start_pts: Time stamp of the first frame to yield; the first of the video by default.
        count: Number of frames to yield at most; all by default.

    Raises:
        VideoError: Damaged, truncated, or a frame that is not read (see ``probe_video``).
        MissingExtraError: PyAV is not installed.
    """
    with closing(_checked(_from(file, start_pts), whole=start_pts is None)) as frames:
        for frame in islice(frames, count):
            pts = frame.pts
            assert pts is not None  # checked
            yield VideoFrame(pts, turned(to_rgb(frame), turn_of(frame)))


def check_frame(frame: AvFrame) -> None:
    """Refuse a frame that is not read.

    Raises:
        VideoError: Interlaced, more than 8 bits, HDR, or a rotation that is no multiple of 90.
    """
    if frame.interlaced_frame:
        raise VideoError(INTERLACED)
    check_color(frame)
    turn_of(frame)


def frames_of(opened: Opened) -> Iterator[AvFrame]:
    """Yield all frames of an open file as FFmpeg has them, checked.

    Raises:
        VideoError: There are none, or one is not read.
    """
    return _checked(_decoded(opened), whole=True)


def _checked(frames: Iterator[AvFrame], whole: bool) -> Generator[AvFrame, None, None]:
    last: AvFrame | None = None
    for number, frame in enumerate(frames):
        _check_next(frame, last)
        check_frame(frame)
        if number >= MAX_FRAMES:
            raise VideoError(f"too long: more than {MAX_FRAMES} frames")
        last = frame
        yield frame
    if last is None and whole:
        raise VideoError("no frames: the video stream is empty")


def _check_next(frame: AvFrame, last: AvFrame | None) -> None:
    if frame.pts is None:
        raise VideoError("a frame has no time stamp")
    if frame.is_corrupt:
        raise VideoError(f"damaged or truncated: the frame at time stamp {frame.pts} is not whole")
    check_size(frame.width, frame.height)
    if last is None:
        return
    assert last.pts is not None
    if frame.pts <= last.pts:
        raise VideoError(f"damaged: time stamp {frame.pts} comes after {last.pts}")
    if (frame.width, frame.height) != (last.width, last.height):
        raise VideoError(
            f"its frames change from {last.width}x{last.height} to {frame.width}x{frame.height}"
        )


def _from(file: BinaryIO, start_pts: int | None) -> Iterator[AvFrame]:
    """Decode from the key frame before a time stamp; if there is none, from the beginning.

    Where a container has no index of its key frames, FFmpeg may land behind the one that is needed.
    """
    if start_pts is not None:
        with opened_video(file) as opened:
            for back in _BACK:
                found = _after_key(_decoded_from(opened, start_pts, back), start_pts)
                first = None
                with suppress(VideoError), decoding_video():
                    first = next(found, None)
                if first is not None:
                    yield first
                    yield from found
                    return
    with opened_video(file) as opened:
        for frame in _decoded(opened):
            if start_pts is None or frame.pts is None or frame.pts >= start_pts:
                yield frame


def _decoded_from(opened: Opened, start_pts: int, back: int) -> Iterator[AvFrame]:
    time_base = opened.stream.time_base
    assert time_base is not None
    to = start_pts - int(back / time_base)
    opened.container.seek(to, stream=opened.stream, backward=True)
    yield from _decoded(opened)


def _decoded(opened: Opened) -> Iterator[AvFrame]:
    for packet in opened.container.demux(opened.stream):
        if packet.is_corrupt:
            raise VideoError("damaged or truncated: a part of the video stream is not whole")
        yield from packet.decode()


def _after_key(frames: Iterator[AvFrame], start_pts: int) -> Iterator[AvFrame]:
    """Yield frames from a time stamp on; nothing if no key frame comes before the first of them."""
    key = False
    for frame in frames:
        if frame.pts is None:
            return
        key = key or (frame.key_frame and frame.pts <= start_pts)
        if frame.pts < start_pts:
            continue
        if not key:
            return
        yield frame
