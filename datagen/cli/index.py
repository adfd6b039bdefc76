"""``datagen index``: analyze the images or videos of a recipe's sources, once."""

from __future__ import annotations

from typing import Annotated

import typer

from datagen.cli.exit_codes import NOT_DONE
from datagen.cli.next_step import command_line, next_step
from datagen.cli.options import Address, AllowOutside, Inline, PluginFiles, RecipeFile, Set, Workers
from datagen.core.paths import cache_folder
from datagen.core.progress import Progress
from datagen.core.terminal import echo
from datagen.core.text import counted
from datagen.engine.choice import engine_choice
from datagen.faces.indexing.select import INDEX_REJECT_CODES
from datagen.generation.prepare import index_faces, prepare
from datagen.recipe import load_recipe

NAME = "index"

Refresh = Annotated[
    bool,
    typer.Option(
        "--refresh",
        help="Read every file again, also those whose size and time have not changed.",
    ),
]

_SHOWN = 10


def command(
    recipe: RecipeFile,
    set_: Set = None,
    plugin: PluginFiles = None,
    allow_outside: AllowOutside = False,
    workers: Workers = None,
    address: Address = None,
    inline: Inline = False,
    refresh: Refresh = False,
) -> None:
    """Find the faces in the images or videos of a recipe's sources; cache them for later runs."""
    progress = Progress()
    loaded = load_recipe(recipe, set_ or (), plugin or (), allow_outside=allow_outside)
    prepared = prepare(loaded, analysis=True)
    with engine_choice(inline, workers, address, progress) as engine:
        built = index_faces(prepared, prepared.recipe.sources(), engine, progress, refresh)
    for reject in built.rejects[:_SHOWN]:
        what = INDEX_REJECT_CODES[reject.code]
        detail = f" ({reject.detail})" if reject.detail else ""
        echo(f"{reject.source} {reject.image_id}: {reject.code}: {what}{detail}")
    if len(built.rejects) > _SHOWN:
        echo(f"… and {len(built.rejects) - _SHOWN} more")
    place = cache_folder() / "index"
    echo(f"{counted(len(built.index), 'face')}; {'' if built.kept else 'not '}cached in {place}")
    if not built.kept:
        raise typer.Exit(NOT_DONE)
    next_step(command_line("plan", recipe))
