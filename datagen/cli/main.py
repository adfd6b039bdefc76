"""Entry point: every command, and the one place where errors become exit codes."""

from __future__ import annotations

import sys

import typer

from datagen import __version__
from datagen.cli import (
    baseline,
    evaluate,
    export,
    generate,
    index,
    lint_deepfakebench,
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
from datagen.cli.command import HELP_NAMES, Command, Group
from datagen.cli.exit_codes import DONE, INTERRUPTED, NOT_DONE, USER_ERROR
from datagen.cli.usage import usage_message
from datagen.core.progress import Progress
from datagen.core.terminal import echo
from datagen.core.text import RENAMED_OPTIONS, reason, renamed
from datagen.errors import DatagenError, UserError

__all__ = ["app", "main"]

app = typer.Typer(
    name="datagen",
    cls=Group,
    help="Make training and test data for deepfake detectors, and evaluate detectors on it.",
    no_args_is_help=True,
    context_settings={**HELP_NAMES, "auto_envvar_prefix": "DATAGEN"},
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
for module in (
    validate,
    index,
    plan,
    generate,
    verify,
    show,
    listing,
    score,
    evaluate,
    export,
    lint_deepfakebench,
    baseline,
    mine,
    train,
):
    app.command(module.NAME, cls=Command, context_settings=HELP_NAMES)(module.command)
app.add_typer(weights.group, name=weights.NAME)


def _version(wanted: bool) -> None:
    if wanted:
        echo(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and exit."
    ),
) -> None:
    """Take the options before the command."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit code, see ``exit_codes``."""
    try:
        given = sys.argv[1:] if arguments is None else arguments
        _refuse_renamed(given)
        code = app(given, prog_name="datagen", standalone_mode=False, obj=given)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else DONE
    except KeyboardInterrupt:
        return INTERRUPTED
    except DatagenError as error:
        return _failed(str(error), error.exit_code)
    except typer.TyperException as error:
        return _failed(message, USER_ERROR) if (message := usage_message(error)) else USER_ERROR
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _failed(f"{where}{reason(error)}", NOT_DONE)
    return (
        code if isinstance(code, int) else DONE
    )  # any other exception is a bug of ours: the traceback is wanted


def _refuse_renamed(arguments: list[str]) -> None:
    known = [str(command.name) for command in app.registered_commands]
    if arguments and arguments[0] not in known and (now := renamed(arguments[0], known)):
        raise UserError(f"the command {arguments[0]!r} is now called {now!r}: run 'datagen {now}'")
    for argument in arguments:
        option = argument.partition("=")[0]
        if option in RENAMED_OPTIONS:
            raise UserError(f"the option {option} is now called {RENAMED_OPTIONS[option]}")


def _failed(message: str, code: int) -> int:
    Progress().warn(message, "error", "red")
    return code
