"""``datagen validate``: is a recipe right, before anything starts?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from datagen.cli.exit_codes import DONE, USER_ERROR
from datagen.cli.next_step import command_line, next_step
from datagen.cli.options import AllowOutside, PluginFiles, Set
from datagen.core.progress import Progress
from datagen.core.terminal import echo
from datagen.core.text import counted
from datagen.errors import DatagenError
from datagen.faces.indexing.build import stated_index
from datagen.generation.prepare import clip_limits, prepare
from datagen.planning import Plan
from datagen.recipe import load_recipe
from datagen.weights.store import weight_store

NAME = "validate"


def command(
    recipes: Annotated[
        list[Path],
        typer.Argument(
            metavar="RECIPE",
            help="Recipes, YAML files, or names of shipped ones.",
            show_default=False,
        ),
    ],
    set_: Set = None,
    plugin: PluginFiles = None,
    allow_outside: AllowOutside = False,
) -> None:
    """Check recipes: keys, values, cards, rights, and whether splits and donor rules can be met.

    Opens no image. Exit 0: all recipes are valid. 2: at least one is not.
    """
    code = DONE
    for path in recipes:
        try:
            _validate(path, set_, plugin, allow_outside)
        except DatagenError as error:
            code = USER_ERROR
            Progress().warn(str(error), "error", "red")
    if code == DONE:
        next_step(command_line("plan", recipes[0]))
    raise typer.Exit(code)


def _validate(path: Path, set_: Set, plugin: PluginFiles, allow_outside: bool) -> None:
    prepared = prepare(load_recipe(path, set_ or (), plugin or (), allow_outside=allow_outside))
    recipe = prepared.recipe
    missing = [card.id for card in prepared.weights if weight_store().find(card) is None]
    if missing:
        Progress().warn(
            f"{path}: weight files that are not on this machine: {', '.join(missing)}; "
            "'datagen weights list CARD' says how to get one",
            "note",
        )
    if unset := recipe.unset_variables():
        echo(
            f"{path}: valid; its sources were not checked: not set in the environment: "
            f"{', '.join(unset)}"
        )
        return
    stated = stated_index(recipe.sources(), prepared.purpose, clip_limits(recipe))
    Plan(recipe, stated, stated=True)  # refuses empty splits and targets without a donor
    echo(
        f"{path}: valid; {counted(len(stated), 'image')} listed; recipe digest {recipe.digest[:16]}"
    )
