"""The plan: item ``n`` of a split as a pure function of ``n``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datagen.core.rng import rng
from datagen.errors import RecipeError, one_per_line
from datagen.faces.index import FaceIndex
from datagen.methods import Method
from datagen.planning.crossing import Crossing
from datagen.planning.donors import DonorPool
from datagen.planning.quota import Quota, largest_remainders
from datagen.planning.splits import Person, deal_people
from datagen.recipe import Recipe
from datagen.recipe.schema import DonorRule, MethodUse, RecipeSpec, SplitName, in_split

__all__ = ["Item", "Plan", "ShardKey"]


@dataclass(frozen=True, slots=True)
class Item:
    """One pair to make.

    Attributes:
        number: Its place in the split, from 0.
        base: Number of the base pair, which names the streams of all that is drawn; equal for
            the levels of a ladder, elsewhere ``number``.
        base_id: Id of the base pair; that of the pair where there is no ladder.
        method: Position in ``recipe.methods``.
        target: Row of the face index.
        donor: Row of the face index; ``None`` when the method takes none, or nobody fits.
        control: Whether the pair gets its control.
        degradation: Position in ``recipe.degradations``; ``None`` when the recipe has none. A
            ladder is position 0.
        severity: 0 to 5; ``None`` when the degradation has none.
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


@dataclass(frozen=True, slots=True, order=True)
class ShardKey:
    """Base pairs ``start`` to ``stop`` (excluded) of a split: the unit of scheduling and commit."""

    split: SplitName
    number: int
    start: int
    stop: int

    @property
    def name(self) -> str:
        """``train-000000``."""
        return f"{self.split}-{self.number:06d}"


class Plan:
    """Everything that a recipe and an index decide before anything is made.

    Args:
        loaded: The recipe with its cards.
        index: The usable faces.
        stated: Whether the index is what sources state, before any image is read.

    Raises:
        RecipeError: A split has no faces, or a donor rule leaves a target without a donor.
    """

    def __init__(self, loaded: Recipe, index: FaceIndex, stated: bool = False) -> None:
        recipe = loaded.spec
        self.recipe = recipe
        self.people = _people(index)
        methods = loaded.methods
        asked = [use.use for use in recipe.methods if use.donor and use.donor.embedding]
        if asked and index.embeddings is None and not stated:
            raise RecipeError(
                f"method {asked[0]!r}: donor.embedding needs an embedding of every face, and the "
                "index has faces without one"
            )
        place = deal_people(self.people, recipe.split, recipe.seed)
        self._splits: dict[SplitName, _SplitPlan] = {}
        for split in recipe.splits:
            allowed = {
                card.id
                for use, card in zip(recipe.sources, loaded.cards, strict=True)
                if in_split(use, split)
            }
            faces = [
                row
                for row, person in enumerate(self.people)
                if place[person.source, person.identity] == split and person.source in allowed
            ]
            if not faces:
                raise RecipeError(
                    f"split {split!r} has no faces: the sources have too few people for the "
                    "shares of split.shares"
                )
            members = [self.people[row] for row in faces]
            embeddings = index.embeddings
            pool = DonorPool(
                members,
                index.landmarks[faces],
                f"{recipe.seed}:{split}",
                index.poses[faces],
                None if embeddings is None else embeddings[faces],
            )
            self._splits[split] = _SplitPlan(recipe, split, np.array(faces), pool, methods)
        self._refuse_donorless()

    def item(self, split: SplitName, number: int) -> Item:
        """Return item ``number`` of a split; no item costs more than another."""
        return self._splits[split].item(number)

    @property
    def levels(self) -> int:
        """How many items a base pair gives: the severities of a ladder, else 1."""
        return len(self.recipe.ladder.severities) if self.recipe.ladder else 1

    def size(self, shard: ShardKey) -> int:
        """Return the items of a shard."""
        return self.levels * (shard.stop - shard.start)

    def planned(self, limit: int | None = None) -> dict[SplitName, int]:
        """Return the items of each split; see ``counts``."""
        return {split: self.levels * count for split, count in self.counts(limit).items()}

    def faces(self, split: SplitName) -> NDArray[np.int64]:
        """Return the index rows of a split's faces."""
        return self._splits[split].faces

    def method_counts(self, split: SplitName, pairs: int) -> dict[int, int]:
        """Return how often each method comes in the first ``pairs`` base pairs of a split."""
        return self._splits[split].method_counts(pairs)

    def control_count(self, split: SplitName, pairs: int) -> int:
        """Return how many controls the first ``pairs`` base pairs of a split have."""
        return self._splits[split].control_count(pairs)

    def fewest_donors(self, split: SplitName) -> dict[str, int]:
        """Return for each method that takes donors how many the worst-off target has."""
        return self._splits[split].fewest_donors()

    def counts(self, limit: int | None = None) -> dict[SplitName, int]:
        """Return the base pairs of each split; ``limit`` takes the first ones in proportion."""
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

    def _refuse_donorless(self) -> None:
        problems = [text for plan in self._splits.values() for text in plan.donorless()]
        if problems:
            raise RecipeError(
                one_per_line("donor rules leave targets without a donor:", problems)
                + "\nRelax 'match', set 'fallback: any', or add identities."
            )


