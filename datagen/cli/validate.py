"""``datagen validate``: is a recipe right, before anything starts?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from datagen.cli.options import PluginFiles, Set
from datagen.cli.wiring import console, load
from datagen.errors import DatagenError, RecipeError
from datagen.faces.indexing.build import stated_index
from datagen.planning import Plan
from datagen.weights.store import local_weights

NAME = "validate"


def command(
    recipes: Annotated[
        list[Path], typer.Argument(metavar="RECIPE...", help="YAML files.", show_default=False)
    ],
    set_: Set = None,
    plugin: PluginFiles = None,
) -> None:
    """Check recipes: keys, values, methods, cards, rights; people and donors of sources at hand.

    Reads no image. Exit 2 when one is wrong.
    """
    wrong = 0
    for path in recipes:
        try:
            _validate(path, set_, plugin)
        except DatagenError as error:
            wrong = 2
            console.print(
                f"[red]error:[/] {str(error).replace('[', chr(92) + '[')}", soft_wrap=True
            )
    raise typer.Exit(wrong)


def _validate(path: Path, set_: Set, plugin: PluginFiles) -> None:
    job = load(path, set_, plugin)
    missing = [card.id for card in job.weights if local_weights(card) is None]
    if missing:
        console.print(
            f"[yellow]note:[/] {path}: weights that are not on this machine: {', '.join(missing)}; "
            "'datagen weights list' says how to get each",
            soft_wrap=True,
        )
    try:
        sources = job.loaded.sources()
    except RecipeError as error:
        if "is not set" not in str(error):
            raise
        typer.echo(f"{path}: valid; its sources were not looked at: {error}")
        return
    stated = stated_index(sources, job.use)
    Plan(
        job.loaded, stated, stated=True
    )  # refuses splits without people and targets without donors
    typer.echo(
        f"{path}: valid; {len(stated)} images listed; recipe digest {job.loaded.digest[:16]}"
    )
