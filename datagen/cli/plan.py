"""``datagen plan``: what a recipe will make, without making it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from datagen.cli.options import (
    Address,
    AllowOutside,
    Inline,
    Limit,
    PluginFiles,
    RecipeFile,
    Set,
    Workers,
)
from datagen.core.progress import Progress
from datagen.core.terminal import plain
from datagen.engine.choice import engine_choice
from datagen.generation.prepare import plan_recipe, prepare
from datagen.planning.overview import PlanOverview
from datagen.recipe import load_recipe

NAME = "plan"

_COLUMNS = ("split", "pairs", "controls", "identities", "faces", "uses per face")


def command(
    recipe: RecipeFile,
    set_: Set = None,
    plugin: PluginFiles = None,
    allow_outside: AllowOutside = False,
    limit: Limit = None,
    workers: Workers = None,
    address: Address = None,
    inline: Inline = False,
) -> None:
    """Show counts, identities, rights, expected size and time. Makes nothing.

    Images that are not yet in the face index are analyzed first.
    """
    progress = Progress()
    prepared = prepare(load_recipe(recipe, set_ or (), plugin or (), allow_outside=allow_outside))
    with engine_choice(inline, workers, address, progress) as engine:
        found = plan_recipe(prepared, engine, limit, progress)
    _print(Console(highlight=False, emoji=False), found, workers or os.cpu_count() or 1)


def _print(out: Console, found: PlanOverview, cores: int) -> None:
    out.print(_text(f"purpose: {found.purpose}"))
    for decision in found.decisions:
        state = "covered" if decision.covered else "; ".join(decision.reasons)
        out.print(_text(f"  {decision.subject} ({decision.license}): {state}"), soft_wrap=True)
    table = Table(*_COLUMNS)
    for split in found.splits:
        numbers = (split.pairs, split.controls, split.identities, split.faces, split.uses)
        table.add_row(*(_text(str(cell)) for cell in (split.split, *numbers)))
    out.print(table)
    names = [split.split for split in found.splits]
    out.print(_by_split("method", names, [split.methods for split in found.splits], str))
    degrade = [split.degradations for split in found.splits]
    if any(degrade):
        out.print(_by_split("degradation", names, degrade, lambda share: f"{float(share):.0%}"))
    apart = "without start-up and networks" if found.networks else "without start-up"
    out.print(
        f"about {found.expected_bytes / 1e6:,.0f} MB and {found.core_seconds / cores:,.0f} s on "
        f"{cores} cores, {apart}"
    )
    for warning in found.warnings:
        line = Text.assemble(("warning:", "yellow"), " ", _text(warning))
        out.print(line, soft_wrap=True)


def _by_split(
    title: str, splits: Sequence[str], found: Sequence[Any], shown: Callable[[Any], str]
) -> Table:
    """Return a table with a row for each name and a column for each split."""
    table = Table(title, *splits)
    for name in dict.fromkeys(name for of_split in found for name in of_split):
        cells = (shown(of_split[name]) if name in of_split else "" for of_split in found)
        table.add_row(_text(name), *cells)
    return table


def _text(text: str) -> Text:
    return Text(plain(text, one_line=True))
