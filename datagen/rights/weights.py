"""What may be done with what a network makes: its license, the user's statement, a bought one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from datagen.rights.purpose import Use
from datagen.rights.terms import Terms
from datagen.weights.card import WeightCard
from datagen.weights.insightface.license import pack_license
from datagen.weights.store import local_weights

__all__ = ["WeightRights", "weight_rights", "weight_terms"]


@dataclass(frozen=True, slots=True)
class WeightRights:
    """The terms of weights and what decided them.

    Attributes:
        grounds: What holds instead of the license: the user's ``permits`` or a verified license
            file; empty: the license decides.
        problem: Why nothing is permitted: a license file that does not hold.
    """

    terms: Terms
    grounds: str = ""
    problem: str = ""


def weight_terms(card: WeightCard, use: Use) -> Terms:
    """Return the terms of an image that these weights took part in.

    Args:
        card: Of the weights; ``permits`` goes before its license, and for an insightface pack
            the license file in it.
        use: What it is wanted for; of alternative licenses the one that fits is taken.
    """
    return weight_rights(card, use).terms


def weight_rights(card: WeightCard, use: Use) -> WeightRights:
    """Return the terms with their grounds; reads at most a pack's license file."""
    own = use.license(card.license)
    terms = Terms(
        own.research,
        own.commercial,
        own.redistribute,
        (own.expression,),
        (card.title,) if own.attribution else (),
        own.share_alike,
    )
    if card.form == "insightface" and (folder := local_weights(card)):
        found = pack_license(folder)
        if found.problem:
            problem = f"the license file in {folder} does not hold: {found.problem}"
            nothing = replace(terms, research=False, commercial=False, redistribute=False)
            return WeightRights(nothing, problem=problem)
        if found.commercial and card.permits is None:
            # The file grants a use; whether altered copies may be passed on stands in the contract.
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
