"""Terms of a network's output: from its license, the user's statement, or a bought license."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from datagen.rights.purpose import Purpose
from datagen.rights.terms import Terms
from datagen.weights.card import WeightCard
from datagen.weights.insightface.license import pack_license
from datagen.weights.store import weight_store

__all__ = ["WeightRights", "restricting", "weight_rights", "weight_terms"]


@dataclass(frozen=True, slots=True)
class WeightRights:
    """The terms of weights and where they come from.

    Attributes:
        terms: What may be done with the network's output.
        grounds: What replaces the license: the user's ``permits`` or a verified license file;
            empty if the license decides.
        problem: Why nothing is permitted: an invalid license file; empty otherwise.
    """

    terms: Terms
    grounds: str = ""
    problem: str = ""


def weight_terms(card: WeightCard, purpose: Purpose) -> Terms:
    """Return the terms of an image that a network with these weights contributed to.

    Args:
        card: The weight card; ``permits`` takes precedence over the license, and so does the
            license file in an insightface pack.
        purpose: The purpose; of alternative licenses, the one that fits it best is taken.
    """
    return weight_rights(card, purpose).terms


def restricting(cards: Iterable[WeightCard], purpose: Purpose) -> dict[str, Terms]:
    """Return the terms, by id, of those networks that restrict what their output may be used for.

    A network that only measures images, as one that finds faces, adds no pixel. A license that
    permits every use asks nothing of what was measured; one for research alone restricts that too.

    Args:
        cards: The weight cards.
        purpose: See ``weight_terms``.
    """
    terms = {card.id: weight_terms(card, purpose) for card in cards}
    return {
        name: found
        for name, found in terms.items()
        if found.share_alike or not (found.research and found.commercial and found.redistribute)
    }


def weight_rights(card: WeightCard, purpose: Purpose) -> WeightRights:
    """Return the terms and their grounds; reads no file but a pack's license file."""
    own = purpose.license(card.license)
    terms = Terms(
        own.research,
        own.commercial,
        own.redistribute,
        (own.expression,),
        (card.title,) if own.attribution else (),
        own.share_alike,
    )
    if card.form == "insightface" and (folder := weight_store().find(card)):
        found = pack_license(folder)
        if found.problem:
            problem = f"the license file in {folder} is invalid: {found.problem}"
            nothing = replace(terms, research=False, commercial=False, redistribute=False)
            return WeightRights(nothing, problem=problem)
        if found.commercial and card.permits is None:
            # The file grants the use; whether altered copies may be redistributed is up to the
            # contract.
            terms = replace(terms, research=True, commercial=True, redistribute=None)
            return WeightRights(terms, found.words)
    if card.permits is None:
        return WeightRights(terms)
    said = card.permits
    terms = replace(
        terms,
        research=said.research,
        commercial=said.commercial,
        redistribute=said.redistribute,
    )
    return WeightRights(terms, f"stated by the user of the weights: {said.grounds.strip()}")
