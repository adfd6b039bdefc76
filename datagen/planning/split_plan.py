"""The plan of one split: which method, target, donor and degradation each pair gets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datagen.core.rng import rng
from datagen.methods import Method
from datagen.planning.crossing import Crossing
from datagen.planning.donors import DonorPool
from datagen.planning.items import Item
from datagen.planning.mixing import Mixing
from datagen.planning.quota import Quota
from datagen.planning.windows import Windows
from datagen.recipe import MethodUse, RecipeSpec, SplitName
from datagen.recipe.schema import DonorRule, in_split

__all__ = ["SplitPlan"]


class SplitPlan:
    """The plan of one split.

    Args:
        recipe: Keys and values of the recipe.
        split: Name of the split.
        faces: Rows of the split's faces in the face index.
        pool: The same faces as possible donors.
        methods: The methods of the recipe.
        mixing: What the terms of the faces permit, by method; see ``mixing_of``.
        windows: Which faces may be targets of clips, and from where; ``None`` for images, of
            which every face may be a target.
    """

    def __init__(
        self,
        recipe: RecipeSpec,
        split: SplitName,
        faces: NDArray[np.int64],
        pool: DonorPool,
        methods: Sequence[Method],
        mixing: Mapping[int, Mixing],
        windows: Windows | None = None,
    ) -> None:
        self.faces = faces
        self._windows = windows
        self._targets = np.arange(len(faces)) if windows is None else windows.targets
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
        self._mixing = mixing
        self._pools = {n: _pool_of(methods[n], pool, mixing.get(n)) for n in self._rules}
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
        """Return item ``number``, in constant time."""
        base, level = divmod(number, len(self._ladder)) if self._ladder else (number, 0)
        method = self._used[self._quota.choice(base)]
        rank = self._quota.rank(base)
        round_, place = divmod(base, len(self._targets))
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
            start=self._start(target, round_),
        )

    @property
    def targets(self) -> NDArray[np.int64]:
        """Rows of the faces that may be targets in the face index."""
        return self.faces[self._targets]

    def _start(self, target: int, round_: int) -> int:
        if self._windows is None:
            return 0
        return self._windows.start(self._seed, self._split, target, round_)

    def _degradation(self, method: int, rank: int, level: int) -> tuple[int | None, int | None]:
        if self._ladder:
            return 0, self._ladder[level]
        if not self._crossings:
            return None, None
        places, crossings = self._crossings
        chosen, severity = crossings[method].at(rank)
        return places[chosen], severity

    def _make_order(self, round_: int) -> NDArray[np.int64]:
        # Each face is a target once per round, in a new order each time, so that faces and methods
        # do not correlate.
        order = rng(self._seed, self._split, round_, "targets").permutation(len(self._targets))
        return self._targets[order]

    def _has_control(self, method: int, rank: int) -> bool:
        share = self._controls[method]
        start = self._control_start(method)
        return (rank + 1) * share + start >= int(rank * share + start) + 1

    def _control_start(self, method: int) -> Fraction:
        """Return the phase of a method's controls: only it is drawn, their share is exact."""
        steps = self._controls[method].denominator
        draw = rng(self._seed, self._split, self._uses[method].use, "control")
        return Fraction(int(draw.integers(steps)), steps)

    def control_counts(self, pairs: int) -> dict[int, int]:
        """Return the number of controls of each method in the first ``pairs`` base pairs."""
        return {
            method: int(count * self._controls[method] + self._control_start(method))
            for method, count in self.method_counts(pairs).items()
        }

    def method_counts(self, pairs: int) -> dict[int, int]:
        """Return the number of pairs of each method in the first ``pairs`` base pairs."""
        return dict(zip(self._used, self._quota.counts(pairs), strict=True))

    def fewest_donors(self) -> dict[str, int]:
        """Return the smallest number of possible donors of any target, by name of method."""
        return {
            self._uses[method].use: int(self._donor_counts(method, rule).min())
            for method, rule in self._rules.items()
        }

    def uncovered(self) -> Iterator[str]:
        """Yield a problem for each method whose networks cannot be combined with some target."""
        for method, mixing in self._mixing.items():
            kinds = mixing.kinds[self._targets]
            alone = ~mixing.alone[kinds]
            if alone.any():
                license = mixing.licenses[int(kinds[alone.argmax()])]
                yield (
                    f"split {self._split!r}, method {self._uses[method].use!r}: the terms of "
                    f"{int(alone.sum())} of {len(kinds)} targets ({license}) and those of its "
                    f"weights ({', '.join(mixing.networks) or 'none'})"
                )

    def donorless(self) -> Iterator[str]:
        """Yield a problem for each method that has targets without a donor."""
        for method, rule in self._rules.items():
            alone = int((self._donor_counts(method, rule) == 0).sum())
            if alone:
                name = self._uses[method].use
                yield (
                    f"split {self._split!r}, method {name!r}: {self._unmet(method, rule)} for "
                    f"{alone} of {len(self._targets)} targets"
                )

    def _donor_counts(self, method: int, rule: DonorRule) -> NDArray[np.int64]:
        return self._pools[method].donor_counts(rule)[self._targets]

    def _unmet(self, method: int, rule: DonorRule) -> str:
        keys = [f"match: [{', '.join(rule.match)}]"] if rule.match else []
        if rule.embedding:
            keys.append(f"embedding: {list(rule.embedding)}")
        unmet = "there is no face of another identity"
        if keys:
            unmet = f"no donor satisfies the rule {{{', '.join(keys)}}}"
        if method in self._bound:
            unmet += " among the identities that its weights were trained on"
        if method in self._mixing:
            unmet += (
                " whose terms may be combined with the target's "
                f"({self._mixing[method].excluding()} exclude each other)"
            )
        return unmet


def _pool_of(method: Method, pool: DonorPool, mixing: Mixing | None) -> DonorPool:
    donors = method.donor_identities()
    pool = pool if donors is None else pool.limited_to(donors)
    return pool if mixing is None else pool.mixed_by(mixing)


def _crossings(
    recipe: RecipeSpec, split: SplitName, methods: Sequence[int]
) -> tuple[list[int], dict[int, Crossing]] | None:
    """Return the positions of a split's degradations and the crossing of each method with them."""
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
