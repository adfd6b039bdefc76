"""Whom to train on: people of one split, so that no identity crosses it inside a network."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from datagen.core.text import near
from datagen.errors import RecipeError
from datagen.faces.index import FaceIndex
from datagen.planning.splits import Person, deal_people
from datagen.recipe import Recipe, SplitName
from datagen.recipe.schema import in_split

__all__ = ["Choice", "choose_people"]

_COLUMNS = ("source", "identity", "sex", "ethnicity", "age", "official_split")
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Choice:
    """Which people are asked for.

    Attributes:
        split: The recipe's split that they must be of.
        people: Identities, with or without ``source/``; empty: the ``most`` with most images.
        most: How many, where they are not named.
        least: Fewest images of a person.
    """

    split: SplitName
    people: tuple[str, ...] = ()
    most: int = 2
    least: int = 8


def choose_people(loaded: Recipe, index: FaceIndex, choice: Choice) -> dict[str, tuple[int, ...]]:
    """Return the index rows of each person, by ``source/identity`` in sorted order.

    Raises:
        RecipeError: A person is unknown, of another split, or has too few images; fewer than two
            people are left.
    """
    everybody = [
        Person(*row) for row in zip(*(index.column(name) for name in _COLUMNS), strict=True)
    ]
    place = deal_people(everybody, loaded.spec.split, loaded.spec.seed)
    allowed = {
        card.id
        for use, card in zip(loaded.spec.sources, loaded.cards, strict=True)
        if in_split(use, choice.split)
    }
    rows: dict[str, list[int]] = defaultdict(list)
    splits: dict[str, str] = {}
    for row, person in enumerate(everybody):
        name = f"{person.source}/{person.identity}"
        split = place[person.source, person.identity]
        splits[name] = split if person.source in allowed else "no"
        rows[name].append(row)
    own = {name: tuple(rows[name]) for name in sorted(rows) if splits[name] == choice.split}
    if choice.people:
        return _named(own, splits, choice)
    return _richest(own, choice)


def _named(
    own: Mapping[str, tuple[int, ...]], splits: Mapping[str, str], choice: Choice
) -> dict[str, tuple[int, ...]]:
    names = sorted({_full_name(one, splits) for one in choice.people})
    for name in names:
        if name not in own:
            raise RecipeError(
                f"--people: {name!r} is of {splits[name]} split, not of {choice.split!r}. A "
                "network holds people of one split alone; name others, or say --split"
            )
        if len(own[name]) < choice.least:
            raise RecipeError(
                f"--people: {name!r} has {len(own[name])} usable images, fewer than --least "
                f"{choice.least}. Add images, name somebody else, or lower --least"
            )
    if len(names) < 2:
        raise RecipeError(f"--people: want at least two people, found {', '.join(names)}")
    return {name: own[name] for name in names}


def _full_name(asked: str, splits: Mapping[str, str]) -> str:
    if asked in splits:
        return asked
    found = [name for name in splits if name.partition("/")[2] == asked]
    if len(found) == 1:
        return found[0]
    if found:
        raise RecipeError(f"--people: {asked!r} is {' and '.join(sorted(found))}: name the source")
    known = [*splits, *(name.partition("/")[2] for name in splits)]
    raise RecipeError(f"--people: no face of {asked!r} in the index.{near(asked, known)}")


def _richest(own: Mapping[str, tuple[int, ...]], choice: Choice) -> dict[str, tuple[int, ...]]:
    ordered = sorted(own, key=lambda name: (-len(own[name]), name))
    fit = [name for name in ordered if len(own[name]) >= choice.least]
    if len(fit) < 2:
        told = ", ".join(f"{name} {len(own[name])}" for name in ordered[:_SHOWN]) or "nobody"
        raise RecipeError(
            f"split {choice.split!r} has {len(fit)} people of at least {choice.least} usable "
            f"images, and a swap wants two. Most have: {told}. Add images, or lower --least"
        )
    return {name: own[name] for name in sorted(_first(fit, choice.most))}


def _first(names: Sequence[str], most: int) -> Sequence[str]:
    return names[:most]
