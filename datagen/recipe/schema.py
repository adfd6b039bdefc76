"""The recipe's keys: every one typed, bounded and refused when it is not known."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Literal, TypeAlias, TypeGuard, TypeVar, get_args

from pydantic import (
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    field_validator,
    model_validator,
)

from datagen.core.fields import IntRange, Range, Share, sums_to_one
from datagen.core.schema import Frozen

__all__ = [
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
]

SplitName: TypeAlias = Literal["train", "val", "test"]
Attribute: TypeAlias = Literal["sex", "age_band", "ethnicity"]

_DEFAULT_SHARES: dict[SplitName, Fraction] = {
    "train": Fraction("0.7"),
    "val": Fraction("0.1"),
    "test": Fraction("0.2"),
}


V = TypeVar("V")


def _in_order(by_split: dict[SplitName, V]) -> dict[SplitName, V]:
    """Order by split, so that the order of keys in the file decides nothing."""
    names: tuple[SplitName, ...] = get_args(SplitName)
    return {name: by_split[name] for name in names if name in by_split}


def _is_list(value: object) -> TypeGuard[list[object] | tuple[object, ...]]:
    return isinstance(value, list | tuple)


class Purpose(Frozen):
    """What the data will be used for; the rights gate answers to this."""

    use: Literal["research", "commercial"]
    redistribute: StrictBool = False


class SourceUse(Frozen):
    """One source: its card, where its files are, and options that replace the card's."""

    card: str = Field(min_length=1)
    root: str = ""
    options: dict[str, Any] = Field(default_factory=dict)
    splits: tuple[SplitName, ...] | None = Field(default=None, min_length=1)


class SplitRule(Frozen):
    """How people are dealt to splits; never by counts.

    With ``from: source`` the official splits of the source are taken.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    shares: dict[SplitName, Share] = Field(default_factory=lambda: dict(_DEFAULT_SHARES))
    origin: Literal["hash", "source"] = Field(default="hash", alias="from")
    stratify: tuple[Attribute, ...] = ("sex",)

    @field_validator("shares")
    @classmethod
    def _whole(cls, shares: dict[SplitName, Fraction]) -> dict[SplitName, Fraction]:
        sums_to_one(shares.values(), "the shares of people")
        return _in_order(shares)


class Jitter(Frozen):
    """Random changes of the crop, drawn once for a pair.

    Attributes:
        shift: Largest shift in each direction, as a share of the crop's side.
        scale: Range of the factor on the margin's crop.
        rotate: Largest turn in degrees.
        flip: Probability of mirroring.
    """

    shift: float = Field(default=0.0, ge=0, le=0.25)
    scale: Range = (1.0, 1.0)
    rotate: float = Field(default=0.0, ge=0, le=45)
    flip: float = Field(default=0.0, ge=0, le=1)

    @field_validator("scale")
    @classmethod
    def _sane(cls, scale: tuple[float, float]) -> tuple[float, float]:
        if not (scale[0] >= 0.5 and scale[1] <= 2.0):
            raise ValueError("want a range within 0.5 and 2")
        return scale


class FaceRule(Frozen):
    """Which faces are used and how they are cropped.

    Attributes:
        size: Side of the released images in pixels.
        margin: Side of the crop as a multiple of the face box's longer side.
        analyzer: What finds faces, see ``datagen list analyzers``.
        min_side: Smallest face box in source pixels.
        max_yaw: Largest turn of the head in degrees.
    """

    size: int = Field(default=380, ge=64, le=2048)
    margin: float = Field(default=1.3, ge=1.0, le=3.0)
    analyzer: str = "mediapipe"
    min_side: int = Field(default=96, ge=16)
    max_yaw: float = Field(default=60.0, gt=0, le=90)
    jitter: Jitter = Field(default_factory=Jitter)


class DonorRule(Frozen):
    """Which faces may be donors: always another identity of the target's split and source.

    Attributes:
        strategy: ``random``, or one of the ``pool_size`` faces with the nearest landmarks, or with
            the nearest pose (yaw, pitch and how far mouth and eyes are open).
        match: Attributes that must be equal; unknown equals nothing.
        pool_size: How many of the nearest faces to draw from.
        embedding: Bounds of the cosine similarity to the target, where the analyzer gives
            embeddings.
        fallback: ``any`` drops ``match`` and ``embedding`` for a target that they leave without a
            donor; ``refuse`` refuses the recipe.
    """

    strategy: Literal["random", "nearest_landmarks", "nearest_pose"] = "nearest_landmarks"
    match: tuple[Attribute, ...] = ()
    pool_size: int = Field(default=20, ge=1)
    embedding: Range | None = None
    fallback: Literal["refuse", "any"] = "refuse"

    @field_validator("embedding")
    @classmethod
    def _cosine(cls, bounds: tuple[float, float] | None) -> tuple[float, float] | None:
        if bounds is not None and not (bounds[0] >= -1 and bounds[1] <= 1):
            raise ValueError("want a range within -1 and 1")
        return bounds


class MethodUse(Frozen):
    """One manipulation and its share of the pairs; further keys are the method's own options."""

    model_config = ConfigDict(frozen=True, extra="allow")

    use: str
    share: Share
    donor: DonorRule | None = None
    min_change: float | None = Field(default=None, ge=0, le=255)
    splits: tuple[SplitName, ...] | None = Field(default=None, min_length=1)

    @property
    def options(self) -> dict[str, Any]:
        """The keys that are not the recipe's but the method's."""
        return dict(self.__pydantic_extra__ or {})


