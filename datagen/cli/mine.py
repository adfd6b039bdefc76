"""``datagen mine``: the next recipe, from a detector's faults."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from datagen.cli.score import OutRelease, check_out
from datagen.cli.wiring import console
from datagen.detectors.table import read_scores
from datagen.mining.next_recipe import next_recipe
from datagen.mining.weakness import find_weakness
from datagen.recipe import load_recipe
from datagen.release import Folder
from datagen.release.reader import Release

NAME = "mine"


def command(
    out: OutRelease,
    scores: Annotated[
        Path, typer.Option(metavar="FILE", help="Of its splits train and val; never of test.")
    ],
    recipe: Annotated[Path, typer.Option(metavar="RECIPE", help="That OUT was made from.")],
    next_: Annotated[
        Path, typer.Option("-o", "--out", metavar="FILE.yaml", help="The next recipe.")
    ],
) -> None:
    """Write a recipe that leans to where the detector is weakest, and say why in it.

    No share becomes less than half or more than double, no range less than half as wide.
    """
    check_out(next_)
    release = Release(Folder(out))
    read = read_scores(scores)
    weakness = find_weakness(release, read, str(scores))
    if load_recipe(recipe).digest != release.record["recipe_digest"]:
        console.print(
            f"[yellow]warning:[/] {out} was not made from {recipe} as it is now; its methods are "
            "matched by name",
            soft_wrap=True,
        )
    made = next_recipe(recipe, weakness, next_, str(read.detector.get("spec", "unknown")))
    for one in (*made.methods, *made.degradations):
        for why in one.reasons():
            typer.echo(f"{one.name:<24}{why}")
        for why, names in one.ranges.kept.items():
            typer.echo(f"{'':<24}as before: {', '.join(names)} ({why})")
