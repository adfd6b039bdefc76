"""``datagen plan``: what a recipe will make, without making it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from datagen.cli.next_step import command_line, next_step
from datagen.cli.options import (
    Address,
    AllowOutside,
    Inline,
    Json,
    Limit,
    PluginFiles,
    RecipeFile,
    Set,
    Workers,
)
from datagen.core.progress import Progress
from datagen.core.terminal import echo, echo_json
from datagen.core.text import counted
from datagen.core.text_table import table_lines
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
    json: Json = False,
) -> None:
    """Show counts, identities, rights, expected size and time. Makes nothing.

    Images that are not yet in the face index are analyzed first.
    """
    progress = Progress()
    prepared = prepare(load_recipe(recipe, set_ or (), plugin or (), allow_outside=allow_outside))
    with engine_choice(inline, workers, address, progress) as engine:
        found = plan_recipe(prepared, engine, limit, progress)
    cores = workers or os.cpu_count() or 1
    if json:
        echo_json({**found.to_dict(), "cores": cores})
        return
    _print(found, cores)
    for warning in found.warnings:
        progress.warn(warning)
    options = " with the same options" if set_ or plugin or limit else ""
    next_step(f"{command_line('generate', recipe, '-o', 'OUT')}{options}")


def _print(found: PlanOverview, cores: int) -> None:
    echo(f"purpose: {found.purpose}")
    for decision in found.decisions:
        state = "covered" if decision.covered else "; ".join(decision.reasons)
        echo(f"  {decision.subject} ({decision.license}): {state}")
    rows = [
        (one.split, one.pairs, one.controls, one.identities, one.faces, one.uses)
        for one in found.splits
    ]
    echo("", *table_lines(_COLUMNS, rows, _COLUMNS[1:]))
    names = [split.split for split in found.splits]
    echo("", *_by_split("method", names, [split.methods for split in found.splits], str))
    degrade = [split.degradations for split in found.splits]
    if any(degrade):
        shares = _by_split("degradation", names, degrade, lambda share: f"{float(share):.0%}")
        echo("", *shares)
    if found.idle_identities:
        echo("", _idle(found.idle_identities))
    apart = "without start-up and networks" if found.networks else "without start-up"
    size, time = _size(found.expected_bytes), _duration(found.core_seconds / cores)
    echo("", f"{size} and {time} on {counted(cores, 'core')}, {apart}")


def _idle(identities: Mapping[str, int]) -> str:
    each = " and ".join(f"{count} of {split!r}" for split, count in identities.items())
    pairs = "a split without pairs" if len(identities) == 1 else "splits without pairs"
    return f"identities not used: {each}, {pairs}; split.shares deals out the identities"


def _size(size: int) -> str:
    if size < 1e6:
        return "less than 1 MB"
    return f"about {size / 1e6:,.0f} MB" if size < 1e10 else f"about {size / 1e9:,.0f} GB"


def _duration(seconds: float) -> str:
    if seconds < 1:
        return "less than a second"
    if seconds < 120:
        return f"about {seconds:.0f} s"
    minutes = seconds / 60
    return f"about {minutes:.0f} minutes" if minutes < 120 else f"about {minutes / 60:,.0f} hours"


def _by_split(
    title: str,
    splits: Sequence[str],
    found: Sequence[Mapping[str, Any]],
    shown: Callable[[Any], str],
) -> list[str]:
    """Return a table with a row for each name and a column for each split."""
    names = dict.fromkeys(name for of_split in found for name in of_split)
    rows = [
        (name, *(shown(of_split[name]) if name in of_split else "" for of_split in found))
        for name in names
    ]
    return table_lines((title, *splits), rows, splits)