class DegradationUse(Frozen):
    """One damage and its share of each method's pairs; further keys are its own options.

    Attributes:
        use: A kind, a profile, or ``reshare``; see ``datagen list degradations``.
        severity: Range within 0 and 5, dealt evenly; 0 leaves the image as it is. Without it
            the kind draws from its own ranges.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    use: str
    share: Share
    severity: IntRange | None = None
    splits: tuple[SplitName, ...] | None = Field(default=None, min_length=1)

    @field_validator("severity")
    @classmethod
    def _on_the_ladder(cls, severity: tuple[int, int] | None) -> tuple[int, int] | None:
        if severity is not None and not (severity[0] >= 0 and severity[1] <= 5):
            raise ValueError("want a range within 0 and 5")
        return severity

    @property
    def options(self) -> dict[str, Any]:
        """The keys that are not the recipe's but the degradation's."""
        return dict(self.__pydantic_extra__ or {})


class Ladder(Frozen):
    """The same pairs at every severity: what a robustness curve is made of.

    Stands in place of ``degradations``; ``splits`` then counts base pairs, each of which gives
    one pair a severity.
    """

    use: str
    severities: tuple[int, ...] = Field(default=(0, 1, 2, 3, 4, 5), min_length=2)

    @field_validator("severities")
    @classmethod
    def _rising(cls, severities: tuple[int, ...]) -> tuple[int, ...]:
        if list(severities) != sorted(set(severities)) or not set(severities) <= set(range(6)):
            raise ValueError("want rising whole numbers from 0 to 5, each once")
        return severities


class Encode(Frozen):
    """The encoder of the release; drawn once for a pair.

    Attributes:
        quality: JPEG or WebP quality; null for lossless WebP. Not a key of PNG.
        subsampling: Chroma subsamplings of JPEG to draw from.
    """

    format: Literal["jpeg", "png", "webp"] = "jpeg"
    quality: IntRange | None = None
    subsampling: tuple[Literal["4:2:0", "4:2:2", "4:4:4"], ...] | None = None

    @field_validator("subsampling", mode="before")
    @classmethod
    def _quoted(cls, value: object) -> object:
        unquoted = [part for part in value if isinstance(part, int)] if _is_list(value) else value
        if isinstance(unquoted, int) or (_is_list(value) and unquoted):
            raise ValueError('quote it: ["4:2:0"]; YAML reads 4:2:0 as a number of base 60')
        return value

    @model_validator(mode="after")
    def _keys_fit_the_format(self) -> Encode:
        if self.quality is not None:
            if self.format == "png":
                raise ValueError("png is lossless and has no quality: remove it")
            if not (self.quality[0] >= 1 and self.quality[1] <= 100):
                raise ValueError("quality: want a range within 1 and 100")
        if self.subsampling is not None and self.format != "jpeg":
            raise ValueError(f"{self.format} has no choice of subsampling: remove it")
        if self.subsampling == ():
            raise ValueError("subsampling: want at least one")
        return self


class Rejects(Frozen):
    """How many planned items may fail before the run counts as failed."""

    max_share: float = Field(default=0.05, ge=0, le=1)
    max_count: int | None = Field(default=None, ge=0)


class RecipeSpec(Frozen):
    """A complete description of one data set."""

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
    encode: Encode = Field(default_factory=Encode)
    controls: Share = Fraction(0)
    rejects: Rejects = Field(default_factory=Rejects)
    shard_pairs: int = Field(default=250, ge=1, le=10_000)

    @field_validator("splits")
    @classmethod
    def _counts(cls, splits: dict[SplitName, int]) -> dict[SplitName, int]:
        for name, count in splits.items():
            if not 0 < count <= 10**12:
                raise ValueError(f"{name}: want a number of pairs from 1 to 10^12")
        return _in_order(splits)

    @model_validator(mode="after")
    def _methods_fill_every_split(self) -> RecipeSpec:
        sums_to_one((use.share for use in self.methods), "the shares of methods")
        for split in self.splits:
            if not any(use.share for use in self.methods if in_split(use, split)):
                raise ValueError(f"methods: none is left for split {split!r}")
            if not any(in_split(use, split) for use in self.sources):
                raise ValueError(f"sources: none is left for split {split!r}")
            if not self.split.shares.get(split) and self.split.origin == "hash":
                raise ValueError(f"split.shares: nobody is dealt to {split!r}, which wants pairs")
        return self

    @model_validator(mode="after")
    def _degradations_fill_every_split(self) -> RecipeSpec:
        if self.degradations is None:
            return self
        if self.ladder is not None:
            raise ValueError("ladder stands in place of degradations: remove one of them")
        sums_to_one((use.share for use in self.degradations), "the shares of degradations")
        for split in self.splits:
            if not any(use.share for use in self.degradations if in_split(use, split)):
                raise ValueError(f"degradations: none is left for split {split!r}")
        return self


def in_split(use: MethodUse | SourceUse | DegradationUse, split: SplitName) -> bool:
    """Say whether an entry takes part in ``split``; without ``splits`` it does in all."""
    return use.splits is None or split in use.splits
