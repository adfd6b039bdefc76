"""Small video files of many kinds, made with PyAV."""

from __future__ import annotations

import io
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import cv2
import numpy as np

from datagen.core.arrays import Image

__all__ = ["BARS", "KINDS", "bars", "make_sound", "make_video", "moving"]

KINDS = {
    "mpeg1": ("mpeg", "mpeg1video", "yuv420p", {"bf": "2", "g": "8", "b": "2000k"}),
    "h264": ("mp4", "libx264", "yuv420p", {"crf": "12", "g": "8", "bf": "2"}),
    "hevc": ("mp4", "libx265", "yuv420p", {"crf": "12", "x265-params": "log-level=none:keyint=8"}),
    "vp9": ("webm", "libvpx-vp9", "yuv420p", {"crf": "12", "b": "0", "cpu-used": "8", "g": "8"}),
    "mjpeg": ("avi", "mjpeg", "yuvj420p", {"qmin": "1", "qmax": "2"}),
    "h264 in mkv": ("matroska", "libx264", "yuv420p", {"crf": "12", "g": "8", "bf": "2"}),
    "h264 in ts": ("mpegts", "libx264", "yuv420p", {"crf": "12", "g": "8", "bf": "2"}),
    "open gop": (
        "mp4",
        "libx264",
        "yuv420p",
        {"crf": "12", "x264-params": "open-gop=1:keyint=8:bframes=3:b-adapt=0:scenecut=0"},
    ),
}
"""Container, encoder, pixel format and options of what is read."""

_OTHERS = {"rgb": ("mp4", "libx264rgb", "rgb24", {"crf": "1"})}

BARS = (
    *((255, 255, 255), (255, 255, 0), (0, 255, 255), (0, 255, 0)),
    *((255, 0, 255), (255, 0, 0), (0, 0, 255), (30, 60, 90)),
)


def bars(height: int = 64, width: int = 128) -> Image:
    """Return eight bars of one color each."""
    colors = np.array(BARS, np.uint8)[np.arange(width) * len(BARS) // width]
    return np.ascontiguousarray(np.broadcast_to(colors, (height, width, 3)))


def moving(count: int = 20, height: int = 48, width: int = 64, seed: int = 0) -> list[Image]:
    """Return frames in which everything moves; each has its number in its mean brightness."""
    rng = np.random.default_rng(seed)
    noise = rng.integers(60, 196, (height + count, width + 2 * count, 3)).astype(np.uint8)
    wide = cv2.GaussianBlur(noise, (0, 0), 2)
    return [np.ascontiguousarray(wide[n : n + height, 2 * n : 2 * n + width]) for n in range(count)]


def make_video(
    frames: Sequence[Any],
    kind: str = "h264",
    *,
    pts: Sequence[int] | None = None,
    fps: Fraction = Fraction(25),
    pix_fmt: str | None = None,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    context: dict[str, Any] | None = None,
    rotation: int | None = None,
) -> bytes:
    """Encode frames, RGB arrays or frames of PyAV, to a whole file.

    Args:
        frames: Frames of one size.
        kind: Key of ``KINDS``.
        pts: Time stamps in units of ``1 / fps``.
        fps: Frames per second.
        pix_fmt: Pixel format, other than that of the kind.
        options: More options of the encoder.
        container_options: Options of the container.
        context: Attributes of the codec context, such as ``color_trc``.
        rotation: Rotation flag in degrees.
    """
    import av

    muxer, encoder, usual, basic = (KINDS | _OTHERS)[kind]
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=muxer, options=container_options or {}) as container:
        stream: Any = container.add_stream(encoder, rate=fps, options=basic | (options or {}))
        given = [
            frame if isinstance(frame, av.VideoFrame) else av.VideoFrame.from_ndarray(frame)
            for frame in frames
        ]
        stream.width, stream.height = given[0].width, given[0].height
        stream.pix_fmt = pix_fmt or usual
        stream.time_base = 1 / fps
        stream.codec_context.thread_count = 1
        for name, value in (context or {}).items():
            setattr(stream.codec_context, name, value)
        if rotation is not None:
            stream.set_display_rotation(rotation)
        for number, frame in enumerate(given):
            ready = (
                frame
                if frame.format.name == stream.pix_fmt
                else frame.reformat(format=stream.pix_fmt)
            )
            ready.pts = number if pts is None else pts[number]
            ready.time_base = 1 / fps
            container.mux(stream.encode(ready))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def make_sound() -> bytes:
    """Return a file with sound and nothing to see."""
    import av

    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream: Any = container.add_stream("aac", rate=44100)
        silence = np.zeros((1, 1024), np.float32)
        for number in range(8):
            frame = av.AudioFrame.from_ndarray(silence, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 44100, 1024 * number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()
