"""From one entry of a recipe to what it names: a method or a degradation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from datagen.core.text import near
from datagen.degradations.compose import Composition, compose, has_severities, known_degradations
from datagen.errors import RecipeError
from datagen.methods import METHODS, Method
from datagen.recipe.schema import DegradationUse, Ladder, MethodUse
from datagen.weights import WeightCard
from datagen.weights.store import weight_store

__all__ = [
    "build_degradation",
    "build_ladder",
    "build_method",
    "located",
    "weight_cards_of",
]


@contextmanager
def located(path: str, key: str = "") -> Iterator[None]:
    """Put the file, and a key that the message lacks, before a ``RecipeError`` from inside."""
    try:
        yield
    except RecipeError as error:
        where = f"{path}: {key}" if key else path
        raise RecipeError(f"{where}: {error}", path=path, key=key or error.key) from error


def build_method(use: MethodUse, key: str, path: str) -> Method:
    """Return the method of an entry with its options.

    Args:
        use: The entry.
        key: The entry's key, e.g. ``methods[0]``, for messages.
        path: The recipe's file, for messages.

    Raises:
        RecipeError: No such method, or an option is wrong.
    """
    found = METHODS.load(use.use)
    own = list(found.options.model_fields)
    for name in use.options:
        if name not in own:
            known = [*own, *MethodUse.model_fields]
            hint = near(name, known) or f" Allowed: {', '.join(known)}"
            wrong = f"{key}.{name}"
            raise RecipeError(f"{path}:\n  - {wrong}: unknown key.{hint}", path=path, key=wrong)
    with located(path):
        return found.build(use.options, key)


def weight_cards_of(method: Method) -> list[WeightCard]:
    """Return the weight cards of a method and its enhancer, each once.

    Raises:
        CardError: A card does not exist or is malformed.
    """
    enhancer = method.enhancer_id()
    names = [*method.weight_ids(), *([enhancer] if enhancer is not None else [])]
    return [weight_store().card(name) for name in dict.fromkeys(names)]


def build_degradation(use: DegradationUse, key: str, path: str) -> Composition:
    """Return the degradation of an entry with its options.

    Raises:
        RecipeError: No such degradation, or an option is wrong.
        MissingExtraError: It needs an optional part of this package.
    """
    with located(path):
        return compose(use.use, use.options, use.severity is not None, key)


def build_ladder(ladder: Ladder, path: str) -> Composition:
    """Return the degradation of a ladder.

    Raises:
        RecipeError: No such degradation, or one without severities.
        MissingExtraError: It needs an optional part of this package.
    """
    use = ladder.use
    if use in known_degradations() and not has_severities(use):
        fit = ", ".join(name for name in known_degradations() if has_severities(name))
        raise RecipeError(
            f"{path}: ladder.use: {use!r} has no severities. Degradations with severities: {fit}",
            path=path,
            key="ladder.use",
        )
    with located(path):
        return compose(use, {}, True, "ladder")
