"""Video compression: a frame of a real H.264 or H.265 stream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from datagen.core.arrays import Image
from datagen.core.fields import IntRange, Range
from datagen.core.schema import Frozen
from datagen.degradations.base import Degradation, Homography, Shape
from datagen.degradations.ops.clip_stream import through_codec
from datagen.degradations.ops.draws import between, check_ranges, plain, whole
from datagen.degradations.ops.video_stream import (
    Codec,
    Planes,
    Preset,
    last_frame,
    to_yuv,
)
from datagen.errors import MissingExtraError
from datagen.video.libraries import encoder_name

__all__ = ["Video", "VideoOptions", "VideoParams"]


class VideoOptions(Frozen):
    """Options of ``video``.

    Attributes:
        codecs: Codecs to draw from with equal probability. H.265 takes about six times as long as
            H.264.
        crf: Constant rate factor, 0 to 51; FaceForensics++ (Roessler et al., ICCV 2019) uses 23
            (``c23``) and 40 (``c40``) with H.264.
        preset: Preset of x264 and x265.
        frame: Number of the frame that is kept, 1 to 8; frame 0 is not predicted from another one.
        drift: Motion per frame, as a share of the short side, 0 to 0.01.
    """

    codecs: tuple[Codec, ...] = ("h264", "h265")
    crf: IntRange = (18, 42)
    preset: Preset = "medium"
    frame: IntRange = (1, 2)
    drift: Range = (0.0003, 0.002)

    @model_validator(mode="after")
    def _sane(self) -> VideoOptions:
        check_ranges(self, {"crf": (0, 51), "frame": (1, 8), "drift": (0, 0.01)})
        if not self.codecs:
            raise ValueError("codecs: must have at least one of h264, h265")
        return self


class VideoParams(Frozen):
    """What was drawn for one pair.

    Attributes:
        codec: ``h264`` or ``h265``.
        crf: Constant rate factor.
        preset: Preset of x264 and x265.
        frame: Number of the frame that is kept; it is the last one encoded.
        drift: Motion to the right and down per frame, in pixels.
    """

    codec: Codec
    crf: int
    preset: Preset
    frame: int
    drift: tuple[float, float]


class Video(Degradation):
    """Encode the image as a short, slowly moving clip, decode it, and keep one frame.

    Each image is a separate stream that starts with an IDR frame. A clip moves by itself: it is
    encoded as one stream, and ``frame`` and ``drift`` have no effect on it.
    """

    name = "video"
    options = VideoOptions
    params = VideoParams
    levels = tuple({"codecs": ["h264"], "crf": crf} for crf in (23, 28, 33, 38, 43))
    moves = True
    extra = "video"
    config: VideoOptions

    def __init__(self, config: Frozen) -> None:
        super().__init__(config)
        try:
            import av  # noqa: F401
        except ImportError:
            raise MissingExtraError("av", "video", "degradation 'video'") from None

    def sample(self, rng: np.random.Generator, shape: Shape) -> VideoParams:
        """Draw the encoder's settings and the direction of the motion."""
        draws = rng.random(5)
        length = between(draws[3], self.config.drift) * min(shape)
        angle = 2 * np.pi * draws[4]
        return VideoParams(
            codec=self.config.codecs[int(draws[0] * len(self.config.codecs))],
            crf=whole(draws[1], self.config.crf),
            preset=self.config.preset,
            frame=whole(draws[2], self.config.frame),
            drift=(plain(length * np.cos(angle)), plain(length * np.sin(angle))),
        )

    def apply(self, image: Image, params: VideoParams) -> Image:
        """Encode a stream from an IDR frame to the kept frame, and decode the latter."""
        height, width = image.shape[:2]
        even = cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
        last = _kept(params)
        kept = to_yuv(_rolled(np.asarray(even, np.uint8), last))
        ages = range(params.frame, 0, -1)
        clip = [*(_earlier(kept, age * np.array(params.drift)) for age in ages), kept]
        frame = last_frame(clip, params.codec, params.crf, params.preset)
        return np.ascontiguousarray(frame[:height, :width])

    def apply_clips(
        self, clips: Sequence[Sequence[Image]], params: VideoParams
    ) -> list[list[Image]]:
        """Encode and decode each clip as one stream."""
        return [through_codec(clip, params.codec, params.crf, params.preset) for clip in clips]

    def clip_homography(self, params: VideoParams, shape: Shape) -> Homography | None:
        """Return ``None``: the pixels of a clip stay where they are."""
        return None

    def homography(self, params: VideoParams, shape: Shape) -> Homography:
        """Return the translation of the kept frame, in whole pixels."""
        matrix = np.eye(3)
        matrix[:2, 2] = _kept(params)
        return matrix

    def encoder(self, params: VideoParams) -> str:
        """Return library and build, e.g. ``libx264 core 165 (libavcodec 62.28.102)``."""
        return encoder_name(params.codec)


def _kept(params: VideoParams) -> Any:
    """Return whole pixels, so that interpolation does not soften the kept frame."""
    return np.rint(params.frame * np.array(params.drift)) + 0.0


def _rolled(image: Image, by: Any) -> Image:
    """Move by whole pixels; mirror at the border."""
    x, y = (int(side) for side in by)
    edges = (max(y, 0), max(-y, 0), max(x, 0), max(-x, 0))
    wide = cv2.copyMakeBorder(image, *edges, cv2.BORDER_REFLECT_101)
    height, width = image.shape[:2]
    return np.ascontiguousarray(wide[max(-y, 0) :, max(-x, 0) :][:height, :width], np.uint8)


def _earlier(kept: Planes, ago: Any) -> Planes:
    """Return an earlier frame of the motion: luma and chroma moved back by ``ago``."""
    height, width = kept.shape[0] * 2 // 3, kept.shape[1]
    out = np.empty_like(kept)
    out[:height] = _shifted(kept[:height], -ago)
    color = (2, height // 2, width // 2)
    moved = [_shifted(plane, -ago / 2) for plane in kept[height:].reshape(color)]
    out[height:] = np.stack(moved).reshape(height // 2, width)
    return out


def _shifted(plane: NDArray[np.uint8], by: Any) -> NDArray[np.uint8]:
    """Move by fractions of pixels; two 1-D filters are four times as fast as a warp."""
    across, down = (_cubic(float(side)) for side in by)
    edge = cv2.BORDER_REFLECT_101
    return np.asarray(cv2.sepFilter2D(plane, cv2.CV_8U, across, down, borderType=edge), np.uint8)


def _cubic(shift: float) -> NDArray[np.float32]:
    """Cubic convolution (Keys, 1981) with the slope of ``cv2.INTER_CUBIC``, -0.75."""
    reach = int(np.ceil(abs(shift))) + 2
    away = np.abs(np.arange(-reach, reach + 1) + shift)
    near = 1.25 * away**3 - 2.25 * away**2 + 1
    far = -0.75 * (away**3 - 5 * away**2 + 8 * away - 4)
    kernel = np.where(away < 1, near, np.where(away < 2, far, 0))
    return np.asarray(kernel / kernel.sum(), np.float32)
