"""``datagen lint-deepfakebench``: what DeepfakeBench's loader would stumble over."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from datagen.cli.exit_codes import NOT_DONE
from datagen.core.progress import Progress
from datagen.core.terminal import echo
from datagen.exports.deepfakebench_rules import problems_of

NAME = "lint-deepfakebench"


def command(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            help="Folder of JSON files in DeepfakeBench's form, anyone's.",
            show_default=False,
        ),
    ],
) -> None:
    """Check JSON files, frames and landmarks. Prints the problems.

    Exit 0: nothing was found. 1: problems were found, one per line. 2: there is no such folder.
    """
    found = 0
    for problem in problems_of(folder):
        found += 1
        echo(problem)
    if found:
        raise typer.Exit(NOT_DONE)
    Progress().note(f"no problem found: point DeepfakeBench's dataset_json_folder to {folder}")
