"""From a YAML file and ``--set`` to a checked recipe with its cards."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from datagen.core.digests import digest_of
from datagen.core.registry import Registry, near
from datagen.core.schema import parse
from datagen.core.yaml_io import parse_yaml, read_yaml
from datagen.degradations.compose import Composition, compose, has_severities, known_degradations
from datagen.errors import CardError, RecipeError
from datagen.faces.analyzers import ANALYZERS, Analyzer
from datagen.methods import METHODS, Method
from datagen.recipe.schema import DegradationUse, MethodUse, RecipeSpec
from datagen.sources import SOURCES, Source, SourceCard, load_card
from datagen.weights import WeightCard, load_weight_card

__all__ = ["Recipe", "load_recipe"]

T = TypeVar("T")

# Counts, places and budgets: they change how much is made and where, never what.
_NOT_IN_DIGEST = ("splits", "shard_pairs", "rejects")


@dataclass(frozen=True)
class Recipe:
    """A recipe with the cards it names.

    Attributes:
        path: The recipe's file, for messages.
        cards: One for each of ``spec.sources``.
    """

    spec: RecipeSpec
    path: str
    cards: tuple[SourceCard, ...]

    @cached_property
    def digest(self) -> str:
        """64 hex digits that name what the recipe makes, less counts, places and budgets."""
        body = self.spec.model_dump(mode="json", by_alias=True)
        for key in _NOT_IN_DIGEST:
            del body[key]
        # Options as they work out, so that writing out a default changes nothing and changing a
        # default in the code does.
        for entry, use, method in zip(
            body["methods"], self.spec.methods, self.methods, strict=True
        ):
            for key in use.options:
                del entry[key]
            entry["options"] = method.config.model_dump(mode="json")
            if cards := _cards_of(method):
                entry["cards"] = {card.id: card.digest() for card in cards}
        del body["degradations"], body["ladder"]
        if self.spec.ladder is not None:
            severities = list(self.spec.ladder.severities)
            body["ladder"] = [composition.record() for composition in self.degradations]
            body["ladder"].append(severities)
        elif self.spec.degradations is not None:
            body["degradations"] = [
                {
                    "what": composition.record(),
                    **use.model_dump(mode="json", include={"share", "severity", "splits"}),
                }
                for use, composition in zip(self.spec.degradations, self.degradations, strict=True)
            ]
        body["sources"] = [
            {
                "card": card.digest(),
                "options": SOURCES.load(card.layout)
                .configure(card, use.options, "")
                .model_dump(mode="json"),
                "splits": use.splits,
            }
            for use, card in zip(self.spec.sources, self.cards, strict=True)
        ]
        return digest_of(body)

    @cached_property
    def methods(self) -> list[Method]:
        """Build the methods in the order of the recipe.

        Raises:
            RecipeError: An option is wrong, with its path.
        """
        return [
            _build_method(use, f"methods[{n}]", self.path)
            for n, use in enumerate(self.spec.methods)
        ]

    def weight_cards(self) -> tuple[WeightCard, ...]:
        """Return the cards of the networks of all methods, each once.

        Raises:
            CardError: A method names a card that is not there, or a wrong one.
        """
        cards = {card.id: card for method in self.methods for card in _cards_of(method)}
        return tuple(cards[name] for name in sorted(cards))

    @cached_property
    def degradations(self) -> list[Composition]:
        """Build the degradations in the order of the recipe; that of a ladder; or none.

        Raises:
            RecipeError: An unknown name, or a wrong option, with its path.
            MissingExtraError: One needs an optional part of this package.
        """
        ladder = self.spec.ladder
        if ladder is not None:
            return [_ladder(ladder.use, f"{self.path}: ladder")]
        return [
            compose(use.use, use.options, _by_severity(use), f"{self.path}: degradations[{n}]")
            for n, use in enumerate(self.spec.degradations or ())
        ]

    def analyzer(self) -> Analyzer:
        """Make the analyzer, unopened."""
        return ANALYZERS.load(self.spec.face.analyzer)()

    def sources(self) -> list[Source]:
        """Make the sources, with environment variables in their roots expanded.

        Raises:
            RecipeError: A variable is not set, or an option is wrong.
        """
        base = Path(self.path).resolve().parent
        return [
            SOURCES.load(card.layout).build(
                card,
                _expand_root(use.root, base, self.path, n),
                use.options,
                f"sources[{n}].options",
            )
            for n, (use, card) in enumerate(zip(self.spec.sources, self.cards, strict=True))
        ]


def load_recipe(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read and check a recipe and its cards; touches no image.

    Args:
        path: The YAML file.
        overrides: ``key.path=value`` each, the value as YAML; lists by number: ``methods.0.share``.

    Raises:
        RecipeError, CardError: With the file, the key, what was found and what is allowed.
    """
    body = read_yaml(path, RecipeError)
    for text in overrides:
        _override(body, text)
    recipe = parse(RecipeSpec, body, str(path), RecipeError)
    cards = tuple(load_card(path.parent / use.card) for use in recipe.sources)
    _distinct((card.id for card in cards), f"{path}: sources: card id")
    loaded = Recipe(recipe, str(path), cards)
    _check_names(loaded)
    return loaded


