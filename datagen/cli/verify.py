"""``datagen verify``: compare a release with its own record."""

from __future__ import annotations

from typing import Annotated

import typer

from datagen.cli.exit_codes import NOT_DONE
from datagen.cli.next_step import command_line, next_step
from datagen.cli.options import ReleaseFolder
from datagen.core.progress import Progress
from datagen.core.terminal import echo
from datagen.core.text import counted
from datagen.release import Folder
from datagen.release.reader import read_record
from datagen.release.record import RELEASE_NAME
from datagen.release.verify import verify

NAME = "verify"


def command(
    out: ReleaseFolder,
    pixels: Annotated[
        bool,
        typer.Option(
            "--pixels",
            help="Also compare each fake with its real outside the mask (lossless releases only).",
        ),
    ] = False,
) -> None:
    """Check every digest, count and manifest row against the files. Prints the problems.

    Exit 0: the release is intact. 1: problems were found, one per line. 2: there is no release.
    """
    progress = Progress()
    folder = Folder(out)
    problems = 0
    compared: list[int] = []
    with progress.status("verifying"):
        for problem in verify(folder, pixels, compared.append):
            problems += 1
            echo(problem)
    if problems and folder.exists(RELEASE_NAME):
        progress.note("to repair it, rerun the same 'datagen generate': it remakes damaged shards")
    if pixels and compared:
        pairs = read_record(folder)["counts"]["pairs"]
        progress.note(
            f"{compared[0]} of {counted(pairs, 'pair')} {'was' if pairs == 1 else 'were'} compared "
            "outside the mask: only lossless pairs (PNG, FFV1) without degradation can be. The "
            "others were not checked: lossy or degraded"
        )
    if problems:
        raise typer.Exit(NOT_DONE)
    progress.note(f"{out} is intact")
    next_step(command_line("show", out))
