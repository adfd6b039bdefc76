"""Which identities to train on: those of one split, so that none crosses it inside a network."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from datagen.core.text import near
from datagen.errors import RecipeError
from datagen.faces.index import FaceIndex
from datagen.planning.splits import assign_splits, identities_of
from datagen.recipe import Recipe, SplitName
from datagen.recipe.schema import in_split

__all__ = ["Choice", "choose_identities"]

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Choice:
    """Which identities are asked for.

    Attributes:
        split: The recipe's split that they must belong to.
        identities: Their names, with or without ``source/``; empty: those with the most images.
        max_identities: Number of identities if they are not named.
        min_images: Usable images that an identity must have.
    """

    split: SplitName
    identities: tuple[str, ...] = ()
    max_identities: int = 2
    min_images: int = 8


def choose_identities(
    loaded: Recipe, index: FaceIndex, choice: Choice
) -> dict[str, tuple[int, ...]]:
    """Return the index rows of each identity, by ``source/identity`` in sorted order.

    Raises:
        RecipeError: An identity is unknown, of another split, or has too few images; fewer than
            two are left.
    """
    identities = identities_of(index)
    split_of = assign_splits(identities, loaded.spec.split, loaded.spec.seed)
    allowed = {
        card.id
        for use, card in zip(loaded.spec.sources, loaded.cards, strict=True)
        if in_split(use, choice.split)
    }
    rows: dict[str, list[int]] = defaultdict(list)
    splits: dict[str, str] = {}
    for row, identity in enumerate(identities):
        name = str(identity)
        split = split_of[identity.key]
        splits[name] = f"split {split!r}" if identity.source in allowed else "no split"
        rows[name].append(row)
    own = {
        name: tuple(rows[name])
        for name in sorted(rows)
        if splits[name] == f"split {choice.split!r}"
    }
    if choice.identities:
        return _named(own, splits, choice)
    return _richest(own, choice)


def _named(
    own: Mapping[str, tuple[int, ...]], splits: Mapping[str, str], choice: Choice
) -> dict[str, tuple[int, ...]]:
    names = sorted({_full_name(one, splits) for one in choice.identities})
    for name in names:
        if name not in own:
            raise RecipeError(
                f"--identities: {name!r} belongs to {splits[name]}, not to {choice.split!r}. "
                "A network is trained on identities of one split: name others, or pass --split"
            )
        if len(own[name]) < choice.min_images:
            raise RecipeError(
                f"--identities: {name!r} has {len(own[name])} usable images, fewer than "
                f"--min-images {choice.min_images}. Add images, name another identity, or lower "
                "--min-images"
            )
    if len(names) < 2:
        raise RecipeError(f"--identities: expected at least two, found {', '.join(names)}")
    return {name: own[name] for name in names}


def _full_name(asked: str, splits: Mapping[str, str]) -> str:
    if asked in splits:
        return asked
    found = [name for name in splits if name.partition("/")[2] == asked]
    if len(found) == 1:
        return found[0]
    if found:
        raise RecipeError(
            f"--identities: {asked!r} is {' and '.join(sorted(found))}: name the source"
        )
    known = [*splits, *(name.partition("/")[2] for name in splits)]
    raise RecipeError(f"--identities: no face of {asked!r} in the index.{near(asked, known)}")


def _richest(own: Mapping[str, tuple[int, ...]], choice: Choice) -> dict[str, tuple[int, ...]]:
    ordered = sorted(own, key=lambda name: (-len(own[name]), name))
    fit = [name for name in ordered if len(own[name]) >= choice.min_images]
    if len(fit) < 2:
        most = ", ".join(f"{name} {len(own[name])}" for name in ordered[:_SHOWN]) or "none"
        raise RecipeError(
            f"split {choice.split!r} has {len(fit)} identities with at least {choice.min_images} "
            f"usable images, but a swap needs two. Those with the most: {most}. Add images, or "
            "lower --min-images"
        )
    return {name: own[name] for name in sorted(fit[: choice.max_identities])}
