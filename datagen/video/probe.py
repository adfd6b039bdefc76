"""What a video file is: codec, size, rate and length, from its packets and its first frame."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from datagen.errors import VideoError
from datagen.video.container import MAX_FRAMES, Opened, opened_video
from datagen.video.decode import frames_of
from datagen.video.upright import turn_of

__all__ = ["VideoInfo", "probe_video"]

_STATED = Fraction(1, 1000)  # of the rate: time stamps in milliseconds are that exact
_VARIABLE = 0.1  # of the time between two frames
_SLOWEST, _FASTEST = Fraction(1, 10), 1000  # frames per second
_LAST = 2**62  # units of time, from which sums of two could overflow


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What a video file is.

    Attributes:
        codec: ``h264``, ``hevc``, ``mpeg1video``, ``vp9`` or ``mjpeg``.
        width: Width in pixels of an upright frame.
        height: Height in pixels of an upright frame.
        fps: Frames per second, on average, by the time stamps.
        time_base: Seconds per unit of the time stamps.
        variable: Whether the time between frames varies by more than a tenth.
        frames: Number of frames that the file holds, by its packets.
    """

    codec: str
    width: int
    height: int
    fps: Fraction
    time_base: Fraction
    variable: bool
    frames: int


def probe_video(file: BinaryIO) -> VideoInfo:
    """Read all packets of a video file and decode its first frame.

    Args:
        file: Any seekable file; it stays open.

    Raises:
        VideoError: It cannot be read, has no frames, or is interlaced, of more than 8 bits, PQ or
            HLG, of another codec, with pixels that are not square, or too large.
        MissingExtraError: PyAV is not installed.
    """
    with opened_video(file) as opened:
        stream = opened.stream
        first = next(frames_of(opened))
        width, height = first.width, first.height
        if turn_of(first)[0]:
            width, height = height, width
        codec, time_base = stream.codec_context.codec.canonical_name, stream.time_base
        rate = stream.average_rate or stream.guessed_rate
    assert time_base is not None
    with opened_video(file) as opened:
        stamps = _stamps(opened)
    fps, variable = _rate(stamps, time_base, rate)
    if not _SLOWEST <= fps <= _FASTEST:
        raise VideoError(
            f"damaged: {float(fps):.6g} frames per second, expected {_SLOWEST} to {_FASTEST}"
        )
    return VideoInfo(codec, width, height, fps, time_base, variable, len(stamps))


def _stamps(opened: Opened) -> NDArray[np.int64]:
    """Return the time stamps of all frames that are shown, in their order."""
    found = array("q")
    for packet in opened.container.demux(opened.stream):
        if packet.size == 0 or packet.is_discard:
            continue
        if packet.pts is None:
            raise VideoError("a frame has no time stamp")
        if abs(packet.pts) > _LAST:
            raise VideoError(f"damaged: a time stamp of {packet.pts}")
        found.append(packet.pts)
        if len(found) > MAX_FRAMES:
            raise VideoError(f"too long: more than {MAX_FRAMES} frames")
    return np.sort(np.frombuffer(found, np.int64))


def _rate(
    stamps: NDArray[np.int64], time_base: Fraction, stated: Fraction | None
) -> tuple[Fraction, bool]:
    if len(stamps) < 2:
        if not stated:
            raise VideoError("one frame without a frame rate: expected a video")
        return stated, False
    span = int(stamps[-1]) - int(stamps[0])
    if span <= 0:
        raise VideoError("damaged: all its frames have one time stamp")
    fps = Fraction(len(stamps) - 1) / (span * time_base)
    steps = np.diff(stamps.astype(np.float64))
    usual = span / len(steps)
    # Time stamps in a coarse unit are rounded: one unit more or less is no variation.
    variable = bool((np.abs(steps - usual) > max(_VARIABLE * usual, 1.0)).any())
    if stated and abs(fps / stated - 1) <= _STATED:
        return stated, variable
    return fps.limit_denominator(100_000), variable
