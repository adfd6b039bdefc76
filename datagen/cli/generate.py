"""``datagen generate``: from a recipe to a release."""

from __future__ import annotations

from typing import Annotated

import typer

from datagen.cli.next_step import command_line, next_step
from datagen.cli.options import (
    Address,
    AllowOutside,
    Inline,
    Limit,
    PluginFiles,
    RecipeFile,
    Set,
    ShardTimeout,
    Workers,
)
from datagen.core.progress import Progress
from datagen.core.terminal import echo
from datagen.engine.choice import engine_choice
from datagen.generation.prepare import prepare
from datagen.generation.run import make_release
from datagen.recipe import load_recipe

NAME = "generate"


def command(
    recipe: RecipeFile,
    out: Annotated[
        str,
        typer.Option(
            "-o", "--out", metavar="OUT", help="Folder of the release, or s3://bucket/name."
        ),
    ],
    set_: Set = None,
    plugin: PluginFiles = None,
    allow_outside: AllowOutside = False,
    limit: Limit = None,
    workers: Workers = None,
    address: Address = None,
    inline: Inline = False,
    shard_timeout: ShardTimeout = None,
    include_plugins: Annotated[
        bool,
        typer.Option(
            "--include-plugins", help="Copy the source of plug-in files into the release, as text."
        ),
    ] = False,
) -> None:
    """Make the pairs of a recipe. Rerun it to make what is missing.

    Exit 0: the release is complete. 1: the run did not complete. 2: you must change something
    first. 130: stopped; finished shards are kept.
    """
    from datagen.engine.ray import stop_on_terminate

    stop_on_terminate()
    progress = Progress()
    prepared = prepare(load_recipe(recipe, set_ or (), plugin or (), allow_outside=allow_outside))
    with engine_choice(inline, workers, address, progress, shard_timeout) as engine:
        echo(make_release(prepared, out, engine, limit, progress, include_plugins))
    next_step(command_line("verify", out), command_line("show", out))
