"""x264 and x265: the settings that make their output repeatable, and their names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from datagen.core.versions import opencv_name

if TYPE_CHECKING:
    from av import Packet
    from av import VideoFrame as AvFrame

__all__ = [
    "LIBRARIES",
    "codec_packets",
    "encoder_name",
    "frame_types",
    "repeatable",
    "set_decoding_times",
    "set_type",
]

LIBRARIES = {"h264": "libx264", "h265": "libx265", "ffv1": "ffv1"}
"""Name of the encoder in FFmpeg by codec."""

_B_FRAMES = 3
_TYPES = {"I": 1, "P": 2, "B": 3}  # FFmpeg's numbers
_BUILD = re.compile(rb"x26[45] (?:- core |\(build )(\d+)")


def repeatable(codec: str, gop: int, extra: str = "") -> dict[str, str]:
    """Return options for equal bytes on every machine and equal frame types for any content.

    One thread, no choice of algorithms by CPU features, no scene cuts, no adaptive B-frames and
    closed GOPs of ``gop`` frames. x265 also needs ``frame_types``.

    Args:
        codec: ``h264`` or ``h265``.
        gop: Frames from one key frame to the next.
        extra: More settings of the library, ``name=value`` with colons between them.
    """
    types = f"scenecut=0:b-adapt=0:open-gop=0:keyint={gop}:min-keyint={gop}"
    own = {
        "h264": "threads=1:cpu-independent=1:force-cfr=1",
        "h265": "pools=none:frame-threads=1:log-level=none",
    }[codec]
    settings = ":".join(part for part in (own, types, extra) if part)
    forced = {"forced-idr": "1"} if codec == "h265" else {}
    return forced | {f"{LIBRARIES[codec][3:]}-params": settings}


def frame_types(codec: str, count: int, gop: int) -> str:
    """Return the types to force on the frames of a clip, ``I``, ``P`` and ``B``; empty for none.

    x265 ends a run of B-frames where the content changes, whatever its settings say. x264 does not,
    and would look less far ahead if its types were forced.
    """
    if codec != "h265":
        return ""
    types = ""
    for number in range(count):
        place = number % gop
        last = place == gop - 1 or number == count - 1
        types += "I" if place == 0 else "P" if last or place % (_B_FRAMES + 1) == 0 else "B"
    return types


def set_type(frame: AvFrame, types: str, number: int) -> None:
    """Force the type of a frame, if there are any to force."""
    if types:
        frame.pict_type = _TYPES[types[number]]


def codec_packets(
    frames: Iterable[AvFrame], codec: str, fps: Fraction, options: Mapping[str, str], types: str
) -> list[Packet[Any]]:
    """Encode frames of one size to a bare stream, without a container.

    Args:
        frames: Frames of PyAV.
        codec: Key of ``LIBRARIES``.
        fps: Frames per second.
        options: Options of the encoder.
        types: What ``frame_types`` returns.
    """
    import av

    context: Any = None
    packets: list[Packet[Any]] = []
    for number, frame in enumerate(frames):
        if context is None:
            context = av.CodecContext.create(LIBRARIES[codec], "w")
            context.width, context.height = frame.width, frame.height
            context.pix_fmt = frame.format.name
            context.time_base, context.framerate = 1 / fps, fps
            context.thread_count = 1
            context.options = dict(options)
        frame.pts, frame.time_base = number, 1 / fps
        set_type(frame, types, number)
        packets += context.encode(frame)
    return packets if context is None else packets + list(context.encode(None))


def set_decoding_times(packets: Sequence[Packet[Any]]) -> None:
    """Number packets in the order in which they are decoded, none after it is shown.

    For clips shorter than its delay, x265 takes these times from memory that it has not written.

    Args:
        packets: All packets of a stream, whose time stamps are numbers of frames.
    """
    shown = [packet.pts for packet in packets if packet.pts is not None]
    late = max((place - pts for place, pts in enumerate(shown)), default=0)
    for place, packet in enumerate(packets):
        packet.dts = place - late


@lru_cache(maxsize=4)
def encoder_name(codec: str) -> str:
    """Return library and build, e.g. ``libx264 core 165 (libavcodec 62.28.102, PyAV 18.1.0)``.

    x264 and x265 write their build into a stream, and nowhere else.
    """
    if codec == "png":
        return opencv_name("PNG")
    import av

    version = ".".join(str(part) for part in av.library_versions["libavcodec"])
    about = f"(libavcodec {version}, PyAV {av.__version__})"
    if codec not in ("h264", "h265"):
        return f"{codec} {about}"
    gray = av.VideoFrame.from_ndarray(np.full((96, 64), 128, np.uint8), format="yuv420p")
    packets = codec_packets([gray], codec, Fraction(25), repeatable(codec, 1), "")
    found = _BUILD.search(b"".join(bytes(packet) for packet in packets))
    word = "core" if codec == "h264" else "build"
    build = found.group(1).decode() if found else "unknown"
    return f"{LIBRARIES[codec]} {word} {build} {about}"
