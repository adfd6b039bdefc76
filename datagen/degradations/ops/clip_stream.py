"""A clip through a whole H.264 or H.265 stream, encoded to the same bytes on every machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

import cv2
import numpy as np

from datagen.core.arrays import Image
from datagen.degradations.ops.video_stream import Codec, Preset
from datagen.video.color import from_rgb, to_rgb
from datagen.video.libraries import codec_packets, frame_types, repeatable

if TYPE_CHECKING:
    from av import VideoFrame

__all__ = ["through_codec"]

_FPS = Fraction(25)
_GOP = 250  # the default of x264 and x265
_DECODERS = {"h264": "h264", "h265": "hevc"}


def through_codec(
    clip: Sequence[Image], codec: Codec, crf: int, preset: Preset, limit: str = ""
) -> list[Image]:
    """Encode a clip as one stream with GOPs of 250 frames, and decode it.

    Unlike a single frame (see ``video_stream``) a clip is encoded with look-ahead and B-frames, as
    a file is. Odd sides are extended by one pixel for the encoder.

    Args:
        clip: RGB frames of one size.
        codec: ``h264`` or ``h265``.
        crf: Constant rate factor.
        preset: Preset of x264 and x265.
        limit: Further settings of the library.
    """
    import av

    options = {"crf": str(crf), "preset": preset, **repeatable(codec, _GOP, limit)}
    types = frame_types(codec, len(clip), _GOP)
    packets = codec_packets(_even(clip), codec, _FPS, options, types)
    context = av.CodecContext.create(_DECODERS[codec], "r")
    assert isinstance(context, av.VideoCodecContext)
    context.thread_count = 1
    frames = [frame for packet in packets for frame in context.decode(packet)]
    frames += context.decode(None)
    if len(frames) != len(clip):
        raise RuntimeError(f"{codec}: {len(frames)} frames came back for {len(clip)}")
    height, width = clip[0].shape[:2]
    return [np.ascontiguousarray(to_rgb(frame)[:height, :width]) for frame in frames]


def _even(clip: Sequence[Image]) -> Iterator[VideoFrame]:
    for image in clip:
        below, right = image.shape[0] % 2, image.shape[1] % 2
        even = cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_REPLICATE)
        yield from_rgb(np.asarray(even, np.uint8), "yuv420p")
