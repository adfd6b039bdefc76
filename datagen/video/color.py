"""Color of video frames: matrix and range as the stream states them, BT.709 when written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from datagen.core.arrays import Image
from datagen.errors import VideoError

if TYPE_CHECKING:
    from av import VideoFrame

__all__ = ["BT709", "LIMITED", "check_color", "from_rgb", "to_rgb"]

BT709 = 1
"""Matrix, primaries and transfer of BT.709, as ISO/IEC 23091-2 numbers them."""

LIMITED = 1
"""FFmpeg's number of the range 16 to 235."""

_FULL = 2
_UNSPECIFIED = 2
_RGB = 0
_BT601 = 6
# ISO/IEC 23091-2 to the matrices that FFmpeg's scaler knows; PyAV has no other numbers.
_MATRICES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9}
_TRANSFERS = {16: "PQ (SMPTE ST 2084)", 18: "HLG (ARIB STD-B67)"}
_HD = 720


def check_color(frame: VideoFrame) -> None:
    """Refuse a frame whose colors cannot be shown in 8-bit sRGB.

    Raises:
        VideoError: More than 8 bits, PQ, HLG, or a matrix that is not converted.
    """
    bits = max((part.bits for part in frame.format.components), default=0)
    if bits != 8 or frame.format.has_palette:
        raise VideoError(f"{bits} bits per channel ({frame.format.name}): expected 8")
    if words := _TRANSFERS.get(frame.color_trc):
        raise VideoError(f"high dynamic range: transfer {words}: expected a standard one")
    if not frame.format.is_rgb and _matrix(frame) not in _MATRICES:
        raise VideoError(
            f"color matrix {frame.colorspace} is not converted: expected BT.601, BT.709 or BT.2020"
        )


def to_rgb(frame: VideoFrame) -> Image:
    """Convert a frame by the matrix and range that it states.

    Without a statement the matrix is BT.601 below 720 lines and BT.709 from there, and the range is
    the limited one, as players guess.
    """
    from av.video.reformatter import ColorRange

    if frame.format.is_rgb:
        return np.asarray(frame.reformat(format="rgb24", threads=1).to_ndarray(), np.uint8)
    full = frame.color_range == _FULL or frame.format.name.startswith("yuvj")
    matrix = _MATRICES[_matrix(frame)]
    rgb = frame.reformat(
        format="rgb24",
        src_colorspace=matrix,
        dst_colorspace=matrix,
        src_color_range=ColorRange.JPEG if full else ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
        interpolation=_scaler(),
        threads=1,
    )
    return np.asarray(rgb.to_ndarray(), np.uint8)


def from_rgb(image: Image, format_: str) -> VideoFrame:
    """Convert to BT.709 with limited range, and say so in all four tags."""
    import av
    from av.video.reformatter import ColorRange

    rgb = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
    frame = rgb.reformat(
        format=format_,
        dst_colorspace=BT709,
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG,
        interpolation=_scaler(),
        threads=1,
    )
    frame.colorspace, frame.color_range = BT709, LIMITED
    frame.color_primaries, frame.color_trc = BT709, BT709
    return frame


def _matrix(frame: VideoFrame) -> int:
    # Some encoders write 0, which is RGB, where they mean that they state nothing.
    if frame.colorspace not in (_UNSPECIFIED, _RGB):
        return frame.colorspace
    return BT709 if frame.height >= _HD else _BT601


def _scaler() -> Any:
    from av.video.reformatter import Interpolation

    exact = Interpolation.ACCURATE_RND | Interpolation.BITEXACT
    chroma = Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
    return Interpolation.BICUBIC | exact | chroma
