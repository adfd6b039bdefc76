"""Options of the layout ``procedural``."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, Field, PlainSerializer, field_validator

from datagen.core.fields import Range
from datagen.core.schema import Frozen
from datagen.sources.procedural.take import Limits

__all__ = ["ProceduralOptions", "VideoOptions"]

_SLOWEST, _FASTEST = 5, 240


def _rate(value: object) -> Fraction:
    problem = "must be frames per second, 5 to 240: a number, or a fraction such as 30000/1001"
    if isinstance(value, bool) or not isinstance(value, int | float | str | Fraction):
        raise ValueError(problem)
    try:
        rate = Fraction(str(value).replace(" ", "")[:20])
    except (ValueError, ZeroDivisionError):
        raise ValueError(problem) from None
    if not _SLOWEST <= rate <= _FASTEST or rate.denominator > 1001:
        raise ValueError(problem)
    return rate


Rate: TypeAlias = Annotated[
    Fraction, BeforeValidator(_rate), PlainSerializer(lambda rate: str(rate))
]
"""Exact frames per second: ``25``, ``29.97`` is 2997/100, ``30000/1001`` is the rate of NTSC."""

# The widest range of each amount of motion for which faces stay in the image and look right.
_WIDEST = {
    "head": (0.0, 15.0, "degrees"),
    "shift": (0.0, 2.0, "cm"),
    "mouth": (0.0, 1.0, ""),
    "expression": (0.0, 0.6, ""),
}


class VideoOptions(Frozen):
    """Videos of the layout ``procedural``, and how much people move in them.

    Attributes:
        per_identity: Number of videos per identity.
        seconds: Length of each video; a longer one begins with the same frames.
        fps: Frames per second.
        head: Range of the largest turn of the head in degrees.
        shift: Range of the largest displacement of the head in cm.
        mouth: Range of the opening of the mouth in speech, as a share of the widest.
        silent: Share of the videos without speech.
        expression: Range of the change of expression, as a share of what faces can do.
    """

    per_identity: int = Field(default=2, ge=1, le=10_000)
    seconds: float = Field(default=4.0, ge=0.2, le=3600.0)
    fps: Rate = Fraction(25)
    head: Range = (5.0, 13.0)
    shift: Range = (0.3, 1.2)
    mouth: Range = (0.25, 0.6)
    silent: float = Field(default=0.25, ge=0.0, le=1.0)
    expression: Range = (0.1, 0.3)

    @field_validator("head", "shift", "mouth", "expression")
    @classmethod
    def _within(cls, value: tuple[float, float], info: object) -> tuple[float, float]:
        name = getattr(info, "field_name", "")
        low, high, unit = _WIDEST[name]
        if value[0] < low or value[1] > high:
            raise ValueError(f"must lie within {low:g} to {high:g} {unit}".rstrip())
        return value

    @property
    def frames(self) -> int:
        """Number of frames of each video."""
        return int(Fraction(str(self.seconds)) * self.fps)

    @property
    def limits(self) -> Limits:
        """The amounts of motion as the renderer takes them."""
        return Limits(self.head, self.shift, self.mouth, self.silent, self.expression)


class ProceduralOptions(Frozen):
    """Options of the layout ``procedural``.

    Attributes:
        identities: Number of identities; identity ``n`` does not depend on it.
        images_per_identity: Number of images per identity.
        seed: Seed of the population; another seed gives other people.
        size: Side length of images and videos in pixels.
        video: Videos, for recipes that make clips; images don't depend on it.
    """

    identities: int = Field(default=60, ge=2, le=10_000_000)
    images_per_identity: int = Field(default=8, ge=1, le=10_000)
    seed: int = Field(default=1, ge=0, lt=2**63)
    size: int = Field(default=512, ge=128, le=2048)
    video: VideoOptions = VideoOptions()
