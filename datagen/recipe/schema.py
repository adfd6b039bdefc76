"""The keys of a recipe: each has a type and bounds, and an unknown key is an error."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Annotated, Any, Literal, TypeAlias, TypeGuard, TypeVar, get_args

from pydantic import (
    ConfigDict,
    Discriminator,
    Field,
    StrictInt,
    Tag,
    field_validator,
    model_validator,
)

from datagen.core.fields import IntRange, Range, Share, sums_to_one
from datagen.core.schema import Frozen
from datagen.recipe.clips import (
    MAX_CLIP_PIXELS,
    CameraRule,
    ClipEncode,
    ClipRule,
    is_clip_encode,
)
from datagen.recipe.entries import (
    Attribute,
    DegradationUse,
    DonorRule,
    Ladder,
    MethodUse,
    SourceUse,
    SplitName,
    in_split,
)
from datagen.rights import Purpose
from datagen.sources import SourceCard

__all__ = [
    "CameraRule",
    "ClipEncode",
    "ClipRule",
    "DegradationUse",
    "DonorRule",
    "Encode",
    "FaceRule",
    "Jitter",
    "Ladder",
    "MethodUse",
    "Purpose",
    "RecipeSpec",
    "Rejects",
    "SourceUse",
    "SplitName",
    "SplitRule",
    "in_split",
]

_DEFAULT_SHARES: dict[SplitName, Fraction] = {
    "train": Fraction("0.7"),
    "val": Fraction("0.1"),
    "test": Fraction("0.2"),
}


V = TypeVar("V")


def _in_order(by_split: dict[SplitName, V]) -> dict[SplitName, V]:
    """Sort by split, so that the order of keys in the file does not matter."""
    names: tuple[SplitName, ...] = get_args(SplitName)
    return {name: by_split[name] for name in names if name in by_split}


def _is_list(value: object) -> TypeGuard[list[object] | tuple[object, ...]]:
    return isinstance(value, list | tuple)


class SplitRule(Frozen):
    """How identities are assigned to splits; the number of pairs plays no part.

    Attributes:
        shares: Share of the identities of each split; they sum to 1.
        origin: The key ``from``: ``hash`` assigns identities by a hash of their names, ``source``
            takes the official splits of the source.
        stratify: Attributes whose distribution is kept equal in all splits.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    shares: dict[SplitName, Share] = Field(default_factory=lambda: dict(_DEFAULT_SHARES))
    origin: Literal["hash", "source"] = Field(default="hash", alias="from")
    stratify: tuple[Attribute, ...] = ("sex",)

    @field_validator("shares")
    @classmethod
    def _whole(cls, shares: dict[SplitName, Fraction]) -> dict[SplitName, Fraction]:
        sums_to_one(shares.values(), "shares of identities")
        return _in_order(shares)


class Jitter(Frozen):
    """Random changes of the crop, drawn once per pair.

    Attributes:
        shift: Maximum shift in each direction, as a share of the crop's side length.
        scale: Range of the factor by which the side length of the crop is multiplied.
        rotate: Maximum in-plane rotation in degrees, in either direction.
        flip: Probability of a horizontal flip.
    """

    shift: float = Field(default=0.0, ge=0, le=0.25)
    scale: Range = (1.0, 1.0)
    rotate: float = Field(default=0.0, ge=0, le=45)
    flip: float = Field(default=0.0, ge=0, le=1)

    @field_validator("scale")
    @classmethod
    def _sane(cls, scale: tuple[float, float]) -> tuple[float, float]:
        if not (scale[0] >= 0.5 and scale[1] <= 2.0):
            raise ValueError("must be a range within 0.5 and 2")
        return scale


