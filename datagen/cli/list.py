"""``datagen list``: what a recipe may name."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from datagen.cli.options import PluginFiles
from datagen.core.terminal import echo
from datagen.degradations import DEGRADATIONS
from datagen.degradations.compose import RESHARE, known_degradations
from datagen.degradations.profile import load_profile, profile_names
from datagen.faces.analyzers import ANALYZERS
from datagen.methods import METHODS
from datagen.recipe.plugins import read_plugin
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
    plugin: PluginFiles = None,
) -> None:
    """List the methods, degradations, source layouts or face analyzers that a recipe may name."""
    for file in plugin or ():
        read_plugin(file).load()
    if kind is Kind.methods:
        _row("name", "family", "what it does")
        for name in METHODS:
            method = METHODS.load(name)
            _row(name, method.family, _first_line(method.__doc__))
    elif kind is Kind.degradations:
        _row("name", "what it does")
        for name in known_degradations():
            _row(name, _degradation(name))
    else:
        registry = SOURCES if kind is Kind.sources else ANALYZERS
        _row("name", "what it is")
        for name in registry:
            _row(name, _first_line(registry.load(name).__doc__))


def _row(name: str, *cells: str) -> None:
    *middle, last = cells
    echo(f"{name:<20}{''.join(f'{cell:<16}' for cell in middle)}{last}")


def _degradation(name: str) -> str:
    if name in profile_names():
        return f"Profile: {load_profile(name).title}."
    if name == RESHARE:
        return "An image that is shared several times."
    return _first_line(DEGRADATIONS.load(name).__doc__)


def _first_line(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0].replace("``", "")
