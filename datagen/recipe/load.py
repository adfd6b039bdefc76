"""From a YAML file and overrides to a checked recipe with its cards."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from datagen.core.arguments import flag, found, paths
from datagen.core.schema import check_kind, parse
from datagen.core.text import counted
from datagen.core.yaml_io import read_yaml
from datagen.degradations.compose import Composition
from datagen.errors import CardError, RecipeError
from datagen.faces.analyzers import ANALYZERS, Analyzer
from datagen.methods import Method
from datagen.networks.onnx.with_identity import WithIdentity
from datagen.recipe.build import (
    build_degradation,
    build_ladder,
    build_method,
    located,
    weight_cards_of,
)
from datagen.recipe.checks import check_degradations, check_methods, check_names
from datagen.recipe.digest import recipe_digest
from datagen.recipe.overrides import Overrides, apply_overrides
from datagen.recipe.plugins import Plugin, read_plugin
from datagen.recipe.roots import card_path, check_root, source_root, unset_variables
from datagen.recipe.schema import RecipeSpec
from datagen.recipe.shipped import find_recipe
from datagen.recipe.unknown import plugins_named
from datagen.sources import SOURCES, Source, SourceCard, load_card
from datagen.weights import WeightCard
from datagen.weights.store import weight_store

__all__ = ["Recipe", "load_recipe"]


@dataclass(frozen=True, repr=False)
class Recipe:
    """A recipe with the source cards it names.

    Attributes:
        spec: The recipe's keys and values.
        path: The recipe's file; messages name it and relative roots start at its folder.
        cards: The card of each source, in the order of the recipe.
        plugins: The Python files that define methods or degradations for it.
        allow_outside: Whether cards and tables may lie outside of the recipe's folder and the
            sources' roots.
    """

    spec: RecipeSpec
    path: str
    cards: tuple[SourceCard, ...]
    plugins: tuple[Plugin, ...] = ()
    allow_outside: bool = False

    def __repr__(self) -> str:
        """Return name, file and what it asks for."""
        splits = ", ".join(f"{split} {pairs}" for split, pairs in self.spec.splits.items())
        methods = counted(len(self.spec.methods), "method")
        sources = counted(len(self.spec.sources), "source")
        return f"<Recipe {self.spec.name} of {self.path}: {splits}; {methods}, {sources}>"

    def __hash__(self) -> int:
        """Return a hash; equal recipes have the same."""
        return hash((self.path, self.spec.model_dump_json()))

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what was built: a worker knows a plug-in's classes only once it has run it."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @cached_property
    def digest(self) -> str:
        """64 hex digits that name what the recipe makes; counts and budgets play no part."""
        finders = self.analyzer_cards()
        return recipe_digest(self.spec, self.cards, self.methods, self.degradations, finders)

    @cached_property
    def methods(self) -> list[Method]:
        """The methods in the order of the recipe.

        Raises:
            RecipeError: An option is wrong.
        """
        return [
            build_method(use, f"methods[{n}]", self.path) for n, use in enumerate(self.spec.methods)
        ]

    @cached_property
    def degradations(self) -> list[Composition]:
        """The degradations in the order of the recipe; of a ladder, the one it names.

        Raises:
            RecipeError: An unknown name, or a wrong option.
            MissingExtraError: A degradation needs an optional part of this package.
        """
        if self.spec.ladder is not None:
            return [build_ladder(self.spec.ladder, self.path)]
        return [
            build_degradation(use, f"degradations[{n}]", self.path)
            for n, use in enumerate(self.spec.degradations or ())
        ]

    def weight_cards(self) -> tuple[WeightCard, ...]:
        """Return the weight cards of all methods and of the embedder, each once, sorted by id.

        Raises:
            CardError: A card does not exist or is malformed.
        """
        cards = {card.id: card for method in self.methods for card in weight_cards_of(method)}
        if self.spec.face.embedder is not None:
            card = weight_store().card(self.spec.face.embedder)
            cards[card.id] = card
        return tuple(cards[name] for name in sorted(cards))

    def analyzer_cards(self) -> tuple[WeightCard, ...]:
        """Return the weight cards of the face analyzer alone, without the embedder's.

        Raises:
            CardError: A card does not exist or is malformed.
        """
        names = ANALYZERS.load(self.spec.face.analyzer)().weights
        return tuple(weight_store().card(name) for name in names)

    def analyzer(self) -> Analyzer:
        """Return the face analyzer; it has loaded no model yet."""
        analyzer = ANALYZERS.load(self.spec.face.analyzer)()
        if self.spec.face.embedder is None:
            return analyzer
        return WithIdentity(analyzer, self.spec.face.embedder)

    def unset_variables(self) -> list[str]:
        """Return the environment variables that roots of sources name and that are not set."""
        names = (name for use in self.spec.sources for name in unset_variables(use.root))
        return list(dict.fromkeys(names))

    def sources(self) -> list[Source]:
        """Return the sources, with environment variables in their roots expanded.

        Raises:
            RecipeError: An environment variable is not set, or an option is wrong.
        """
        found = []
        for n, (use, card) in enumerate(zip(self.spec.sources, self.cards, strict=True)):
            root = source_root(use.root, self.path, n)
            with located(self.path):
                layout = SOURCES.load(card.layout)
                source = layout.build(card, root, use.options, f"sources[{n}].options")
                source.allow_outside = self.allow_outside
                found.append(source)
        return found


def load_recipe(
    path: str | os.PathLike[str],
    overrides: Overrides = (),
    plugins: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] = (),
    *,
    allow_outside: bool = False,
) -> Recipe:
    """Read and check a recipe and its cards. Opens no image.

    Args:
        path: The YAML file, or the name of a recipe that ships with the package, e.g.
            ``quickstart``.
        overrides: Values that replace those of the file: a mapping such as
            ``{"splits.train": 200}``, or texts such as ``"splits.train=200"``. An item of a list
            is named by its position: ``methods.0.share``.
        plugins: A Python file, or several, that define methods or degradations which the recipe
            may name.
        allow_outside: Read source cards outside of the recipe's folder, and tables outside of
            the sources' roots, where the recipe names such. Leave it off for a recipe of others.

    Raises:
        RecipeError: The recipe or a plug-in is wrong; the message gives the file, the key, what
            was found and what is allowed.
        CardError: A source card is wrong.
    """
    if not isinstance(path, str | os.PathLike):
        raise RecipeError(
            f"recipe: must be the path of its file ({found(path)}). Write its keys to a file; "
            "overrides= changes single ones",
            key="path",
        )
    allow_outside = flag(allow_outside, "allow_outside")
    loaded = tuple(read_plugin(plugin) for plugin in paths(plugins, "plugins", RecipeError))
    for plugin in loaded:
        plugin.load()
    file = find_recipe(path)
    body = read_yaml(file, RecipeError)
    check_kind(RecipeSpec, body, file, "recipe", RecipeError)
    apply_overrides(body, overrides)
    spec = parse(RecipeSpec, body, str(file), RecipeError)
    for n, use in enumerate(spec.sources):
        check_root(use.root, str(file), n)
    cards = tuple(_card(use.card, file, n, allow_outside) for n, use in enumerate(spec.sources))
    recipe = Recipe(spec, str(file), cards, loaded, allow_outside)
    with plugins_named(spec, file):
        check_names(spec, cards, str(file))
        check_degradations(
            spec, recipe.degradations, recipe.path
        )  # builds them: options are checked
    check_methods(spec, recipe.methods, recipe.path)
    return recipe


def _card(card: str, recipe: Path, number: int, allow_outside: bool) -> SourceCard:
    """Read the card of a source; a card that is not there is a mistake of the recipe's key."""
    path, key = card_path(card, recipe, number, allow_outside), f"sources[{number}].card"
    if _is_missing(path):
        raise CardError(
            f"{recipe}: {key}: {card!r}: no such file. A card is named relative to the recipe's "
            f"folder, {recipe.parent.resolve()}",
            path=recipe,
            key=key,
        )
    try:
        return load_card(path)
    except CardError as error:
        error.key = error.key or key
        raise


def _is_missing(path: Path) -> bool:
    try:
        return not path.exists()
    except OSError:  # a name or a folder that cannot be read: the reader says why
        return False
