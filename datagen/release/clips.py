"""The clips of a release and their masks, found through rows that may be a stranger's."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Image, Mask
from datagen.core.images import read_gray, read_rgb
from datagen.core.media import VIDEO_TYPES
from datagen.errors import ImageError, ReleaseError
from datagen.release.clip_schema import MAX_FRAMES
from datagen.release.pixels import header_problem
from datagen.release.rows import Row, is_absent
from datagen.release.tar_members import members

__all__ = [
    "Clip",
    "Masks",
    "clip_of",
    "each_frame",
    "each_mask",
    "frames_in",
    "is_clip",
    "masks_of",
    "pngs_of",
]

Clip = NDArray[np.uint8]
"""``(frames, height, width, 3)`` uint8 RGB."""

Masks = NDArray[np.uint8]
"""``(frames, height, width)`` uint8: 0 is untouched, 255 fully replaced."""

_MAX_BYTES = 2 << 30
_END = bytes(1024)
_CODECS = ("h264", "hevc", "ffv1")

A = TypeVar("A")
F = TypeVar("F", Image, Mask)


def is_clip(row: Row) -> bool:
    """Say whether a row of the manifest is a clip."""
    return "frames" in row and not is_absent(row["frames"])


def clip_of(data: bytes, row: Row, window: range | None = None) -> Clip:
    """Return the decoded clip of a row.

    Args:
        data: The bytes that the row refers to.
        row: The row, which has ``frames``, ``width``, ``height`` and ``media_type``.
        window: The frames to decode, consecutive ones; by default all.

    Raises:
        ReleaseError: It is no clip of the row's type, size and number of frames.
        MissingExtraError: PyAV is not installed.
    """
    return _stacked(_frames(data, row, window), row, "media", 3, window)


def masks_of(data: bytes, row: Row, window: range | None = None) -> Masks:
    """Return the decoded masks of a fake's row; arguments and errors as of ``clip_of``."""
    return _stacked(_masks(data, row, window), row, "mask", 1, window)


def each_frame(data: bytes, row: Row) -> Iterator[Image]:
    """Yield the frames of a clip of which only one is held; arguments and errors as of ``clip_of``.

    A clip that ``clip_of`` would not read for its size is read.
    """
    return _counted(_frames(data, row, None), row, "media", None)


def each_mask(data: bytes, row: Row) -> Iterator[Mask]:
    """Yield the masks of a fake's row one by one, see ``each_frame``."""
    return _counted(_masks(data, row, None), row, "mask", None)


@dataclass(frozen=True, slots=True)
class _Png:
    """A frame in a tar.

    Attributes:
        name: Name of the member.
        offset: Offset of its content in the bytes of the clip.
        data: Its content.
    """

    name: str
    offset: int
    data: bytes


def pngs_of(data: bytes) -> Iterator[_Png]:
    """Yield the frames of a clip that is stored as images: a piece of a tar.

    Raises:
        ImageError: It is not.
    """
    whole = data + bytes(-len(data) % 512) + _END
    for number, member in enumerate(members(io.BytesIO(whole), len(whole))):
        if member.problem or number >= MAX_FRAMES:
            problem = f"a member {member.problem}" if member.problem else "too many members"
            raise ImageError(f"no tar of frames: {problem}")
        yield _Png(member.name, member.offset, whole[member.offset : member.offset + member.size])


def frames_in(data: bytes, row: Row, what: str) -> int:
    """Return the number of frames of an encoded clip, without decoding any of them.

    Raises:
        ImageError: It cannot be read, or is of another size than the row says.
    """
    if _is_tar(row):
        pngs = list(pngs_of(data))
        for png in pngs:
            if problem := header_problem(png.data, row, "image/png", what):
                raise ImageError(f"frame {png.name}: {problem}")
        return len(pngs)
    from datagen.video.container import opened_video

    with opened_video(io.BytesIO(data), _CODECS) as opened:
        _check_size(opened.stream.width, opened.stream.height, row)
        count = 0
        for packet in opened.container.demux(opened.stream):
            count += packet.size > 0
    return count


def _is_tar(row: Row) -> bool:
    return str(row["media_type"]) not in VIDEO_TYPES


def _frames(data: bytes, row: Row, window: range | None) -> Iterator[Image]:
    from datagen.video.color import to_rgb

    if _is_tar(row):
        yield from _decoded(data, row, "image", read_rgb, window)
    else:
        for frame in _within(_video(data, row), window):
            yield to_rgb(frame)


def _masks(data: bytes, row: Row, window: range | None) -> Iterator[Mask]:
    if _is_tar(row):
        yield from _decoded(data, row, "mask", read_gray, window)
        return
    for frame in _within(_video(data, row), window):
        if frame.format.name != "gray":
            raise ImageError(f"a mask holds {frame.format.name}, expected 8-bit gray")
        yield np.asarray(frame.to_ndarray(), np.uint8)


def _within(frames: Iterator[A], window: range | None) -> Iterator[A]:
    return frames if window is None else islice(frames, window.start, window.stop)


def _decoded(
    data: bytes, row: Row, what: str, read: Callable[[bytes], F], window: range | None
) -> Iterator[F]:
    for png in _within(pngs_of(data), window):
        if problem := header_problem(png.data, row, "image/png", what):
            raise ImageError(f"frame {png.name}: {problem}")
        yield read(png.data)


def _video(data: bytes, row: Row) -> Iterator[Any]:
    from datagen.video.container import opened_video
    from datagen.video.decode import frames_of

    with opened_video(io.BytesIO(data), _CODECS) as opened:
        for frame in frames_of(opened):
            _check_size(frame.width, frame.height, row)
            yield frame


def _check_size(width: int, height: int, row: Row) -> None:
    stated = int(row["width"]), int(row["height"])
    if (width, height) != stated:
        raise ImageError(f"of {width}x{height} pixels, not {stated[0]}x{stated[1]}")


def _stacked(
    frames: Iterator[NDArray[np.uint8]],
    row: Row,
    what: str,
    channels: int,
    window: range | None,
) -> NDArray[np.uint8]:
    sample = str(row.get("sample_id", "a row"))
    total, width, height = (int(row[name]) for name in ("frames", "width", "height"))
    count = total if window is None else len(window)
    size = count * width * height * channels
    if count > MAX_FRAMES or size > _MAX_BYTES:
        raise ReleaseError(
            f"{sample}: {count} frames of {width}x{height} pixels need {size >> 20:,} MiB, at most "
            f"{_MAX_BYTES >> 20:,} are read",
            key=what,
            row=sample,
        )
    shape = (height, width, 3) if channels == 3 else (height, width)
    found = np.empty((count, *shape), np.uint8)
    for number, frame in enumerate(_counted(frames, row, what, window)):
        found[number] = frame
    return found


def _counted(frames: Iterator[F], row: Row, what: str, window: range | None) -> Iterator[F]:
    """Yield as many frames as the row says.

    Raises:
        ReleaseError: There are fewer or more, or one cannot be read.
    """
    sample = str(row.get("sample_id", "a row"))
    total = int(row["frames"])
    count = total if window is None else len(window)
    filled = 0
    try:
        for frame in frames:
            filled += 1
            if filled > count:
                break
            yield frame
    except ImageError as error:
        raise ReleaseError(f"{sample}: the {what} is {error}", key=what, row=sample) from None
    if filled != count:
        before = 0 if window is None else window.start
        more = "more" if filled > count else f"{'at most ' if before else ''}{before + filled}"
        raise ReleaseError(
            f"{sample}: the {what} has {more} frames, the row says {total}", key=what, row=sample
        )
