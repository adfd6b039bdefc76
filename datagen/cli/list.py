"""``datagen list``: what a recipe may name, and the recipes that ship with the package."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

import typer

from datagen.cli.next_step import next_step
from datagen.cli.options import Json, PluginFiles
from datagen.core.terminal import echo, echo_json
from datagen.core.text_table import table_lines
from datagen.degradations import DEGRADATIONS
from datagen.degradations.compose import RESHARE, known_degradations
from datagen.degradations.profile import load_profile, profile_names
from datagen.faces.analyzers import ANALYZERS
from datagen.methods import METHODS
from datagen.recipe.plugins import read_plugin
from datagen.recipe.shipped import shipped_folder, shipped_recipes
from datagen.sources import SOURCES

NAME = "list"


class Kind(StrEnum):
    """What can be listed."""

    methods = "methods"
    degradations = "degradations"
    sources = "sources"
    analyzers = "analyzers"
    recipes = "recipes"


_USE = {
    Kind.methods: "name one in a recipe, under 'methods: - {use: NAME, share: 1}'",
    Kind.degradations: "name one in a recipe, under 'degradations: - {use: NAME, share: 1}'",
    Kind.sources: "name one in a source card, as 'layout: NAME'",
    Kind.analyzers: "name one in a recipe, as 'face: {analyzer: NAME}'",
}
"""What to do with what is listed. The recipes have a line of their own."""

_HEADS = {
    "name": "name",
    "family": "family",
    "donor": "donor",
    "description": "description",
}
"""Columns by key of the JSON."""


def command(
    kind: Annotated[Kind, typer.Argument(metavar="KIND", help="What to list.")] = Kind.methods,
    plugin: PluginFiles = None,
    json: Json = False,
) -> None:
    """List methods, degradations, source layouts, face analyzers, or the recipes of the package.

    KIND is methods, degradations, sources, analyzers or recipes.
    """
    for file in plugin or ():
        read_plugin(file).load()
    rows = list(_rows(kind))
    if json:
        echo_json(rows)
        return
    cells = [["yes" if cell is True else cell or "" for cell in row.values()] for row in rows]
    echo(*table_lines([_HEADS[key] for key in rows[0]], cells))
    if kind is Kind.recipes:
        next_step(f"'datagen plan NAME', or copy a recipe and its cards from {shipped_folder()}")
    else:
        next_step(_USE[kind])


def _rows(kind: Kind) -> Iterator[dict[str, str | bool]]:
    """Yield what is listed, by the keys of the JSON."""
    if kind is Kind.methods:
        for name in METHODS:
            method = METHODS.load(name)
            yield {
                "name": name,
                "family": method.family,
                "donor": method.needs_donor,
                "description": _first_line(method.__doc__),
            }
    elif kind is Kind.degradations:
        for name in known_degradations():
            yield {"name": name, "description": _degradation(name)}
    elif kind is Kind.recipes:
        for recipe in shipped_recipes():
            yield {"name": recipe.name, "description": recipe.title}
    else:
        registry = SOURCES if kind is Kind.sources else ANALYZERS
        for name in registry:
            yield {"name": name, "description": _first_line(registry.load(name).__doc__)}


def _degradation(name: str) -> str:
    if name in profile_names():
        return f"Profile: {load_profile(name).title}."
    if name == RESHARE:
        return "An image that is shared several times."
    return _first_line(DEGRADATIONS.load(name).__doc__)


def _first_line(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0].replace("``", "")
