"""``datagen verify``: hold a release against its own record."""

from __future__ import annotations

from typing import Annotated

import typer

from datagen.cli.wiring import console
from datagen.release import Folder
from datagen.release.verify import verify

NAME = "verify"


def command(
    out: Annotated[str, typer.Argument(metavar="OUT", help="Folder or address of the release.")],
    pixels: Annotated[
        bool, typer.Option(help="Compare fake and real outside the mask (lossless releases).")
    ] = False,
) -> None:
    """Check every digest, count and manifest row against the bytes; silent when all is well."""
    problems = 0
    with console.status("verifying"):
        for problem in verify(Folder(out), pixels):
            problems += 1
            typer.echo(problem)
    if problems:
        console.print(
            "to make a shard again: run the same 'datagen generate'; it makes those whose files "
            "are not as committed"
        )
    if pixels:
        console.print("outside the masks only lossless (PNG), undegraded pairs can be compared")
    raise typer.Exit(1 if problems else 0)
