"""The one place that opens a video file: known formats only, and closed whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, BinaryIO

from datagen.errors import DatagenError, MissingExtraError, VideoError
from datagen.video.structure import check_structure

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

__all__ = [
    "CODECS",
    "INTERLACED",
    "MAX_FRAMES",
    "MAX_FRAME_PIXELS",
    "Opened",
    "check_size",
    "decoding_video",
    "opened_video",
]

CODECS = ("h264", "hevc", "mpeg1video", "vp9", "mjpeg")
"""Codecs that are read, as FFmpeg names them."""

MAX_FRAME_PIXELS = 4096 * 2304
"""The largest frame that is read; a decoder keeps up to seventeen of them."""

MAX_FRAMES = 1_000_000
"""The longest video that is read: eleven hours at 25 frames per second."""

INTERLACED = "interlaced: expected progressive frames (deinterlace the video first)"
"""What is said of fields."""

_SQUARE = Fraction(1, 100)  # of the ratio of a pixel's sides
_PROGRESSIVE = (0, 1)  # FFmpeg's field orders: unknown, progressive
_NAMES = "MP4, QuickTime, Matroska, WebM, MPEG-PS, MPEG-TS or AVI"


@dataclass(frozen=True, slots=True)
class Opened:
    """An open file.

    Attributes:
        container: FFmpeg's container.
        stream: Its first video stream.
    """

    container: InputContainer
    stream: VideoStream


@contextmanager
def opened_video(file: BinaryIO, codecs: tuple[str, ...] = CODECS) -> Iterator[Opened]:
    """Open the first video stream of a file, and close it at the end; ``file`` stays open.

    Args:
        file: Any seekable file.
        codecs: Codecs that are allowed.

    Raises:
        VideoError: Not a video that is read, or FFmpeg finds a fault while it is open.
        MissingExtraError: PyAV is not installed.
    """
    try:
        import av
    except ImportError:
        raise MissingExtraError("av", "video", "reading of video files") from None
    with decoding_video():
        formats = check_structure(file, MAX_FRAMES)
        file.seek(0)
        options = {
            "format_whitelist": formats,
            "codec_whitelist": ",".join(codecs),
            "max_pixels": str(MAX_FRAME_PIXELS),
            "protocol_whitelist": "none",
        }
        try:
            container: Any = av.open(file, "r", options=options, io_open=_refuse)
        except av.FFmpegError as error:
            raise VideoError(
                f"not a video that is read ({_words(error)}): expected {_NAMES}"
            ) from None
        try:
            yield Opened(container, _stream(container, codecs))
        finally:
            container.close()


@contextmanager
def decoding_video() -> Iterator[None]:
    """Turn whatever PyAV raises into a ``VideoError``; errors of the file itself pass through.

    Raises:
        VideoError: With what the decoder says.
    """
    import av

    try:
        yield
    except DatagenError:
        raise
    except av.FFmpegError as error:
        raise VideoError(f"damaged: {_words(error)}") from None
    except OSError:
        raise
    except MemoryError:
        raise VideoError("too large: there is not enough memory to decode it") from None
    except Exception as error:  # noqa: BLE001  # on hostile bytes decoders raise anything
        raise VideoError(f"damaged: {_words(error)}") from None


def _words(error: Exception) -> str:
    said = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(said).strip().splitlines()[0][:200]


def _stream(container: InputContainer, codecs: tuple[str, ...]) -> VideoStream:
    streams = container.streams.video
    if not streams:
        kinds = sorted({str(stream.type) for stream in container.streams})
        raise VideoError(f"no video stream: found {', '.join(kinds) or 'no stream at all'}")
    stream = streams[0]
    context: Any = stream.codec_context  # None without a decoder
    name = context.codec.canonical_name if context is not None else "unknown"
    if name not in codecs:
        raise VideoError(f"codec {name!r} is not read: expected one of {', '.join(codecs)}")
    check_size(context.width, context.height)
    if context.field_order not in _PROGRESSIVE:
        raise VideoError(INTERLACED)
    ratio = stream.sample_aspect_ratio
    if ratio and abs(ratio - 1) > _SQUARE:
        raise VideoError(
            f"its pixels are not square ({ratio.numerator}:{ratio.denominator}): expected 1:1 "
            "(resample the video first)"
        )
    if stream.frames > MAX_FRAMES:
        raise VideoError(f"too long: {stream.frames} frames, at most {MAX_FRAMES} are read")
    context.thread_count = 1
    context.options = {"max_pixels": str(MAX_FRAME_PIXELS)}
    return stream


def check_size(width: int, height: int) -> None:
    """Raise ``VideoError`` for frames without pixels or with too many."""
    if width < 1 or height < 1:
        raise VideoError("damaged: its header states no frame size")
    if width * height > MAX_FRAME_PIXELS:
        raise VideoError(
            f"too large: frames of {width}x{height} pixels, at most {MAX_FRAME_PIXELS} are read"
        )


def _refuse(url: str, flags: int, options: dict[str, Any]) -> Any:
    raise VideoError("it refers to another file, which is not opened")
