"""The plan: item ``n`` of a split as a pure function of ``n``."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from datagen.core.text import counted
from datagen.errors import RecipeError, RightsError, one_per_line
from datagen.faces.index import FaceIndex
from datagen.planning.donors import DonorPool, more_donors
from datagen.planning.items import Item, ShardKey
from datagen.planning.mixing import mixing_of
from datagen.planning.quota import largest_remainders
from datagen.planning.split_plan import SplitPlan
from datagen.planning.splits import Identity, assign_splits, identities_of
from datagen.planning.windows import Windows, windows_of
from datagen.recipe import Recipe, SplitName
from datagen.recipe.schema import in_split

__all__ = ["Plan"]


class Plan:
    """Everything that a recipe and a face index determine before any image is made.

    Args:
        recipe: The recipe.
        index: The usable faces.
        stated: Whether the index holds only what the sources state, before any image was read.

    Attributes:
        recipe: Keys and values of the recipe.
        identities: Identity of each row of the index.
        split_of: The split of each identity, also of those of which no pairs are made.

    Raises:
        RecipeError: A split has no faces, or a donor rule leaves a target without a donor.
        RightsError: The terms of a target and of a method's weights exclude each other.
    """

    def __init__(self, recipe: Recipe, index: FaceIndex, stated: bool = False) -> None:
        spec = recipe.spec
        self.recipe = spec
        self.identities = identities_of(index)
        self._pixels = index.pixels
        if not stated:
            _check_embeddings(recipe, index)
        self.split_of = split_of = assign_splits(self.identities, spec.split, spec.seed)
        self._splits: dict[SplitName, SplitPlan] = {}
        for split in spec.splits:
            allowed = {
                card.id
                for use, card in zip(spec.sources, recipe.cards, strict=True)
                if in_split(use, split)
            }
            faces = [
                row
                for row, identity in enumerate(self.identities)
                if split_of[identity.key] == split and identity.source in allowed
            ]
            if not faces:
                raise _no_faces(recipe, split, self.identities, allowed)
            embeddings = index.embeddings
            pool = DonorPool(
                [self.identities[row] for row in faces],
                index.landmarks[faces],
                f"{spec.seed}:{split}",
                index.poses[faces],
                None if embeddings is None else embeddings[faces],
                None if index.motions is None else index.motions[faces],
            )
            uses = [n for n, use in enumerate(spec.methods) if use.share and in_split(use, split)]
            mixing = mixing_of(recipe, index, faces, uses)
            windows = _windows(recipe, index, faces, split, stated)
            self._splits[split] = SplitPlan(
                spec, split, np.array(faces), pool, recipe.methods, mixing, windows
            )
        self._refuse_uncovered(recipe.path)
        self._refuse_donorless(recipe.path)

    def item(self, split: SplitName, number: int) -> Item:
        """Return item ``number`` of a split, in constant time."""
        return self._splits[split].item(number)

    @property
    def levels(self) -> int:
        """Number of items per base pair: the number of severities of a ladder, otherwise 1."""
        return len(self.recipe.ladder.severities) if self.recipe.ladder else 1

    def size(self, shard: ShardKey) -> int:
        """Return the number of items of a shard."""
        return self.levels * (shard.stop - shard.start)

    def planned(self, limit: int | None = None) -> dict[SplitName, int]:
        """Return the number of items of each split; see ``counts``."""
        return {split: self.levels * count for split, count in self.counts(limit).items()}

    def faces(self, split: SplitName) -> NDArray[np.int64]:
        """Return the index rows of a split's faces."""
        return self._splits[split].faces

    def pixels(self, split: SplitName) -> NDArray[np.int64]:
        """Return the number of pixels of the source image of each of a split's faces."""
        return self._pixels[self.faces(split)]

    def targets(self, split: SplitName) -> NDArray[np.int64]:
        """Return the index rows of those faces of a split that may be targets."""
        return self._splits[split].targets

    def method_counts(self, split: SplitName, pairs: int) -> dict[int, int]:
        """Return the number of pairs of each method in a split's first ``pairs`` base pairs."""
        return self._splits[split].method_counts(pairs)

    def control_count(self, split: SplitName, pairs: int) -> int:
        """Return the number of controls in the first ``pairs`` base pairs of a split."""
        return sum(self.control_counts(split, pairs).values())

    def control_counts(self, split: SplitName, pairs: int) -> dict[int, int]:
        """Return the number of controls of each method in the first ``pairs`` base pairs."""
        return self._splits[split].control_counts(pairs)

    def fewest_donors(self, split: SplitName) -> dict[str, int]:
        """Return the smallest number of possible donors of any target, by name of method."""
        return self._splits[split].fewest_donors()

    def counts(self, limit: int | None = None) -> dict[SplitName, int]:
        """Return the number of base pairs of each split, scaled down to ``limit`` in total."""
        asked = self.recipe.splits
        total = sum(asked.values())
        if limit is None or limit >= total:
            return dict(asked)
        shares = [Fraction(count, total) for count in asked.values()]
        return dict(zip(asked, largest_remainders(limit, shares), strict=True))

    def shards(self, limit: int | None = None) -> Iterator[ShardKey]:
        """Yield the shards in order, without making their items."""
        size = self.recipe.shard_pairs
        for split, count in self.counts(limit).items():
            for number, start in enumerate(range(0, count, size)):
                yield ShardKey(split, number, start, min(start + size, count))

    def items(self, shard: ShardKey) -> Iterator[Item]:
        """Yield the items of a shard."""
        for number in range(self.levels * shard.start, self.levels * shard.stop):
            yield self.item(shard.split, number)

    def _refuse_uncovered(self, path: str) -> None:
        problems = [text for plan in self._splits.values() for text in plan.uncovered()]
        if problems:
            raise RightsError(
                one_per_line(
                    f"the purpose ({self.recipe.purpose}) is not covered together by:", problems
                )
                + "\nUse other weights, remove the faces of these licenses, or set "
                "purpose.redistribute: false.",
                path=path,
            )

    def _refuse_donorless(self, path: str) -> None:
        problems = [text for plan in self._splits.values() for text in plan.donorless()]
        if problems:
            rules = [use.donor for use in self.recipe.methods]
            raise RecipeError(
                one_per_line("some targets have no donor:", problems)
                + f"\n{more_donors(rules, True)}.",
                path=path,
            )