def _check_names(loaded: Recipe) -> None:
    for n, (source, card) in enumerate(zip(loaded.spec.sources, loaded.cards, strict=True)):
        layout = _known(SOURCES, card.layout, f"{source.card}: layout")
        layout.configure(card, source.options, f"sources[{n}].options")
    for n, use in enumerate(loaded.spec.methods):
        _known(METHODS, use.use, f"{loaded.path}: methods[{n}].use")
    _ = loaded.degradations  # an unknown name or option is an error
    analyzer = _known(ANALYZERS, loaded.spec.face.analyzer, f"{loaded.path}: face.analyzer")
    for n, method in enumerate(loaded.methods):
        use = loaded.spec.methods[n]
        where = f"{loaded.path}: methods[{n}]"
        _check_cards(method, where)
        if use.donor is not None and not method.needs_donor:
            raise RecipeError(f"{where}.donor: method {use.use!r} takes no donor: remove it")
        if use.donor is not None and use.donor.embedding and not analyzer.gives_embedding:
            raise RecipeError(
                f"{where}.donor.embedding: analyzer {analyzer.name!r} gives no embeddings; use "
                "'insightface' or remove it"
            )
        if method.needs_mesh and not analyzer.gives_mesh and analyzer.name != "given":
            fit = [name for name in ANALYZERS if ANALYZERS.load(name).gives_mesh]
            raise RecipeError(
                f"{where}: method {use.use!r} needs the 478-point mesh, which analyzer "
                f"{analyzer.name!r} does not give. Set face.analyzer to {' or '.join(fit)}"
            )


def _cards_of(method: Method) -> list[WeightCard]:
    enhancer = method.enhancer_id()
    names = [*method.weight_ids(), *([enhancer] if enhancer is not None else [])]
    return [load_weight_card(name) for name in dict.fromkeys(names)]


def _check_cards(method: Method, where: str) -> None:
    try:
        _cards_of(method)
    except (CardError, RecipeError) as error:
        raise RecipeError(f"{where}: {error}") from None


def _ladder(use: str, where: str) -> Composition:
    if use in known_degradations() and not has_severities(use):
        fit = ", ".join(name for name in known_degradations() if has_severities(name))
        raise RecipeError(f"{where}.use: {use!r} has no severities. These have: {fit}")
    return compose(use, {}, True, where)


def _by_severity(use: DegradationUse) -> bool:
    return use.severity is not None


def _known(registry: Registry[T], name: str, where: str) -> type[T]:
    try:
        return registry.load(name)
    except RecipeError as error:
        raise RecipeError(f"{where}: {error}") from error


def _build_method(use: MethodUse, where: str, path: str) -> Method:
    loaded = METHODS.load(use.use)
    own = list(loaded.options.model_fields)
    for key in use.options:
        if key not in own:
            known = [*own, *MethodUse.model_fields]
            hint = near(key, known) or f" Allowed: {', '.join(known)}"
            raise RecipeError(f"{path}:\n  - {where}.{key}: unknown key.{hint}")
    return loaded.build(use.options, where)


def _distinct(names: Iterable[str], what: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise RecipeError(f"{what} {name!r} is used twice")
        seen.add(name)


def _expand_root(root: str, base: Path, where: str, number: int) -> str:
    def variable(match: re.Match[str]) -> str:
        name = match.group(1) or match.group(2)
        if not os.environ.get(name):
            raise RecipeError(
                f"{where}: sources[{number}].root: environment variable {name} is not set. Set it "
                f"to the folder of the source, or say --set sources.{number}.root=/its/folder"
            )
        return os.environ[name]

    root = re.sub(r"\$\{(\w+)\}|\$(\w+)", variable, root)
    if not root or "://" in root:
        return root
    return str(base / Path(root).expanduser())


def _override(body: dict[str, Any], text: str) -> None:
    key, equals, value = text.partition("=")
    parts = [part for part in re.split(r"[.\[\]]+", key) if part]
    if not equals or not parts:
        raise RecipeError(f"--set {text!r}: want key.path=value, e.g. --set splits.train=100")
    node: Any = body
    for part in parts[:-1]:
        node = _step(node, part, text)
    last = parts[-1]
    parsed = parse_yaml(value, f"--set {text!r}", RecipeError)
    if isinstance(node, list):
        node[_position(node, last, text)] = parsed
    elif isinstance(node, Mapping):
        body_part: Any = node
        body_part[last] = parsed
    else:
        raise RecipeError(f"--set {text!r}: {'.'.join(parts[:-1])} is a value and has no keys")


def _step(node: Any, part: str, text: str) -> Any:
    if isinstance(node, list):
        return node[_position(node, part, text)]
    if isinstance(node, dict):
        if node.get(part) is None:
            node[part] = {}
        return node[part]
    raise RecipeError(f"--set {text!r}: {part!r} would lie below a value that has no keys")


def _position(node: list[Any], part: str, text: str) -> int:
    if not part.isdecimal() or int(part) >= len(node):
        wanted = f"the list has places 0 to {len(node) - 1}" if node else "the list is empty"
        raise RecipeError(f"--set {text!r}: {wanted}, found {part!r}")
    return int(part)
