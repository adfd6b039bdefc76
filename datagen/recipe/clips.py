"""The keys of a recipe that makes clips: their length, their camera, their encoder."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from pydantic import Field, field_validator, model_validator

from datagen.core.fields import IntRange
from datagen.core.schema import Frozen
from datagen.video.encode import Preset

__all__ = [
    "MAX_CLIP_PIXELS",
    "MAX_FRAMES",
    "CameraRule",
    "ClipEncode",
    "ClipRule",
    "is_clip_encode",
]

MAX_FRAMES = 512
"""The most frames of a clip."""

MAX_CLIP_PIXELS = 64 << 20
"""The most pixels of a clip: 200 MB of RGB, of which a worker holds some five at once."""

_Codec: TypeAlias = Literal["h264", "h265", "ffv1"]
_OWN = frozenset(("codec", "crf", "gop", "preset"))
_FORMATS = ("mp4", "mkv", "frames")


class ClipRule(Frozen):
    """Real and fake clips instead of images.

    Attributes:
        frames: Number of frames of a clip, 2 to 512.
        stride: Every how many frames of the video one is taken; 1 takes consecutive frames. With
            more, flicker and drift are lost.
        crop: ``fixed`` crops all frames of a clip alike, so that the face moves within it;
            ``follow`` moves the crop with the face.
    """

    frames: int = Field(default=32, ge=2, le=MAX_FRAMES)
    stride: int = Field(default=1, ge=1, le=32)
    crop: Literal["fixed", "follow"] = "fixed"

    @property
    def span(self) -> int:
        """Number of frames of a video that a clip reaches over."""
        return (self.frames - 1) * self.stride + 1


class CameraRule(Frozen):
    """A virtual camera that moves over the still images of a source, whose faces don't move.

    Attributes:
        shake: Standard deviation of the camera's shake, as a share of the crop's side, 0 to 0.05.
        zoom: Most change of the distance within a second, as a share, 0 to 0.2.
        turn: Most rotation within a second in degrees, 0 to 10.
        fps: Frames per second.
    """

    shake: float = Field(default=0.006, ge=0, le=0.05)
    zoom: float = Field(default=0.03, ge=0, le=0.2)
    turn: float = Field(default=1.0, ge=0, le=10)
    fps: int = Field(default=25, ge=1, le=120)


class ClipEncode(Frozen):
    """How the clips of the release are encoded; settings are drawn once per pair.

    Attributes:
        format: ``mp4``; ``mkv`` for FFV1; ``frames`` stores each frame as a PNG.
        codec: Codecs to draw from: ``h264`` and ``h265`` in MP4, or ``ffv1``, which is lossless.
        crf: Range of the constant rate factor, within 0 and 51.
        gop: Range of the number of frames from one key frame to the next, within 1 and 600.
        preset: Preset of x264 and x265.
    """

    format: Literal["mp4", "mkv", "frames"] = "mp4"
    codec: tuple[_Codec, ...] | None = None
    crf: IntRange | None = None
    gop: IntRange | None = None
    preset: Preset | None = None

    @model_validator(mode="before")
    @classmethod
    def _lossless_lies_in_matroska(cls, data: Any) -> Any:
        if isinstance(data, dict):
            codec = data.get("codec")
            codecs = (codec,) if isinstance(codec, str) else codec
            if isinstance(codec, str):
                data = {**data, "codec": codecs}
            if isinstance(codecs, list | tuple) and list(codecs) == ["ffv1"]:
                data = {"format": "mkv", **data}
        return data

    @field_validator("crf")
    @classmethod
    def _factor(cls, crf: tuple[int, int] | None) -> tuple[int, int] | None:
        return _within(crf, 0, 51)

    @field_validator("gop")
    @classmethod
    def _length(cls, gop: tuple[int, int] | None) -> tuple[int, int] | None:
        return _within(gop, 1, 600)

    @model_validator(mode="after")
    def _keys_fit_the_format(self) -> ClipEncode:
        if self.format != "mp4":
            given = [name for name in ("crf", "gop", "preset") if getattr(self, name) is not None]
            if given:
                raise ValueError(f"{given[0]}: {self.format} is lossless: remove the key")
        if self.codec == ():
            raise ValueError("codec: must have at least one of h264, h265")
        allowed = {"mp4": {"h264", "h265"}, "mkv": {"ffv1"}, "frames": set()}[self.format]
        for codec in self.codec or ():
            if codec not in allowed:
                what = " or ".join(sorted(allowed)) or "none: remove the key"
                raise ValueError(f"codec: {self.format} holds {what}, found {codec}")
        return self


def is_clip_encode(value: object) -> bool:
    """Say whether a recipe's ``encode`` is meant for clips, by its keys."""
    if isinstance(value, ClipEncode):
        return True
    if not isinstance(value, dict):
        return False
    return value.get("format") in _FORMATS or not _OWN.isdisjoint(value)


def _within(span: tuple[int, int] | None, low: int, high: int) -> tuple[int, int] | None:
    if span is not None and not (span[0] >= low and span[1] <= high):
        raise ValueError(f"must be a range within {low} and {high}")
    return span
