"""``datagen export``: a copy of a release in the form that another tool reads."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from datagen.api import export
from datagen.cli.next_step import command_line, next_step
from datagen.cli.options import ReleaseFolder
from datagen.core.progress import Progress
from datagen.core.terminal import echo
from datagen.errors import UserError

NAME = "export"


def command(
    out: ReleaseFolder,
    destination: Annotated[
        Optional[str],  # noqa: UP045  # perhaps an address, which a path would change
        typer.Argument(metavar="DEST", help="New folder for the copy.", show_default=False),
    ] = None,
    *,
    folder: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("-o", "--out", metavar="DEST", help="The same, as with other commands."),
    ] = None,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="FORM",
            help="hf (Hugging Face) or deepfakebench.",
            show_default=False,
        ),
    ],
    workers: Annotated[
        int, typer.Option("--workers", metavar="N", min=1, help="Threads.", show_default=True)
    ] = 2,
    strided: Annotated[
        bool,
        typer.Option(
            "--strided", help="deepfakebench: also clips whose frames are not consecutive."
        ),
    ] = False,
) -> None:
    """Copy a release into another form. Rerun it to write what is missing.

    Exit 0: the copy is complete. 1: it is not. 2: you must change something first.
    """
    if (destination is None) == (folder is None):
        raise UserError("name one folder for the copy: datagen export OUT DEST --to FORM")
    done = export(out, destination or folder or "", to=to, workers=workers, strided=strided)
    for warning in done.warnings:
        Progress().warn(warning)
    echo(str(done))
    if to == "hf":
        next_step(f"datasets.load_dataset({str(done.folder)!r}) in Python")
    else:
        next_step(command_line("lint-deepfakebench", done.folder / "dataset_json"))
