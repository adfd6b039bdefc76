"""``datagen show``: look at a release."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from datagen.release import Folder
from datagen.release.reader import Release
from datagen.release.report.page import write_report

NAME = "show"


def command(
    out: Annotated[str, typer.Argument(metavar="OUT", help="Folder or address of the release.")],
    number: Annotated[int, typer.Option("-n", min=1, help="Most pairs to show.")] = 24,
    method: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Show this method only."),
    ] = None,
) -> None:
    """Write report/index.html: real, control, fake, mask and difference side by side."""
    typer.echo(write_report(Release(Folder(out)), number, method))
