"""What every command has: its help in plain words, and options for logs and for the environment."""

from __future__ import annotations

import logging
import os
import re
import shlex
from pathlib import Path
from typing import Annotated, Any, Optional

import typer
import typer.main
from typer.core import TyperCommand, TyperGroup

from datagen.core.logs import log_to
from datagen.core.progress import SHOWN, Progress
from datagen.core.text import near
from datagen.errors import DatagenError

__all__ = ["HELP_NAMES", "Command", "Group"]

HELP_NAMES = {"help_option_names": ["-h", "--help"]}

_LOG = logging.getLogger(__name__)
_PANEL = "Messages"
_VALUES = {bool: "", int: "N", float: "X"}


class Command(TyperCommand):
    """A command whose help reads ``N`` and ``TEXT`` instead of ``<int range>`` and ``<str>``.

    It takes ``--verbose``, ``--quiet`` and ``--log-file``; an option that is not given is read
    from ``DATAGEN_<COMMAND>_<OPTION>``.
    """

    def __init__(self, *args: Any, params: list[Any] | None = None, **more: Any) -> None:
        super().__init__(*args, params=[*(params or ()), *_message_options()], **more)

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters, each with a word for its value and its environment variable."""
        parameters = _named(super().get_params(ctx))
        for parameter in parameters:
            if parameter.param_type_name == "option":
                parameter.allow_from_autoenv = parameter.show_envvar = False  # one rule for all
                parameter.envvar = None if parameter.is_eager else _variable(ctx, parameter)
        return parameters

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the parts of the usage line: a required argument is its bare name."""
        return [re.sub("[{}]", "", piece) for piece in super().collect_usage_pieces(ctx)]

    def invoke(self, ctx: Any) -> Any:
        """Run the command; show and write what is logged meanwhile, its error included."""
        taken = {name: ctx.params.pop(name) for name in ("verbose", "quiet", "log_file")}
        with log_to(taken["verbose"], taken["quiet"], taken["log_file"]):
            _LOG.info("begins: %s", shlex.join(["datagen", *(ctx.obj or ())]))
            _warn_of_idle_variables(ctx, self.get_params(ctx))
            try:
                done = super().invoke(ctx)
            except typer.Exit as end:
                _LOG.info("ends with exit code %d", end.exit_code)
                raise
            except DatagenError as error:
                _LOG.error("%s", error, extra={SHOWN: True})
                raise
            except KeyboardInterrupt:
                _LOG.warning("stopped by the user", extra={SHOWN: True})
                raise
            except Exception:
                _LOG.exception("ends with an error", extra={SHOWN: True})
                raise
            _LOG.info("ends with exit code 0")
            return done


class Group(TyperGroup):
    """A command with commands, whose help is that of ``Command``."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters, each with a word for its value and none from the environment."""
        parameters = _named(super().get_params(ctx))
        for parameter in parameters:
            if parameter.param_type_name == "option":
                parameter.allow_from_autoenv = parameter.show_envvar = False
        return parameters


def _named(parameters: list[Any]) -> list[Any]:
    for parameter in parameters:
        known = parameter.type_descriptor
        is_option = parameter.param_type_name == "option"
        if is_option and parameter.metavar is None and not known.is_choice:
            parameter.metavar = _VALUES.get(known.annotation, "TEXT")
            if parameter.count:
                parameter.metavar = ""
    return parameters


def _messages(
    verbose: Annotated[
        int,
        typer.Option(
            "-v",
            "--verbose",
            count=True,
            show_default=False,
            help="Tell what is being done; -vv: every detail.",
            rich_help_panel=_PANEL,
        ),
    ] = 0,
    quiet: Annotated[
        bool,
        typer.Option(
            "-q",
            "--quiet",
            help="Show results, warnings and errors only.",
            rich_help_panel=_PANEL,
        ),
    ] = False,
    log_file: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            "--log-file",
            metavar="FILE",
            help="Append every message, with its time, to a file.",
            rich_help_panel=_PANEL,
        ),
    ] = None,
) -> None:
    """Take the options of ``Command``; never called."""


def _message_options() -> list[Any]:
    app = typer.Typer(add_completion=False)
    app.command()(_messages)
    return list(typer.main.get_command(app).params)


def _variable(ctx: Any, parameter: Any) -> str:
    """Return the environment variable of an option: that of its long name."""
    names = [name for name in parameter.opts if name.startswith("--")] or parameter.opts
    option = names[0].lstrip("-").replace("-", "_").upper()
    return f"{ctx.auto_envvar_prefix}_{option}"


def _warn_of_idle_variables(ctx: Any, parameters: list[Any]) -> None:
    """Warn of variables that look like an option of this command and are none."""
    known = {parameter.envvar for parameter in parameters if parameter.envvar}
    for name in sorted(os.environ):
        if name.startswith(f"{ctx.auto_envvar_prefix}_") and name not in known:
            Progress().warn(
                f"the environment variable {name} is no option of '{ctx.command_path}'."
                f"{near(name, known, alike=0.8)}"
            )
