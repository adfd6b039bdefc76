"""``datagen index``: analyze the images of a recipe's sources, once."""

from __future__ import annotations

import typer

from datagen.cli.options import Address, Inline, PluginFiles, RecipeFile, Set, Workers
from datagen.cli.wiring import engine_choice, index_of, load
from datagen.faces.indexing.cache import cache_folder
from datagen.faces.indexing.select import INDEX_REJECT_CODES

NAME = "index"

_SHOWN = 10


def command(
    recipe: RecipeFile,
    set_: Set = None,
    plugin: PluginFiles = None,
    workers: Workers = None,
    address: Address = None,
    inline: Inline = False,
) -> None:
    """Find the faces of the sources and keep what was found; a second run reads it."""
    job = load(recipe, set_, plugin)
    with engine_choice(inline, workers, address) as engine:
        built = index_of(job, job.loaded.sources(), engine)
    for reject in built.rejects[:_SHOWN]:
        what = INDEX_REJECT_CODES[reject.code]
        detail = f" ({reject.detail})" if reject.detail else ""
        typer.echo(f"{reject.source} {reject.image_id}: {reject.code}: {what}{detail}")
    if len(built.rejects) > _SHOWN:
        typer.echo(f"… and {len(built.rejects) - _SHOWN} more")
    typer.echo(f"{len(built.index)} faces; kept under {cache_folder() / 'index'}")
