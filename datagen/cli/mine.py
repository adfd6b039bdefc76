"""``datagen mine``: the next recipe, reweighted toward a detector's failures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from datagen.cli.next_step import command_line, next_step
from datagen.cli.options import FramePooling, PluginFiles, ReleaseFolder
from datagen.core.progress import Progress
from datagen.core.terminal import echo
from datagen.mining.next_recipe import mine
from datagen.recipe.shipped import find_recipe
from datagen.release.pooling import asked_pooling
from datagen.release.reader import Release
from datagen.release.scores import read_scores

NAME = "mine"


def command(
    out: ReleaseFolder,
    scores: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="Scores of splits train and val, never test: .parquet, .csv, .tsv or .jsonl.",
        ),
    ],
    recipe: Annotated[Path, typer.Option(metavar="RECIPE", help="Recipe that OUT was made from.")],
    next_: Annotated[
        Path, typer.Option("-o", "--out", metavar="FILE.yaml", help="The next recipe.")
    ],
    logits: Annotated[bool, typer.Option("--logits", help="Scores are logits.")] = False,
    pooling: FramePooling = None,
    plugin: PluginFiles = None,
) -> None:
    """Reweight the next recipe toward the detector's failures.

    Shares of methods and degradations grow where the detector's AUC is low, to at most double,
    and shrink elsewhere, to at least half. The new recipe states the reasons as comments.
    """
    recipe = find_recipe(recipe)
    rule = asked_pooling(pooling, "--pooling")
    read = read_scores(scores, logits)
    made = mine(Release(out), read, recipe, next_, plugin or (), rule, logits)
    if not made.same_recipe:
        Progress().warn(
            f"{out} was not made from the current version of {recipe}: methods are matched by name"
        )
    if next_.resolve().parent != recipe.resolve().parent:
        Progress().note(
            f"{next_} names source cards outside of its folder: generate it with --allow-outside, "
            "or move it beside the recipe"
        )
    for doubt in made.doubts:
        Progress().warn(doubt)
    for entry in (*made.methods, *made.degradations):
        echo(f"{entry.name:<24}{entry.reason}")
    next_step(command_line("plan", next_))