class _SplitPlan:
    """One split of a plan."""

    def __init__(
        self,
        recipe: RecipeSpec,
        split: SplitName,
        faces: NDArray[np.int64],
        pool: DonorPool,
        methods: Sequence[Method],
    ) -> None:
        self.faces = faces
        self._seed = recipe.seed
        self._split = split
        self._name = recipe.name
        self._used = [
            n for n, use in enumerate(recipe.methods) if use.share and in_split(use, split)
        ]
        shares = [recipe.methods[n].share for n in self._used]
        total = sum(shares, Fraction(0))
        self._quota = Quota([share / total for share in shares])
        self._rules = {
            n: recipe.methods[n].donor or DonorRule() for n in self._used if methods[n].needs_donor
        }
        self._pools = {n: _pool_of(methods[n], pool) for n in self._rules}
        self._bound = {n for n in self._rules if methods[n].donor_identities() is not None}
        self._uses: Mapping[int, MethodUse] = {n: recipe.methods[n] for n in self._used}
        self._controls = {
            n: recipe.controls if methods[n].has_control else Fraction(0) for n in self._used
        }
        self._crossings = _crossings(recipe, split, self._used)
        self._ladder = recipe.ladder.severities if recipe.ladder else None
        self._order = lru_cache(maxsize=8)(self._make_order)

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "_order"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._order = lru_cache(maxsize=8)(self._make_order)

    def item(self, number: int) -> Item:
        base, level = divmod(number, len(self._ladder)) if self._ladder else (number, 0)
        method = self._used[self._quota.choice(base)]
        rank = self._quota.rank(base)
        round_, place = divmod(base, len(self.faces))
        target = int(self._order(round_)[place])
        donor = None
        if method in self._rules:
            draw = rng(self._seed, self._split, base, "donor")
            donor = self._pools[method].draw(draw, target, self._rules[method])
        base_id = f"{self._name}-{self._split}-{base:08d}"
        degradation, severity = self._degradation(method, rank, level)
        return Item(
            split=self._split,
            number=number,
            base=base,
            pair_id=f"{base_id}-{severity}" if self._ladder else base_id,
            base_id=base_id,
            method=method,
            target=int(self.faces[target]),
            donor=None if donor is None else int(self.faces[donor]),
            control=self._has_control(method, rank),
            degradation=degradation,
            severity=severity,
        )

    def _degradation(self, method: int, rank: int, level: int) -> tuple[int | None, int | None]:
        if self._ladder:
            return 0, self._ladder[level]
        if not self._crossings:
            return None, None
        places, crossings = self._crossings
        chosen, severity = crossings[method].at(rank)
        return places[chosen], severity

    def _make_order(self, round_: int) -> NDArray[np.int64]:
        # Each face once a round, in a new order each time, so that no face goes with one method.
        return rng(self._seed, self._split, round_, "targets").permutation(len(self.faces))

    def _has_control(self, method: int, rank: int) -> bool:
        share = self._controls[method]
        start = self._control_start(method)
        return (rank + 1) * share + start >= int(rank * share + start) + 1

    def _control_start(self, method: int) -> Fraction:
        """Phase at which a method's controls begin: the quota is exact, its phase is drawn."""
        steps = self._controls[method].denominator
        draw = rng(self._seed, self._split, self._uses[method].use, "control")
        return Fraction(int(draw.integers(steps)), steps)

    def control_count(self, pairs: int) -> int:
        total = 0
        for method, count in self.method_counts(pairs).items():
            total += int(count * self._controls[method] + self._control_start(method))
        return total

    def method_counts(self, pairs: int) -> dict[int, int]:
        return dict(zip(self._used, self._quota.counts(pairs), strict=True))

    def fewest_donors(self) -> dict[str, int]:
        return {
            self._uses[method].use: int(self._pools[method].donor_counts(rule).min())
            for method, rule in self._rules.items()
        }

    def donorless(self) -> Iterator[str]:
        for method, rule in self._rules.items():
            alone = int((self._pools[method].donor_counts(rule) == 0).sum())
            if alone:
                asked = f"match: [{', '.join(rule.match)}]" if rule.match else "another person"
                if method in self._bound:
                    asked += ", of those whom its weights know"
                yield (
                    f"split {self._split!r}, method {self._uses[method].use!r} ({asked}): "
                    f"{alone} of {len(self.faces)} faces"
                )


def _pool_of(method: Method, pool: DonorPool) -> DonorPool:
    lenders = method.donor_identities()
    return pool if lenders is None else pool.limited_to(lenders)


def _crossings(
    recipe: RecipeSpec, split: SplitName, methods: Sequence[int]
) -> tuple[list[int], dict[int, Crossing]] | None:
    """Return the positions of a split's degradations, and how each method's pairs meet them."""
    if recipe.degradations is None:
        return None
    places = [n for n, use in enumerate(recipe.degradations) if use.share and in_split(use, split)]
    uses = [recipe.degradations[n] for n in places]
    total = sum((use.share for use in uses), Fraction(0))
    shares = [use.share / total for use in uses]
    severities = [use.severity for use in uses]
    return places, {
        n: Crossing(
            shares, severities, (recipe.seed, split, f"degradation/{recipe.methods[n].use}")
        )
        for n in methods
    }


def _people(index: FaceIndex) -> list[Person]:
    columns = ("source", "identity", "sex", "ethnicity", "age", "official_split")
    return [Person(*row) for row in zip(*(index.column(name) for name in columns), strict=True)]
