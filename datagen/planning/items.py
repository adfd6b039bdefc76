"""The items of a plan: one for each pair, and the shards that group them."""

from __future__ import annotations

from dataclasses import dataclass

from datagen.recipe import SplitName

__all__ = ["Item", "ShardKey"]


@dataclass(frozen=True, slots=True)
class Item:
    """One pair to make.

    Attributes:
        split: Split of the pair.
        number: Position in the split, from 0.
        base: Number of the base pair, which names the random streams of the pair. All levels of a
            ladder share one base pair; without a ladder it equals ``number``.
        pair_id: Id of the pair.
        base_id: Id of the base pair; without a ladder it equals ``pair_id``.
        method: Position in ``recipe.methods``.
        target: Row of the target in the face index.
        donor: Row of the donor in the face index; ``None`` if the method takes none, or if no
            face satisfies the donor rule.
        control: Whether the pair gets a control.
        degradation: Position in ``recipe.degradations``; ``None`` if the recipe has none.
        severity: Severity from 0 to 5; ``None`` if the degradation has none.
        start: Of a clip, the frame of the target's track at which it begins.
    """

    split: SplitName
    number: int
    base: int
    pair_id: str
    base_id: str
    method: int
    target: int
    donor: int | None
    control: bool
    degradation: int | None = None
    severity: int | None = None
    start: int = 0


@dataclass(frozen=True, slots=True, order=True)
class ShardKey:
    """A range of base pairs of a split: the unit of scheduling and commit.

    Attributes:
        split: Split of the shard.
        number: Number of the shard in its split, from 0.
        start: First base pair.
        stop: End of the base pairs, excluded.
    """

    split: SplitName
    number: int
    start: int
    stop: int

    @property
    def name(self) -> str:
        """Name of the shard, e.g. ``train-000000``."""
        return f"{self.split}-{self.number:06d}"
