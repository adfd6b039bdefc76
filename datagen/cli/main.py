"""Entry point: every command, and the one place where errors become exit codes."""

from __future__ import annotations

import sys

import typer

from datagen import __version__
from datagen.cli import baseline as probe
from datagen.cli import (
    evaluate,
    generate,
    index,
    mine,
    plan,
    score,
    show,
    train,
    validate,
    verify,
    weights,
)
from datagen.cli import list as listing
from datagen.cli.wiring import console
from datagen.errors import DatagenError

__all__ = ["app", "main"]

# Libraries behind fsspec whose errors are not OSErrors: no credentials, no such bucket.
_STORAGE = ("adlfs", "aiobotocore", "azure", "botocore", "gcsfs", "google", "s3fs")

app = typer.Typer(
    name="datagen",
    help="Training and benchmark data for detectors of manipulated faces.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
for module in (
    validate,
    index,
    plan,
    generate,
    verify,
    show,
    listing,
    evaluate,
    score,
    probe,
    mine,
    train,
):
    app.command(module.NAME)(module.command)
app.add_typer(weights.group, name=weights.NAME)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and stop."
    ),
) -> None:
    """Make and check data for detectors of manipulated faces."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; exit 0 whole, 1 fell short, 2 the user must change something."""
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    try:
        app(arguments)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except DatagenError as error:
        console.print(f"[red]error:[/] {_plain(error)}", soft_wrap=True)
        return error.exit_code
    except OSError as error:
        console.print(f"[red]error:[/] {_plain(error)}", soft_wrap=True)
        return 1
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in _STORAGE:
            raise  # a bug of ours: the trace is wanted
        console.print(f"[red]error:[/] storage: {_plain(error)}", soft_wrap=True)
        return 1
    return 0


def _plain(error: Exception) -> str:
    return str(error).replace("[", "\\[")
