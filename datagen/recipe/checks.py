"""Checks of a recipe that need the plug-ins it names: names, options, and what goes together."""

from __future__ import annotations

from collections.abc import Sequence

from datagen.degradations.compose import Composition
from datagen.errors import CardError, RecipeError
from datagen.faces.analyzers import ANALYZERS
from datagen.methods import METHODS, Method
from datagen.networks.onnx.identity import embedder_card
from datagen.recipe.build import located, weight_cards_of
from datagen.recipe.schema import MethodUse, RecipeSpec
from datagen.sources import SOURCES, SourceCard

__all__ = ["check_degradations", "check_methods", "check_names"]


def check_names(spec: RecipeSpec, cards: Sequence[SourceCard], path: str) -> None:
    """Check the names of layouts, methods and the analyzer, and the options of sources.

    Raises:
        RecipeError: A name is unknown or used twice, or an option is wrong.
    """
    seen: set[str] = set()
    for n, (use, card) in enumerate(zip(spec.sources, cards, strict=True)):
        if card.id in seen:
            raise RecipeError(
                f"{path}: sources: card id {card.id!r} is used twice",
                path=path,
                key=f"sources[{n}].card",
            )
        seen.add(card.id)
        with located(use.card, "layout"):
            layout = SOURCES.load(card.layout)
        with located(path):
            layout.configure(card, use.options, f"sources[{n}].options")
    for n, method in enumerate(spec.methods):
        with located(path, f"methods[{n}].use"):
            METHODS.load(method.use)
    with located(path, "face.analyzer"):
        ANALYZERS.load(spec.face.analyzer)
    if spec.face.embedder is not None:
        try:
            embedder_card(spec.face.embedder)
        except CardError as error:
            raise RecipeError(
                f"{path}: face.embedder: {error}", path=path, key="face.embedder"
            ) from None


def check_methods(spec: RecipeSpec, methods: Sequence[Method], path: str) -> None:
    """Check each method's weight cards, donor rule and what it needs from the analyzer.

    Raises:
        RecipeError: An entry asks for what its method or the analyzer does not have.
    """
    analyzer = ANALYZERS.load(spec.face.analyzer)
    for n, (use, method) in enumerate(zip(spec.methods, methods, strict=True)):
        key = f"methods[{n}]"
        try:
            weight_cards_of(method)
        except (CardError, RecipeError) as error:
            raise RecipeError(f"{path}: {key}: {error}", path=path, key=key) from None
        _check_donor(use, method, spec, path, key)
        if method.needs_mesh and not analyzer.gives_mesh and analyzer.name != "given":
            fit = [name for name in ANALYZERS if ANALYZERS.load(name).gives_mesh]
            raise RecipeError(
                f"{path}: {key}: method {use.use!r} needs the 478-point mesh, which analyzer "
                f"{analyzer.name!r} does not provide. Set face.analyzer to {' or '.join(fit)}",
                path=path,
                key=key,
            )


def check_degradations(spec: RecipeSpec, degradations: Sequence[Composition], path: str) -> None:
    """Refuse degradations of clips in a recipe of images.

    Raises:
        RecipeError: One of them changes which frames are shown, or the rate of a stream.
    """
    for n, degradation in enumerate(degradations if spec.clip is None else ()):
        if degradation.clips_only:
            key = "ladder.use" if spec.ladder is not None else f"degradations[{n}].use"
            raise RecipeError(
                f"{path}: {key}: {degradation.name!r} is for clips: add 'clip: {{frames: 32}}', or "
                "use another degradation",
                path=path,
                key=key,
            )


def _check_donor(use: MethodUse, method: Method, spec: RecipeSpec, path: str, key: str) -> None:
    if use.donor is None:
        return
    if not method.needs_donor:
        key = f"{key}.donor"
        raise RecipeError(
            f"{path}: {key}: method {use.use!r} takes no donor: remove the key", path=path, key=key
        )
    analyzer = ANALYZERS.load(spec.face.analyzer)
    if use.donor.embedding and not analyzer.gives_embedding and spec.face.embedder is None:
        key = f"{key}.donor.embedding"
        raise RecipeError(
            f"{path}: {key}: analyzer {analyzer.name!r} provides no embeddings; set "
            "face.embedder to the card of an embedder, e.g. mobileface, or remove the key",
            path=path,
            key=key,
        )
