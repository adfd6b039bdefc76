"""The entries of a recipe: one source, one method with its donor rule, one degradation."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from pydantic import ConfigDict, Field, field_validator

from datagen.core.fields import IntRange, Range, Share
from datagen.core.schema import Frozen
from datagen.recipe.clips import CameraRule

__all__ = [
    "Attribute",
    "DegradationUse",
    "DonorRule",
    "Ladder",
    "MethodUse",
    "SourceUse",
    "SplitName",
    "in_split",
]

SplitName: TypeAlias = Literal["train", "val", "test"]
Attribute: TypeAlias = Literal["sex", "age_band", "ethnicity"]


class SourceUse(Frozen):
    """One source of face images.

    Attributes:
        card: Path of the source card, relative to the recipe and in its folder.
        root: Folder or URL of the images; may begin with an environment variable.
        options: Options of the layout that replace those of the card.
        splits: Splits that may use the source; all of them if left out.
        camera: In a recipe with ``clip``, the virtual camera that makes clips of still images;
            without it, still images are donors only.
    """

    card: str = Field(min_length=1)
    root: str = ""
    options: dict[str, Any] = Field(default_factory=dict)
    splits: tuple[SplitName, ...] | None = Field(default=None, min_length=1)
    camera: CameraRule | None = None


class DonorRule(Frozen):
    """Which face becomes the donor: always another identity of the target's split and source.

    Attributes:
        strategy: ``random`` draws from all allowed faces; ``nearest_landmarks``,
            ``nearest_pose`` (yaw, pitch, and how far mouth and eyes are open) and, for clips,
            ``nearest_motion`` (their mean and spread) draw from the ``pool_size`` nearest.
        match: Attributes that must equal the target's; an unknown value never matches.
        pool_size: Number of nearest faces to draw from.
        embedding: Range of the cosine similarity to the target's face embedding; needs an
            analyzer that provides embeddings.
        fallback: What to do for a target without a donor: ``any`` drops ``match`` and
            ``embedding``, ``refuse`` rejects the recipe.
        frames: For clips, which frames of the donor's video are used: ``in_order`` (if left out),
            or ``nearest_expression``, those most like the target's with few jumps.
    """

    strategy: Literal["random", "nearest_landmarks", "nearest_pose", "nearest_motion"] = (
        "nearest_landmarks"
    )
    match: tuple[Attribute, ...] = ()
    pool_size: int = Field(default=20, ge=1)
    embedding: Range | None = None
    fallback: Literal["refuse", "any"] = "refuse"
    frames: Literal["in_order", "nearest_expression"] | None = None

    @property
    def limits(self) -> tuple[str, ...]:
        """Keys of the rule that leave faces out."""
        limits = {"match": bool(self.match), "embedding": self.embedding is not None}
        return tuple(key for key, leaves_out in limits.items() if leaves_out)

    @field_validator("embedding")
    @classmethod
    def _cosine(cls, bounds: tuple[float, float] | None) -> tuple[float, float] | None:
        if bounds is not None and not (bounds[0] >= -1 and bounds[1] <= 1):
            raise ValueError("must be a range within -1 and 1")
        return bounds


class MethodUse(Frozen):
    """One method and its share of the pairs; further keys are the method's own options.

    Attributes:
        use: Name of the method; see ``datagen list methods``.
        share: Share of the pairs, exact.
        donor: How donors are chosen, for a method that takes one.
        min_change: Minimum mean absolute change under the mask, in 8-bit intensity levels; the
            method's own minimum if left out.
        splits: Splits that contain the method; all of them if left out.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    use: str
    share: Share
    donor: DonorRule | None = None
    min_change: float | None = Field(default=None, ge=0, le=255)
    splits: tuple[SplitName, ...] | None = Field(default=None, min_length=1)

    @property
    def options(self) -> dict[str, Any]:
        """The method's own options."""
        return dict(self.__pydantic_extra__ or {})


class DegradationUse(Frozen):
    """One degradation and its share of each method's pairs; further keys are its own options.

    Attributes:
        use: Name of a kind or profile, or ``reshare``; see ``datagen list degradations``.
        share: Share of each method's pairs, exact.
        severity: Range of severities within 0 and 5, used equally often; 0 leaves the image
            unchanged. If left out, parameters are drawn from the ranges in the options.
        splits: Splits that contain the degradation; all of them if left out.
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
            raise ValueError("must be a range within 0 and 5")
        return severity

    @property
    def options(self) -> dict[str, Any]:
        """The degradation's own options."""
        return dict(self.__pydantic_extra__ or {})


class Ladder(Frozen):
    """The same pairs at every severity of one degradation, as a robustness curve needs them.

    Replaces ``degradations``; ``splits`` then counts base pairs, each of which yields one pair
    per severity.

    Attributes:
        use: Name of a degradation with severities; see ``datagen list degradations``.
        severities: The severities, in increasing order.
    """

    use: str
    severities: tuple[int, ...] = Field(default=(0, 1, 2, 3, 4, 5), min_length=2)

    @field_validator("severities")
    @classmethod
    def _rising(cls, severities: tuple[int, ...]) -> tuple[int, ...]:
        if list(severities) != sorted(set(severities)) or not set(severities) <= set(range(6)):
            raise ValueError("must be increasing whole numbers from 0 to 5")
        return severities


def in_split(use: MethodUse | SourceUse | DegradationUse, split: SplitName) -> bool:
    """Return whether an entry is used in ``split``; an entry without ``splits`` is used in all."""
    return use.splits is None or split in use.splits
