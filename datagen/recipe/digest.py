"""The digest of a recipe: it names what the recipe makes, not how much of it or where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from datagen.core.digests import digest_of
from datagen.degradations.compose import Composition
from datagen.methods import Method
from datagen.recipe.build import weight_cards_of
from datagen.recipe.schema import DonorRule, RecipeSpec, SourceUse
from datagen.release.other_recipe import NOT_IN_DIGEST
from datagen.rights import restricting
from datagen.sources import SOURCES, SourceCard
from datagen.weights import WeightCard
from datagen.weights.store import weight_store

__all__ = ["recipe_digest"]


def recipe_digest(
    spec: RecipeSpec,
    cards: Sequence[SourceCard],
    methods: Sequence[Method],
    degradations: Sequence[Composition],
    finders: Sequence[WeightCard] = (),
) -> str:
    """Return 64 hex digits that name what a recipe makes.

    Options enter with their defaults filled in: writing out a default changes nothing, and
    changing a default in the code changes the digest.

    Args:
        spec: The recipe.
        cards: The card of each source, in the order of the recipe.
        methods: The methods, in the order of the recipe.
        degradations: The degradations, in the order of the recipe; that of a ladder alone.
        finders: Weight cards of the face analyzer; those that restrict its output count.
    """
    body = spec.model_dump(mode="json", by_alias=True)
    for key in (*NOT_IN_DIGEST, "degradations", "ladder"):
        del body[key]
    if spec.clip is None:  # a recipe of images keeps the digest that it had before there were clips
        del body["clip"]
    body["face"] |= _embedder(body["face"].pop("embedder"))
    if restricted := restricting(finders, spec.purpose):
        cards_of = {card.id: card.digest() for card in finders}
        body["face"]["finders"] = {name: cards_of[name] for name in restricted}
    for entry, use, method in zip(body["methods"], spec.methods, methods, strict=True):
        for key in use.options:
            del entry[key]
        entry["options"] = _method_options(method)
        if use.min_change is None:
            entry["min_change"] = method.min_change
        if use.donor is None and method.needs_donor:
            entry["donor"] = DonorRule().model_dump(mode="json")
        if spec.clip is None and entry["donor"]:
            del entry["donor"]["frames"]
        if weights := weight_cards_of(method):
            entry["cards"] = {card.id: card.digest() for card in weights}
    body["sources"] = [
        {
            "card": card.digest(),
            "options": _options(spec, use, card),
            "splits": use.splits,
            **({} if use.camera is None else {"camera": use.camera.model_dump(mode="json")}),
        }
        for use, card in zip(spec.sources, cards, strict=True)
    ]
    return digest_of(body | _degradations(spec, degradations))


def _embedder(name: str | None) -> dict[str, Any]:
    """Return nothing without one: recipes keep the digest of before there were embedders."""
    if name is None:
        return {}
    card = weight_store().card(name)
    return {"embedder": {card.id: card.digest()}}


def _method_options(method: Method) -> dict[str, Any]:
    options: dict[str, Any] = method.config.model_dump(mode="json")
    for name, value in method.added_options.items():
        if options[name] == value:
            del options[name]
    return options


def _options(spec: RecipeSpec, use: SourceUse, card: SourceCard) -> dict[str, Any]:
    layout = SOURCES.load(card.layout)
    options = layout.configure(card, use.options, "")
    unused = layout.clip_options if spec.clip is None else frozenset()
    return options.model_dump(mode="json", exclude=set(unused))


def _degradations(spec: RecipeSpec, degradations: Sequence[Composition]) -> dict[str, Any]:
    if spec.ladder is not None:
        records = [composition.record() for composition in degradations]
        return {"ladder": [*records, list(spec.ladder.severities)]}
    if spec.degradations is None:
        return {}
    return {
        "degradations": [
            {
                "what": composition.record(),
                **use.model_dump(mode="json", include={"share", "severity", "splits"}),
            }
            for use, composition in zip(spec.degradations, degradations, strict=True)
        ]
    }