class FaceRule(Frozen):
    """Which faces are used and how they are cropped.

    Attributes:
        size: Side length of the released images in pixels.
        margin: Side length of the crop, as a multiple of the longer side of the face box.
        analyzer: Face analyzer that detects faces and landmarks; see ``datagen list analyzers``.
        embedder: Id of the weight card of an embedder, whose embeddings choose donors and measure
            whom a fake resembles; see docs/weights.md.
        min_side: Minimum length of the longer side of the face box, in pixels of the source image.
        max_yaw: Maximum yaw of the head in degrees, in either direction.
        jitter: Random changes of the crop.
    """

    size: int = Field(default=380, ge=64, le=2048)
    margin: float = Field(default=1.3, ge=1.0, le=3.0)
    analyzer: str = "mediapipe"
    embedder: str | None = None
    min_side: int = Field(default=96, ge=16)
    max_yaw: float = Field(default=60.0, gt=0, le=90)
    jitter: Jitter = Field(default_factory=Jitter)


class Encode(Frozen):
    """How the images of the release are encoded; parameters are drawn once per pair.

    Attributes:
        format: Image format.
        quality: Range of the JPEG or WebP quality, within 1 and 100; null for lossless WebP. Not
            allowed for PNG.
        subsampling: Chroma subsampling modes of JPEG to draw from.
    """

    format: Literal["jpeg", "png", "webp"] = "jpeg"
    quality: IntRange | None = None
    subsampling: tuple[Literal["4:2:0", "4:2:2", "4:4:4"], ...] | None = None

    @field_validator("subsampling", mode="before")
    @classmethod
    def _quoted(cls, value: object) -> object:
        unquoted = [part for part in value if isinstance(part, int)] if _is_list(value) else value
        if isinstance(unquoted, int) or (_is_list(value) and unquoted):
            raise ValueError('quote it: ["4:2:0"]; YAML reads 4:2:0 as a base-60 number')
        return value

    @model_validator(mode="after")
    def _keys_fit_the_format(self) -> Encode:
        if self.quality is not None:
            if self.format == "png":
                raise ValueError("quality: png is lossless and has none: remove the key")
            if not (self.quality[0] >= 1 and self.quality[1] <= 100):
                raise ValueError("quality: must be a range within 1 and 100")
        if self.subsampling is not None and self.format != "jpeg":
            raise ValueError(f"subsampling: {self.format} has no such option: remove the key")
        if self.subsampling == ():
            raise ValueError("subsampling: must have at least one mode")
        return self


AnyEncode: TypeAlias = Annotated[
    Annotated[Encode, Tag("[images]")] | Annotated[ClipEncode, Tag("[clips]")],
    Discriminator(lambda value: "[clips]" if is_clip_encode(value) else "[images]"),
]


class Rejects(Frozen):
    """How many planned pairs may be rejected before the run counts as failed.

    Attributes:
        max_share: Maximum share of the planned pairs.
        max_count: Maximum number of pairs; null for no limit of its own.
    """

    max_share: float = Field(default=0.05, ge=0, le=1)
    max_count: int | None = Field(default=None, ge=0)


