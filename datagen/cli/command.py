"""How every command shows its help: words for values, nothing for flags, ``-h`` for ``--help``."""

from __future__ import annotations

import re
from typing import Any

from typer.core import TyperCommand, TyperGroup

__all__ = ["HELP_NAMES", "Command", "Group"]

HELP_NAMES = {"help_option_names": ["-h", "--help"]}

_VALUES = {bool: "", int: "N", float: "X"}


class Command(TyperCommand):
    """A command whose help reads ``N`` and ``TEXT`` instead of ``<int range>`` and ``<str>``."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters, each with a word for its value."""
        return _named(super().get_params(ctx))

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the parts of the usage line: a required argument is its bare name."""
        return [re.sub("[{}]", "", piece) for piece in super().collect_usage_pieces(ctx)]


class Group(TyperGroup):
    """A command with commands, whose help is that of ``Command``."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters, each with a word for its value."""
        return _named(super().get_params(ctx))


def _named(parameters: list[Any]) -> list[Any]:
    for parameter in parameters:
        known = parameter.type_descriptor
        is_option = parameter.param_type_name == "option"
        if is_option and parameter.metavar is None and not known.is_choice:
            parameter.metavar = _VALUES.get(known.annotation, "TEXT")
    return parameters
