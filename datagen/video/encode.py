"""Clips and masks as video files: equal bytes everywhere, equal frame types for any content."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from datagen.core.arrays import Image, Mask
from datagen.errors import MissingExtraError, VideoError
from datagen.video.color import BT709, LIMITED, from_rgb, to_rgb
from datagen.video.container import opened_video
from datagen.video.decode import frames_of
from datagen.video.libraries import (
    LIBRARIES,
    encoder_name,
    frame_types,
    repeatable,
    set_decoding_times,
    set_type,
)

if TYPE_CHECKING:
    from av import Packet
    from av import VideoFrame as AvFrame

__all__ = [
    "ClipEncoding",
    "Preset",
    "decode_clip",
    "decode_masks",
    "encode_clip",
    "encode_masks",
    "picture_types",
]

Preset = Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower"]

_FORMATS = {"h264": ("mp4", "mkv"), "h265": ("mp4", "mkv"), "ffv1": ("mkv",), "png": ("frames",)}
_MEDIA = {"mp4": "video/mp4", "mkv": "video/x-matroska", "frames": "image/png"}
_MUXERS = {"mp4": "mp4", "mkv": "matroska"}
_WRITTEN = ("h264", "hevc", "ffv1")
_TYPES = {1: "I", 2: "P", 3: "B"}
_FFV1 = {"level": "3", "coder": "1", "context": "0", "g": "1", "slices": "4", "slicecrc": "1"}


@dataclass(frozen=True, slots=True)
class ClipEncoding:
    """How the clips of a pair are encoded, drawn once for all of them.

    Attributes:
        format: ``mp4``, ``mkv``, or ``frames`` for one image file per frame.
        codec: ``h264`` or ``h265`` in either container, ``ffv1`` (lossless) in ``mkv``, ``png`` for
            ``frames``.
        crf: Constant rate factor, 0 to 51; ``None`` for ``ffv1`` and ``png``.
        gop: Frames from one key frame to the next, 1 to 600; ``None`` for ``ffv1`` and ``png``.
        preset: Preset of x264 and x265; ``None`` for ``ffv1`` and ``png``.
    """

    format: Literal["mp4", "mkv", "frames"]
    codec: Literal["h264", "h265", "ffv1", "png"]
    crf: int | None = None
    gop: int | None = None
    preset: str | None = None

    def __post_init__(self) -> None:
        if self.format not in _FORMATS[self.codec]:
            allowed = " or ".join(_FORMATS[self.codec])
            raise ValueError(f"codec {self.codec} needs format {allowed}, found {self.format!r}")
        if not self.lossy:
            if (self.crf, self.gop, self.preset) != (None, None, None):
                raise ValueError(f"codec {self.codec} takes no crf, gop or preset")
            return
        if self.crf is None or not 0 <= self.crf <= 51:
            raise ValueError(f"crf: must be a whole number from 0 to 51, found {self.crf!r}")
        if self.gop is None or not 1 <= self.gop <= 600:
            raise ValueError(f"gop: must be a whole number from 1 to 600, found {self.gop!r}")
        if self.preset not in get_args(Preset):
            allowed = ", ".join(get_args(Preset))
            raise ValueError(f"preset: must be one of {allowed}, found {self.preset!r}")

    @property
    def lossy(self) -> bool:
        """Whether decoded frames differ from those that were encoded."""
        return self.codec in ("h264", "h265")

    @property
    def suffix(self) -> str:
        """Ending of the name of a media file, with its dot."""
        return ".png" if self.format == "frames" else f".{self.format}"

    @property
    def media_type(self) -> str:
        """Media type, as the manifest has it."""
        return _MEDIA[self.format]

    def record(self) -> dict[str, Any]:
        """Return the settings with the library that encodes, JSON-like, for the manifest."""
        return {
            "format": self.format,
            "codec": self.codec,
            "crf": self.crf,
            "gop": self.gop,
            "preset": self.preset,
            "library": encoder_name(self.codec),
        }


def encode_clip(frames: Sequence[Image], fps: Fraction, encoding: ClipEncoding) -> bytes:
    """Encode a clip at a constant rate, without sound.

    The type of each frame follows from its number alone, in closed GOPs. By default x264 and x265
    look at the content, and a fake would get other types than its real.

    Args:
        frames: RGB images of one size; both sides even for ``h264`` and ``h265``.
        fps: Frames per second.
        encoding: Settings; ``format`` must not be ``frames``.

    Returns:
        A whole file.

    Raises:
        ValueError: No frames, frames of several sizes or odd sides, or ``format: frames``.
        MissingExtraError: PyAV is not installed.
    """
    if encoding.format == "frames":
        raise ValueError("format 'frames' has one image file per frame, which is no video file")
    _check_frames(frames, even=encoding.lossy)
    if encoding.codec == "ffv1":
        made = (_plain(frame, "bgr0") for frame in frames)
        return _muxed(made, fps, "matroska", "ffv1", _FFV1)
    assert encoding.gop is not None  # checked by ClipEncoding
    options = {"crf": str(encoding.crf), "preset": str(encoding.preset)}
    options |= repeatable(encoding.codec, encoding.gop)
    types = frame_types(encoding.codec, len(frames), encoding.gop)
    made = (from_rgb(frame, "yuv420p") for frame in frames)
    return _muxed(made, fps, _MUXERS[encoding.format], encoding.codec, options, types)


def encode_masks(masks: Sequence[Mask], fps: Fraction) -> bytes:
    """Encode masks without loss: FFV1, 8-bit gray, in Matroska.

    Args:
        masks: Masks of one size.
        fps: Frames per second, those of the clip.

    Returns:
        A whole file.

    Raises:
        ValueError: No masks, or masks of several sizes.
        MissingExtraError: PyAV is not installed.
    """
    _check_frames(masks, even=False)
    return _muxed((_plain(mask, "gray") for mask in masks), fps, "matroska", "ffv1", _FFV1)


def decode_masks(data: bytes) -> list[Mask]:
    """Decode what ``encode_masks`` made.

    Raises:
        VideoError: Damaged, or not 8-bit gray.
        MissingExtraError: PyAV is not installed.
    """
    with opened_video(io.BytesIO(data), ("ffv1",)) as opened:
        masks = []
        for frame in frames_of(opened):
            if frame.format.name != "gray":
                raise VideoError(f"masks: expected 8-bit gray, found {frame.format.name}")
            masks.append(np.asarray(frame.to_ndarray(), np.uint8))
        return masks


def decode_clip(data: bytes) -> list[Image]:
    """Decode a clip of a release to RGB images.

    Raises:
        VideoError: Damaged, or not of a codec that ``encode_clip`` writes.
        MissingExtraError: PyAV is not installed.
    """
    with opened_video(io.BytesIO(data), _WRITTEN) as opened:
        return [to_rgb(frame) for frame in frames_of(opened)]


def picture_types(data: bytes) -> str:
    """Return the type of each frame of a clip in the order in which they are shown: ``IBBP``.

    Raises:
        VideoError: Damaged, or not of a codec that ``encode_clip`` writes.
        MissingExtraError: PyAV is not installed.
    """
    with opened_video(io.BytesIO(data), _WRITTEN) as opened:
        return "".join(_TYPES.get(frame.pict_type, "?") for frame in frames_of(opened))


def _check_frames(frames: Sequence[Image] | Sequence[Mask], even: bool) -> None:
    if not frames:
        raise ValueError("expected at least one frame, found none")
    sizes = sorted({(frame.shape[1], frame.shape[0]) for frame in frames})
    if len(sizes) > 1:
        found = " and ".join(f"{width}x{height}" for width, height in sizes[:2])
        raise ValueError(f"expected frames of one size, found {found}")
    width, height = sizes[0]
    if even and (height % 2 or width % 2):
        raise ValueError(f"h264 and h265 need even sides, found {width}x{height} pixels")


def _plain(array: Image | Mask, format_: str) -> AvFrame:
    """Return a frame of FFmpeg with these very values."""
    import av

    given = "gray" if array.ndim == 2 else "rgb24"
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(array), format=given)
    return frame if given == format_ else frame.reformat(format=format_, threads=1)


def _muxed(
    frames: Iterable[AvFrame],
    fps: Fraction,
    muxer: str,
    codec: str,
    options: Mapping[str, str],
    types: str = "",
) -> bytes:
    try:
        import av
    except ImportError:
        raise MissingExtraError("av", "video", "encoding of clips") from None
    buffer = io.BytesIO()
    # Without "bitexact", Matroska draws a random id for each file.
    container = av.open(buffer, "w", format=muxer, options={"fflags": "+bitexact"})
    try:
        stream: Any = None
        packets: list[Packet[Any]] = []
        for number, frame in enumerate(frames):
            if stream is None:
                stream = _stream(container, frame, fps, codec, options)
            frame.pts, frame.time_base = number, 1 / fps
            set_type(frame, types, number)
            packets += stream.encode(frame)
        packets += stream.encode(None)
        set_decoding_times(packets)
        container.mux(packets)
    finally:
        container.close()
    return buffer.getvalue()


def _stream(
    container: Any, frame: AvFrame, fps: Fraction, codec: str, options: Mapping[str, str]
) -> Any:
    stream = container.add_stream(LIBRARIES[codec], rate=fps, options=dict(options))
    stream.width, stream.height = frame.width, frame.height
    stream.pix_fmt = frame.format.name
    stream.time_base = 1 / fps
    context = stream.codec_context
    context.thread_count = 1
    if not frame.format.is_rgb and frame.format.name != "gray":
        context.colorspace, context.color_range = BT709, LIMITED
        context.color_primaries, context.color_trc = BT709, BT709
    return stream
