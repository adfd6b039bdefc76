"""``datagen list``: what a recipe may name."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from datagen.core.terminal import echo
from datagen.degradations import DEGRADATIONS
from datagen.degradations.compose import RESHARE, known_degradations
from datagen.degradations.profile import load_profile, profile_names
from datagen.faces.analyzers import ANALYZERS
from datagen.methods import METHODS
from datagen.sources import SOURCES

NAME = "list"


class Kind(StrEnum):
    """What can be listed."""

    methods = "methods"
    degradations = "degradations"
    sources = "sources"
    analyzers = "analyzers"


def command(
    kind: Annotated[Kind, typer.Argument(metavar="KIND", help="What to list.")] = Kind.methods,
) -> None:
    """List the methods, degradations, source layouts or face analyzers that a recipe may name."""
    if kind is Kind.methods:
        for name in METHODS:
            method = METHODS.load(name)
            echo(f"{name:<20}{method.family:<16}{_first_line(method.__doc__)}")
    elif kind is Kind.degradations:
        for name in known_degradations():
            echo(f"{name:<20}{_degradation(name)}")
    else:
        registry = SOURCES if kind is Kind.sources else ANALYZERS
        for name in registry:
            echo(f"{name:<20}{_first_line(registry.load(name).__doc__)}")


def _degradation(name: str) -> str:
    if name in profile_names():
        return f"profile: {load_profile(name).title}"
    if name == RESHARE:
        return "An image that is shared several times."
    return _first_line(DEGRADATIONS.load(name).__doc__)


def _first_line(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0]
