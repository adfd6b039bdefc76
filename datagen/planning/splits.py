"""Which people belong to which split."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from datagen.core.digests import digest_of
from datagen.errors import RecipeError
from datagen.planning.quota import largest_remainders
from datagen.recipe.schema import SplitName, SplitRule

__all__ = ["Person", "age_band", "deal_people"]

_BANDS = (18, 25, 35, 45, 55, 65)
_OFFICIAL: Mapping[str, SplitName] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}


@dataclass(frozen=True, slots=True)
class Person:
    """One identity of one source with what is stated of it."""

    source: str
    identity: str
    sex: str | None
    ethnicity: str | None
    age: float | None
    official_split: str | None = None

    def attribute(self, name: str) -> str | None:
        """Return ``sex``, ``ethnicity`` or ``age_band``; ``None`` when it is not stated."""
        if name == "age_band":
            return age_band(self.age)
        return self.sex if name == "sex" else self.ethnicity


def age_band(age: float | None) -> str | None:
    """Return the band of an age as text: ``18-24``, ``25-34``, … ``65+``."""
    if age is None or age < _BANDS[0]:
        return None
    low = max(band for band in _BANDS if band <= age)
    above = [band for band in _BANDS if band > low]
    return f"{low}-{above[0] - 1}" if above else f"{low}+"


def deal_people(
    people: Iterable[Person], rule: SplitRule, seed: int
) -> dict[tuple[str, str], SplitName]:
    """Return the split of each ``(source, identity)``; who comes twice counts as first seen.

    Within a source, people are ordered by hash within strata and dealt by largest remainders;
    what a stratum rounds off is carried to the next, so that a source as a whole keeps the
    shares. Counts of pairs play no part: asking for more data moves nobody.

    Raises:
        RecipeError: ``from: source`` and a person has no official split, or two.
    """
    everybody = list(people)
    if rule.origin == "source":
        return _official(everybody)
    once = {(person.source, person.identity): person for person in reversed(everybody)}
    by_source: dict[str, dict[tuple[str, ...], list[Person]]] = {}
    for person in once.values():
        stratum = tuple(person.attribute(name) or "" for name in rule.stratify)
        by_source.setdefault(person.source, defaultdict(list))[stratum].append(person)
    names: list[SplitName] = list(rule.shares)
    dealt: dict[tuple[str, str], SplitName] = {}
    for source in sorted(by_source):
        strata = by_source[source]
        owed = [Fraction(0)] * len(names)
        for stratum in sorted(strata):
            ordered = sorted(
                strata[stratum], key=lambda person: digest_of([seed, source, person.identity])
            )
            counts = largest_remainders(len(ordered), list(rule.shares.values()), owed)
            owed = [
                debt + len(ordered) * share - count
                for debt, share, count in zip(owed, rule.shares.values(), counts, strict=True)
            ]
            dealt |= _hand_out(ordered, names, counts)
    return dealt


def _hand_out(
    ordered: Sequence[Person], names: Sequence[SplitName], counts: Sequence[int]
) -> dict[tuple[str, str], SplitName]:
    places = [name for name, count in zip(names, counts, strict=True) for _ in range(count)]
    return {
        (person.source, person.identity): place
        for person, place in zip(ordered, places, strict=True)
    }


def _official(people: Iterable[Person]) -> dict[tuple[str, str], SplitName]:
    dealt: dict[tuple[str, str], SplitName] = {}
    for person in people:
        stated = (person.official_split or "").lower()
        key = (person.source, person.identity)
        if stated not in _OFFICIAL:
            raise RecipeError(
                f"split.from: source: {person.identity!r} of source {person.source!r} has "
                f"{'no official split' if not stated else f'the split {stated!r}'}; known are "
                f"{', '.join(_OFFICIAL)}. Use from: hash"
            )
        if dealt.get(key, _OFFICIAL[stated]) != _OFFICIAL[stated]:
            raise RecipeError(
                f"split.from: source: {person.identity!r} of source {person.source!r} is in two "
                "official splits; that would leak. Use from: hash"
            )
        dealt[key] = _OFFICIAL[stated]
    return dealt
