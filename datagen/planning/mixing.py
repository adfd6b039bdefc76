"""Which faces and networks may become one row, by the terms that they have together."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datagen.faces.index import FaceIndex
from datagen.methods import Method
from datagen.recipe import Recipe
from datagen.recipe.build import weight_cards_of
from datagen.rights import Terms, combine, restricting, source_terms, weight_terms
from datagen.weights.store import weight_store

__all__ = ["Mixing", "mixing_of"]


@dataclass(frozen=True, slots=True)
class Mixing:
    """What the terms of a split's faces permit for one method.

    Attributes:
        kinds: Kind of the terms of each face of the split; faces of one kind are interchangeable.
        together: Whether a fake of a target (row) and a donor (column) of two kinds covers the
            purpose.
        alone: Whether a fake of a target of each kind without a donor does.
        licenses: A license of each kind, for messages.
        networks: The licenses of the method's networks, for messages.
    """

    kinds: NDArray[np.int64]
    together: NDArray[np.bool_]
    alone: NDArray[np.bool_]
    licenses: tuple[str, ...]
    networks: tuple[str, ...]

    def of_target(self, target: int) -> NDArray[np.bool_]:
        """Return for each face whether it may be the donor of a target, both by position."""
        return np.asarray(self.together[self.kinds[target]][self.kinds], bool)

    def excluding(self) -> str:
        """Return the licenses of the first two faces that exclude each other, for messages."""
        first, second = (int(n) for n in np.argwhere(~self.together)[0])
        named = dict.fromkeys((self.licenses[first], self.licenses[second], *self.networks))
        return " and ".join(named)


def mixing_of(
    recipe: Recipe, index: FaceIndex, rows: Sequence[int], methods: Sequence[int]
) -> dict[int, Mixing]:
    """Return the restriction of each method of a split that has one.

    Each face and network covers the purpose by itself: the gate and the index have seen to that.
    Together they may still be impossible to redistribute, as under two share-alike licenses.

    Args:
        recipe: The recipe.
        index: The face index.
        rows: Rows of the split's faces.
        methods: Positions of the methods that the split uses.
    """
    if not recipe.spec.purpose.redistribute:
        return {}
    kinds, terms = _kinds(recipe, index, rows)
    found = {}
    for number in methods:
        networks = _networks(recipe, recipe.methods[number])
        mixing = _mixing(recipe, kinds, terms, networks)
        if not (mixing.together.all() and mixing.alone.all()):
            found[number] = mixing
    return found


def _kinds(
    recipe: Recipe, index: FaceIndex, rows: Sequence[int]
) -> tuple[NDArray[np.int64], list[Terms]]:
    """Return the kind of each face's terms, and the terms of each kind."""
    cards = {card.id: card for card in recipe.cards}
    sources, licenses = index.column("source"), index.column("license")
    by_license: dict[tuple[str, str | None], int] = {}
    numbers: dict[Hashable, int] = {}
    terms: list[Terms] = []
    for key in dict.fromkeys((sources[row], licenses[row]) for row in rows):
        own = source_terms(cards[key[0]], key[1], None, recipe.spec.purpose)
        by_license[key] = numbers.setdefault(own.kind(), len(terms))
        if by_license[key] == len(terms):
            terms.append(own)
    kinds = np.array([by_license[sources[row], licenses[row]] for row in rows], np.int64)
    return kinds, terms


def _networks(recipe: Recipe, method: Method) -> list[Terms]:
    cards, purpose = weight_cards_of(method), recipe.spec.purpose
    if recipe.spec.face.embedder is not None:
        cards.append(weight_store().card(recipe.spec.face.embedder))
    found = restricting(recipe.analyzer_cards(), purpose)
    return [*(weight_terms(card, purpose) for card in cards), *found.values()]


def _mixing(
    recipe: Recipe, kinds: NDArray[np.int64], terms: Sequence[Terms], networks: Sequence[Terms]
) -> Mixing:
    purpose = recipe.spec.purpose

    def compatible(*parts: Terms) -> bool:
        # What does not cover the purpose by itself is none of the plan's business.
        by_itself = all(purpose.covered_by(part) for part in parts)
        return purpose.covered_by(combine(parts)) or not by_itself

    alone = [compatible(one, *networks) for one in terms]
    together = [[compatible(one, other, *networks) for other in terms] for one in terms]
    return Mixing(
        kinds,
        np.array(together, bool).reshape(len(terms), len(terms)),
        np.array(alone, bool),
        tuple(" AND ".join(one.licenses) for one in terms),
        tuple(dict.fromkeys(name for one in networks for name in one.licenses)),
    )
