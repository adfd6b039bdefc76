"""Rate-limited compression: H.264 whose bit rate may not exceed what a connection carries."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import model_validator

from datagen.core.arrays import Image
from datagen.core.fields import Range
from datagen.core.schema import Frozen
from datagen.degradations.base import Degradation, Shape
from datagen.degradations.ops.clip_stream import through_codec
from datagen.degradations.ops.draws import between, check_ranges
from datagen.degradations.ops.video_stream import Preset
from datagen.errors import MissingExtraError
from datagen.video.libraries import encoder_name

__all__ = ["RateLimit", "RateLimitOptions", "RateLimitParams"]

_BEST = 18  # constant rate factor
_WORST = 51  # quantizer; x264 without it makes a first frame for which there is no room gray
_PIXELS = 256 * 256
_FPS = 25


class RateLimitOptions(Frozen):
    """Options of ``rate_limit``.

    Attributes:
        bits: Bits per pixel and frame that the connection carries at 256x256 pixels, 0.01 to 2;
            0.1 are 164 kbit/s at 25 frames per second. The rate grows with the area to the power of
            0.75, as it must for equal quality.
        buffer: Length of the buffer in seconds, 0.5 to 4: a short one, as in a call, makes quality
            follow the content from frame to frame.
        preset: Preset of x264.
    """

    bits: Range = (0.02, 0.2)
    buffer: Range = (0.5, 1.5)
    preset: Preset = "veryfast"

    @model_validator(mode="after")
    def _sane(self) -> RateLimitOptions:
        check_ranges(self, {"bits": (0.01, 2), "buffer": (0.5, 4)})
        return self


class RateLimitParams(Frozen):
    """What was drawn for one pair.

    Attributes:
        rate: Highest bit rate in kbit/s at 25 frames per second.
        buffer: Size of the buffer in kbit.
        preset: Preset of x264.
    """

    rate: int
    buffer: int
    preset: Preset


class RateLimit(Degradation):
    """Encode the clip with x264 at the highest quality that a buffered connection (VBV) carries.

    Each clip of a pair is one stream; the types of its frames do not depend on its content. The
    quality is at most that of the constant rate factor 18.
    """

    name = "rate_limit"
    options = RateLimitOptions
    params = RateLimitParams
    levels = tuple(
        {"bits": bits, "buffer": [0.7, 1.0]}
        for bits in ([0.08, 0.1], [0.045, 0.05], [0.028, 0.032], [0.018, 0.02], [0.011, 0.013])
    )
    extra = "video"
    clips_only = True
    config: RateLimitOptions

    def __init__(self, config: Frozen) -> None:
        super().__init__(config)
        try:
            import av  # noqa: F401
        except ImportError:
            raise MissingExtraError("av", "video", "degradation 'rate_limit'") from None

    def sample(self, rng: np.random.Generator, shape: Shape) -> RateLimitParams:
        """Draw rate and buffer."""
        draws, config = rng.random(2), self.config
        low, high = np.log(config.bits)
        bits = np.exp(low + draws[0] * (high - low))
        area = (shape[0] * shape[1] / _PIXELS) ** 0.75
        rate = max(1, round(float(bits * area * _PIXELS * _FPS / 1000)))
        buffer = max(1, round(rate * between(draws[1], config.buffer)))
        return RateLimitParams(rate=rate, buffer=buffer, preset=config.preset)

    def apply(self, image: Image, params: RateLimitParams) -> Image:
        """Encode and decode a clip of one frame."""
        return self.apply_clips([[image]], params)[0][0]

    def apply_clips(
        self, clips: Sequence[Sequence[Image]], params: RateLimitParams
    ) -> list[list[Image]]:
        """Encode and decode each clip as one stream."""
        limit = f"vbv-maxrate={params.rate}:vbv-bufsize={params.buffer}:qpmax={_WORST}"
        return [through_codec(clip, "h264", _BEST, params.preset, limit) for clip in clips]

    def encoder(self, params: RateLimitParams) -> str:
        """Return library and build, e.g. ``libx264 core 165 (libavcodec 62.28.102)``."""
        return encoder_name("h264")
