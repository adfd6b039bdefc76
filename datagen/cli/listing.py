"""``datagen list``: what a recipe may name."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from datagen.faces.analysers import ANALYSERS
from datagen.methods import METHODS
from datagen.sources import SOURCES

NAME = "list"


class Room(StrEnum):
    """What can be listed."""

    methods = "methods"
    sources = "sources"
    analysers = "analysers"


def command(
    room: Annotated[Room, typer.Argument(help="methods, sources or analysers.")] = Room.methods,
) -> None:
    """List the methods, source layouts or analysers that a recipe may name."""
    if room is Room.methods:
        for name in METHODS:
            method = METHODS.load(name)
            typer.echo(f"{name:<20}{method.family:<16}{_first_line(method.__doc__)}")
    else:
        registry = SOURCES if room is Room.sources else ANALYSERS
        for name in registry:
            typer.echo(f"{name:<20}{_first_line(registry.load(name).__doc__)}")


def _first_line(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0]