class RecipeSpec(Frozen):
    """A complete description of one data set.

    Attributes:
        name: Name of the data set; starts the id of every pair.
        version: Version of the data set, raised by its author.
        seed: Seed of every random draw.
        purpose: What the data will be used for.
        sources: Where the face images come from.
        splits: Number of pairs of each split (base pairs with a ladder).
        split: How identities are assigned to splits.
        face: Which faces are used and how they are cropped.
        methods: The methods; their shares sum to 1.
        degradations: The degradations; their shares sum to 1.
        ladder: The same pairs at every severity of one degradation.
        encode: How the images or clips of the release are encoded.
        clip: Makes clips instead of images; their length, step and crop.
        controls: Share of each method's pairs that get a control, exact.
        rejects: How many pairs may be rejected.
        shard_pairs: Number of base pairs per shard.
    """

    elsewhere = dict.fromkeys(SourceCard.model_fields, "a source card")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=40)
    version: int = Field(default=1, ge=1)
    seed: StrictInt = Field(ge=0, lt=2**63)
    purpose: Purpose
    sources: tuple[SourceUse, ...] = Field(min_length=1)
    splits: dict[SplitName, StrictInt] = Field(min_length=1)
    split: SplitRule = Field(default_factory=SplitRule)
    face: FaceRule = Field(default_factory=FaceRule)
    methods: tuple[MethodUse, ...] = Field(min_length=1)
    degradations: tuple[DegradationUse, ...] | None = Field(default=None, min_length=1)
    ladder: Ladder | None = None
    encode: AnyEncode = Field(default_factory=Encode)
    clip: ClipRule | None = None
    controls: Share = Fraction(0)
    rejects: Rejects = Field(default_factory=Rejects)
    shard_pairs: int = Field(default=250, ge=1, le=10_000)

    @model_validator(mode="before")
    @classmethod
    def _clips_are_encoded_as_such(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("clip") is not None and "encode" not in data:
            return {**data, "encode": {"format": "mp4"}}
        return data

    @field_validator("splits")
    @classmethod
    def _counts(cls, splits: dict[SplitName, int]) -> dict[SplitName, int]:
        for name, count in splits.items():
            if not 0 < count <= 10**12:
                raise ValueError(f"{name}: must be a number of pairs from 1 to 1,000,000,000,000")
        return _in_order(splits)

    @model_validator(mode="after")
    def _methods_fill_every_split(self) -> RecipeSpec:
        sums_to_one((use.share for use in self.methods), "methods: shares")
        for split in self.splits:
            if not any(use.share for use in self.methods if in_split(use, split)):
                raise ValueError(f"methods: split {split!r} has no method")
            if not any(in_split(use, split) for use in self.sources):
                raise ValueError(f"sources: split {split!r} has no source")
            if not self.split.shares.get(split) and self.split.origin == "hash":
                raise ValueError(
                    f"split.shares: {split!r} has no share, but 'splits' asks for pairs of it"
                )
        return self

    @model_validator(mode="after")
    def _keys_of_clips_need_clips(self) -> RecipeSpec:
        problems = _problems_of_images(self) if self.clip is None else _problems_of_clips(self)
        if problem := next(problems, None):
            raise ValueError(problem)
        return self

    @model_validator(mode="after")
    def _degradations_fill_every_split(self) -> RecipeSpec:
        if self.degradations is None:
            return self
        if self.ladder is not None:
            raise ValueError("ladder: excludes 'degradations': remove one of them")
        sums_to_one((use.share for use in self.degradations), "degradations: shares")
        for split in self.splits:
            if not any(use.share for use in self.degradations if in_split(use, split)):
                raise ValueError(f"degradations: split {split!r} has no degradation")
        return self


def _problems_of_images(spec: RecipeSpec) -> Iterator[str]:
    """Yield which keys of a recipe of images are for clips alone."""
    if isinstance(spec.encode, ClipEncode):
        yield "encode: holds clips: add 'clip: {frames: 32}', or use jpeg or png"
    for n, source in enumerate(spec.sources):
        if source.camera is not None:
            yield f"sources[{n}].camera: moves over clips: add 'clip: {{frames: 32}}'"
    for n, method in enumerate(spec.methods):
        if method.donor is not None and method.donor.frames is not None:
            yield f"methods[{n}].donor.frames: is for clips: remove the key"
        if method.donor is not None and method.donor.strategy == "nearest_motion":
            yield f"methods[{n}].donor.strategy: nearest_motion is for clips"


def _problems_of_clips(spec: RecipeSpec) -> Iterator[str]:
    """Yield which keys of a recipe of clips don't go together."""
    side, frames = spec.face.size, 0 if spec.clip is None else spec.clip.frames
    if isinstance(spec.encode, Encode):
        yield (
            f"encode: {spec.encode.format} holds images, and 'clip' makes clips: use mp4, mkv or "
            "frames"
        )
    elif spec.encode.format == "mp4" and side % 2:
        yield f"face.size: must be even, as video has one color for four pixels (found {side})"
    if (pixels := frames * side**2) > MAX_CLIP_PIXELS:
        yield (
            f"clip.frames: {frames} frames of {side} pixels a side are held in memory several "
            f"times: at most {MAX_CLIP_PIXELS >> 20} million pixels a clip, here {pixels >> 20}"
        )