def _windows(
    recipe: Recipe, index: FaceIndex, faces: Sequence[int], split: SplitName, stated: bool
) -> Windows | None:
    """Return the windows of a recipe that makes clips.

    Raises:
        RecipeError: None of the split's faces moves.
    """
    spec = recipe.spec
    if spec.clip is None:
        return None
    moved = {card.id for use, card in zip(spec.sources, recipe.cards, strict=True) if use.camera}
    windows = windows_of(index, faces, spec.clip.span, moved, stated)
    if not len(windows.targets):
        raise RecipeError(
            f"{recipe.path}: split {split!r} has {counted(len(faces), 'face')}, and none in a "
            f"video of {spec.clip.span} frames or more. Name a source of videos, or move a camera "
            "over still images: 'camera: {}' with their source",
            path=recipe.path,
            key="sources",
        )
    return windows


def _no_faces(
    recipe: Recipe, split: SplitName, identities: Sequence[Identity], allowed: Collection[str]
) -> RecipeError:
    """Return the error of a split without faces, with what was found and what is needed."""
    found = len({identity.key for identity in identities if identity.source in allowed})
    people = counted(found, "identity", "identities")
    rule = recipe.spec.split
    if rule.origin == "source":
        key = "split.from"
        why = (
            f"none of the {people} of its sources is in their official split {split!r}. Set "
            f"split.from: hash, or remove splits.{split}"
        )
    else:
        key = "split.shares"
        why = (
            f"its share, {float(rule.shares[split]):g}, of {people} came to none, and a split "
            f"needs at least 1 (2 for a method with a donor). Add identities, raise {key}.{split}, "
            f"or remove splits.{split}"
        )
    return RecipeError(
        f"{recipe.path}: split {split!r} has no faces: {why}", path=recipe.path, key=key
    )


def _check_embeddings(recipe: Recipe, index: FaceIndex) -> None:
    for n, use in enumerate(recipe.spec.methods):
        if use.donor and use.donor.embedding and index.embeddings is None:
            raise RecipeError(
                f"method {use.use!r}: donor.embedding needs an embedding of every face, but some "
                "faces in the index have none",
                path=recipe.path,
                key=f"methods[{n}].donor.embedding",
            )
