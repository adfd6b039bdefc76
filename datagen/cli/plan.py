"""``datagen plan``: what a recipe will make, without making it."""

from __future__ import annotations

import os
from typing import Annotated, Optional

import typer
from rich.console import Console
from rich.table import Table

from datagen.cli.options import Address, Inline, PluginFiles, RecipeFile, Set, Workers
from datagen.cli.wiring import Job, engine_choice, index_of, load, purpose_words
from datagen.planning import Plan
from datagen.planning.summary import (
    SplitSummary,
    expected_bytes,
    expected_seconds,
    summarize,
    warnings_of,
)
from datagen.sources import SOURCES

NAME = "plan"


def command(
    recipe: RecipeFile,
    set_: Set = None,
    plugin: PluginFiles = None,
    limit: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(
            min=1,
            help="The first N pairs (of a ladder: base pairs), in proportion from each split.",
        ),
    ] = None,
    workers: Workers = None,
    address: Address = None,
    inline: Inline = False,
) -> None:
    """Show counts, people, rights, expected size and time. Makes nothing.

    Images that are not in the face index yet are analyzed first.
    """
    job = load(recipe, set_, plugin)
    with engine_choice(inline, workers, address) as engine:
        built = index_of(job, job.loaded.sources(), engine)
    plan = Plan(job.loaded, built.index)
    splits = summarize(plan, limit)
    out = Console(highlight=False)
    _print_rights(out, job)
    _print_splits(out, splits)
    cores = workers or os.cpu_count() or 1
    size = expected_bytes(plan, splits) / 1e6
    rendering = max(SOURCES.load(card.layout).render_seconds for card in job.loaded.cards)
    seconds = expected_seconds(plan, splits, cores, rendering)
    apart = "start-up and networks apart" if job.loaded.weight_cards() else "start-up apart"
    out.print(f"about {size:,.0f} MB and {seconds:,.0f} s on {cores} cores, {apart}")
    for warning in warnings_of(plan, splits):
        out.print(f"[yellow]warning:[/] {warning}", soft_wrap=True)


def _print_rights(out: Console, job: Job) -> None:
    out.print(f"purpose: {purpose_words(job)}")
    for decision in job.decisions:
        state = "covered" if decision.covered else "; ".join(decision.reasons)
        out.print(f"  {decision.subject} ({decision.license}): {state}", soft_wrap=True)


def _print_splits(out: Console, splits: list[SplitSummary]) -> None:
    table = Table(
        "split", "pairs", "controls", "people", "faces", "uses a face", "methods", "degradations"
    )
    for split in splits:
        methods = ", ".join(f"{count} {name}" for name, count in split.methods.items())
        numbers = (split.pairs, split.controls, split.people, split.faces, split.uses)
        degrade = ", ".join(f"{float(s):.0%} {name}" for name, s in split.degradations.items())
        table.add_row(split.split, *(str(number) for number in numbers), methods, degrade or "none")
    out.print(table)
