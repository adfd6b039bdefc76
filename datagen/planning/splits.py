"""Which identities belong to which split."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from datagen.core.digests import digest_of
from datagen.errors import RecipeError
from datagen.faces.index import FaceIndex
from datagen.faces.indexing.joining import joined_to
from datagen.planning.quota import largest_remainders
from datagen.recipe.schema import SplitName, SplitRule
from datagen.rights import ADULT_AGE

__all__ = ["Identity", "Key", "age_band", "assign_splits", "identities_of"]

Key: TypeAlias = tuple[str, str]
"""Source and name of an identity."""

_BANDS = (ADULT_AGE, 25, 35, 45, 55, 65)
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
class Identity:
    """One identity of one source, with the attributes that the source states.

    Attributes:
        source: Id of the source's card.
        name: Name of the identity, unique within the source.
        sex: Sex as stated, or ``None``.
        ethnicity: Ethnicity as stated, or ``None``.
        age: Age in years, or ``None``.
        official_split: Split in the source's own division, or ``None``.
        joined_to: Another identity that has a photograph in common with it, whose split it
            shares; ``None`` for most.
    """

    source: str
    name: str
    sex: str | None
    ethnicity: str | None
    age: float | None
    official_split: str | None = None
    joined_to: Key | None = None

    @property
    def group(self) -> Key:
        """What is in one split and never swapped with itself."""
        return self.joined_to or self.key

    @property
    def key(self) -> Key:
        """Source and name: what tells identities apart."""
        return self.source, self.name

    def __str__(self) -> str:
        """``source/name``."""
        return f"{self.source}/{self.name}"

    def attribute(self, name: str) -> str | None:
        """Return ``sex``, ``ethnicity`` or ``age_band``; ``None`` if it is not stated."""
        if name == "age_band":
            return age_band(self.age)
        return self.sex if name == "sex" else self.ethnicity


def age_band(age: float | None) -> str | None:
    """Return the age group as text: ``18-24``, ``25-34``, … ``65+``; ``None`` below 18."""
    if age is None or age < _BANDS[0]:
        return None
    low = max(band for band in _BANDS if band <= age)
    above = [band for band in _BANDS if band > low]
    return f"{low}-{above[0] - 1}" if above else f"{low}+"


def identities_of(index: FaceIndex) -> list[Identity]:
    """Return the identity of each row of a face index."""
    columns = ("source", "identity", "sex", "ethnicity", "age", "official_split")
    stated = (index.column(name) for name in columns)
    joined = map(joined_to, index.column("extra"))
    return [Identity(*row) for row in zip(*stated, joined, strict=True)]


def assign_splits(
    identities: Iterable[Identity], rule: SplitRule, seed: int
) -> dict[Key, SplitName]:
    """Return the split of each identity.

    Within a source, the identities of each stratum are sorted by a hash and divided by largest
    remainders; what one stratum rounds off is carried over to the next, so that the source as a
    whole keeps the shares. The number of pairs plays no part: asking for more data does not move
    an identity to another split.

    Identities that are joined to another one are not dealt: they follow it, also across sources.

    Args:
        identities: The identities; of one that occurs twice, the first occurrence counts.
        rule: Shares, strata, and whether the official splits are taken instead.
        seed: Seed of the hash.

    Raises:
        RecipeError: With ``from: source``, an identity has no official split, or two of them.
    """
    given = list(identities)
    leaders = _leaders(given)
    if rule.origin == "source":
        official = _official(given)
        return {key: official[leaders[key]] for key in official}
    assigned = _dealt([one for one in given if leaders[one.key] == one.key], rule, seed)
    return {key: assigned[leader] for key, leader in leaders.items()}


def _leaders(identities: Sequence[Identity]) -> dict[Key, Key]:
    """Return the identity that each one follows: mostly itself."""
    keys = dict.fromkeys(identity.key for identity in identities)
    first: dict[Key, Key] = {}
    for identity in identities:
        present = identity.group if identity.group in keys else identity.key
        first.setdefault(identity.group, present)
    return {identity.key: first[identity.group] for identity in identities}


def _dealt(given: Sequence[Identity], rule: SplitRule, seed: int) -> dict[Key, SplitName]:
    once = {identity.key: identity for identity in reversed(given)}
    by_source: dict[str, dict[tuple[str, ...], list[Identity]]] = {}
    for identity in once.values():
        stratum = tuple(identity.attribute(name) or "" for name in rule.stratify)
        by_source.setdefault(identity.source, defaultdict(list))[stratum].append(identity)
    names: list[SplitName] = list(rule.shares)
    assigned: dict[Key, SplitName] = {}
    for source in sorted(by_source):
        strata = by_source[source]
        owed = [Fraction(0)] * len(names)
        for stratum in sorted(strata):
            ordered = sorted(
                strata[stratum], key=lambda identity: digest_of([seed, source, identity.name])
            )
            counts = largest_remainders(len(ordered), list(rule.shares.values()), owed)
            owed = [
                debt + len(ordered) * share - count
                for debt, share, count in zip(owed, rule.shares.values(), counts, strict=True)
            ]
            assigned |= _divide(ordered, names, counts)
    return assigned


def _divide(
    ordered: Sequence[Identity], names: Sequence[SplitName], counts: Sequence[int]
) -> dict[Key, SplitName]:
    splits = [name for name, count in zip(names, counts, strict=True) for _ in range(count)]
    return {identity.key: split for identity, split in zip(ordered, splits, strict=True)}


def _official(identities: Iterable[Identity]) -> dict[Key, SplitName]:
    assigned: dict[Key, SplitName] = {}
    for identity in identities:
        stated = (identity.official_split or "").lower()
        where = f"split.from: source: identity {identity.name!r} of source {identity.source!r}"
        if stated not in _OFFICIAL:
            found = f"the unknown split {stated!r}" if stated else "no official split"
            raise RecipeError(
                f"{where} has {found}. Known splits: {', '.join(_OFFICIAL)}. Use from: hash",
                key="split.from",
            )
        if assigned.get(identity.key, _OFFICIAL[stated]) != _OFFICIAL[stated]:
            raise RecipeError(
                f"{where} is in two official splits, which would leak it. Use from: hash",
                key="split.from",
            )
        assigned[identity.key] = _OFFICIAL[stated]
    return assigned
