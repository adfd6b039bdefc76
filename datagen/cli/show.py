"""``datagen show``: the contact sheet of a release."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from datagen.cli.options import ReleaseFolder
from datagen.core.terminal import echo
from datagen.release.reader import Release
from datagen.release.report.contact_sheet import write_contact_sheet

NAME = "show"


def command(
    out: ReleaseFolder,
    number: Annotated[
        int, typer.Option("-n", "--pairs", min=1, help="Maximum number of pairs to show.")
    ] = 24,
    method: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Show this method only."),
    ] = None,
) -> None:
    """Write report/index.html: real, control, fake, mask and difference side by side."""
    echo(write_contact_sheet(Release(out), number, method))
