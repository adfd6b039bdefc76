"""``datagen show``: the report of a release."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from datagen.cli.next_step import next_step
from datagen.cli.options import ReleaseFolder
from datagen.core.terminal import echo
from datagen.release.reader import Release
from datagen.release.report.page import MOST_PAIRS, write_report

NAME = "show"


def command(
    out: ReleaseFolder,
    number: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(
            "-n",
            "--pairs",
            min=1,
            max=MOST_PAIRS,
            help="Maximum number of pairs on the page [default: 120, of clips 24].",
            show_default=False,
        ),
    ] = None,
    method: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Show this method only."),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Also write pages with every pair, into report/all.")
    ] = False,
) -> None:
    """Write report/index.html: figures, and pairs with their masks and differences."""
    address = write_report(Release(out), number, method, every)
    echo(address)
    next_step(f"open {address} in a browser")
