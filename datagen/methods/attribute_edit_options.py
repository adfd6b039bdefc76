"""Options and parameters of ``attribute_edit``, and how one edit is drawn."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import numpy as np
from pydantic import Field

from datagen.core.rounding import rounded
from datagen.core.schema import Frozen
from datagen.faces.face import FaceCrop
from datagen.faces.geometry.outline import bare_forehead

__all__ = [
    "Aging",
    "AttributeEditOptions",
    "AttributeEditParams",
    "Edit",
    "Tint",
    "draw_edit",
]

Triple: TypeAlias = tuple[float, float, float]
Edit: TypeAlias = Literal[
    "nose", "jaw", "eyes", "lips", "lip_color", "brow_color", "eye_color", "makeup", "age"
]


class AttributeEditOptions(Frozen):
    """Options of ``attribute_edit``.

    Attributes:
        edits: Edits that may be drawn.
        max_edits: Largest number of edits per fake, 1 to 4.
    """

    edits: tuple[Edit, ...] = Field(default=get_args(Edit), min_length=1)
    max_edits: int = Field(default=2, ge=1, le=4)


class Tint(Frozen):
    """A change of color.

    Attributes:
        gain: Factor on each channel.
        offset: Offset added to each channel afterward, in 8-bit intensity levels.
        ratio: Weight where the mask is full, 0 to 1.
    """

    gain: Triple
    offset: Triple
    ratio: float


class Aging(Frozen):
    """Signs of age.

    Attributes:
        depth: Darkness of the wrinkles; 1 = half the light.
        lift: Height of the bare forehead, as a share of the forehead.
        bends: Ten numbers that vary the shape of the wrinkles.
        tone: Uneven skin tone, a ``(6, 6)`` grid of standard normal values.
        uneven: Standard deviation of the tone, as a share of the light.
    """

    depth: float
    lift: float
    bends: list[float]
    tone: list[list[float]]
    uneven: float


class AttributeEditParams(Frozen):
    """Parameters of one fake; 0 or ``None`` leaves a part unchanged.

    Attributes:
        nose, jaw, eyes, lips: Relative change of width or fullness.
        lip_color, brow_color, eye_color, shadow, cheeks: Changes of color.
        age: Signs of age.
    """

    nose: float = 0.0
    jaw: float = 0.0
    eyes: float = 0.0
    lips: float = 0.0
    lip_color: Tint | None = None
    brow_color: Tint | None = None
    eye_color: Tint | None = None
    shadow: Tint | None = None
    cheeks: Tint | None = None
    age: Aging | None = None


_LIP_COLORS = ((1.0, 0.42, 0.48), (0.62, 0.3, 0.42), (0.8, 0.55, 0.5), (1.03, 0.6, 0.54))
_BROW_COLORS = (
    ((0.5, 0.47, 0.47), (0.0, 0.0, 0.0)),
    ((0.9, 0.84, 0.74), (38.0, 30.0, 16.0)),
    ((0.92, 0.72, 0.62), (14.0, 4.0, 0.0)),
    ((0.85, 0.86, 0.88), (30.0, 30.0, 32.0)),
)
_EYE_COLORS = (
    ((0.75, 0.85, 0.95), (0.0, 14.0, 38.0)),
    ((0.8, 0.95, 0.75), (6.0, 26.0, 4.0)),
    ((0.62, 0.42, 0.28), (8.0, 0.0, 0.0)),
    ((0.85, 0.85, 0.85), (30.0, 32.0, 35.0)),
)
_SHADOWS = ((0.62, 0.48, 0.6), (0.5, 0.6, 0.8), (0.62, 0.48, 0.4), (0.5, 0.66, 0.56))


def _tint(
    rng: np.random.Generator, min_ratio: float, gain: Triple, offset: Triple = (0, 0, 0)
) -> Tint:
    jitter = rng.uniform(0.93, 1.07, 3)
    red, green, blue = (rounded(g * j) for g, j in zip(gain, jitter, strict=True))
    return Tint(gain=(red, green, blue), offset=offset, ratio=rounded(rng.uniform(min_ratio, 1.0)))


def _either(
    rng: np.random.Generator, less: tuple[float, float], more: tuple[float, float]
) -> float:
    return rounded(-rng.uniform(*less) if rng.integers(2) else rng.uniform(*more))


_SIZES: dict[str, tuple[tuple[float, float], tuple[float, float]]] = {
    "nose": ((0.15, 0.28), (0.15, 0.35)),
    "jaw": ((0.05, 0.09), (0.05, 0.1)),
    "eyes": ((0.1, 0.16), (0.12, 0.22)),
    "lips": ((0.2, 0.35), (0.25, 0.5)),
}


def draw_edit(edit: Edit, rng: np.random.Generator, face: FaceCrop) -> dict[str, object]:
    """Draw the fields of ``AttributeEditParams`` that one edit sets."""
    if edit in _SIZES:
        return {edit: _either(rng, *_SIZES[edit])}
    kind = int(rng.integers(4))
    if edit == "lip_color":
        return {edit: _tint(rng, 0.5, _LIP_COLORS[kind])}
    if edit == "brow_color":
        return {edit: _tint(rng, 0.7, *_BROW_COLORS[kind])}
    if edit == "eye_color":
        return {edit: _tint(rng, 0.7, *_EYE_COLORS[kind])}
    if edit == "makeup":
        shadow = _tint(rng, 0.6, _SHADOWS[kind])
        return {"shadow": shadow, "cheeks": _tint(rng, 0.5, (1.0, 0.82, 0.82))}
    return {"age": _draw_age(rng, face)}


def _draw_age(rng: np.random.Generator, face: FaceCrop) -> Aging:
    lift = float(np.median(bare_forehead(face.image, face.landmarks)))
    return Aging(
        depth=rounded(rng.uniform(0.5, 0.9)),
        lift=rounded(max(lift - 0.05, 0.1)),
        bends=[rounded(value) for value in rng.uniform(-1, 1, 10)],
        tone=[[round(float(v), 3) for v in row] for row in rng.standard_normal((6, 6))],
        uneven=rounded(rng.uniform(0.03, 0.06)),
    )
