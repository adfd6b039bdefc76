"""A wrong command line in plain words: what was found, what is allowed, what to write instead."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import typer
from pydantic import ValidationError

from datagen.core.keys import keys_at, places_of
from datagen.core.problems import words_of
from datagen.core.text import near, shortened
from datagen.recipe.schema import RecipeSpec

__all__ = ["usage_message"]

_NO_COMMAND = re.compile(r"No such command '(.*?)'\.")


def usage_message(error: typer.TyperException) -> str:
    """Return what is wrong with a command line, as one line; nothing if the help was shown.

    Args:
        error: What the parser of the command line raised.
    """
    if type(error).__name__ == "NoArgsIsHelpError":
        return ""
    context: Any = getattr(error, "ctx", None)
    text = _problem(error, context)
    if context is None or isinstance(error.__cause__, ValidationError):
        return text
    end = "" if text.endswith(("?", ".")) else "."
    return f"{text}{end} See '{_name_of(context)} -h'"


def _problem(error: typer.TyperException, context: Any) -> str:
    option, parameter = getattr(error, "option_name", None), getattr(error, "param", None)
    message = error.format_message()
    if option is not None and "requires an argument" in message:
        return f"option {option} needs a value"
    if option is not None and "does not take a value" in message:
        return f"option {option} takes no value"
    if option is not None:
        return f"unknown option {option}.{_option_hint(str(option), context)}"
    if parameter is not None and message.startswith("Missing"):
        return f"{_label(parameter)} is missing: {(parameter.help or '').rstrip('.')}"
    if parameter is not None and isinstance(error.__cause__, ValidationError):
        return f"{_label(parameter)}: {_value_problem(error.__cause__, parameter, context)}"
    if message.startswith("Got unexpected extra argument"):
        found = message.partition("(s) (")[2].removesuffix(")")
        return f"unexpected {shortened(found)}: {_arguments_of(context)}"
    if found_name := _NO_COMMAND.match(message):
        names = list(getattr(context.command, "commands", {}))
        hint = near(found_name[1], names) or f" Commands: {', '.join(names)}"
        return f"no command {shortened(found_name[1])}.{hint}"
    return message


def _name_of(context: Any) -> str:
    names: list[str] = []
    while context.parent is not None:
        names.insert(0, str(context.info_name))
        context = context.parent
    return " ".join(["datagen", *names])


def _option_hint(option: str, context: Any) -> str:
    """Return the key of the recipe that an unknown option may mean, or the nearest option."""
    known = _options_of(context)
    key = option.lstrip("-").replace("-", "_")
    if "--set" in known and (places := list(places_of(RecipeSpec, key))):
        path = ".".join([*map(str, places[0]), key]).replace("[…]", ".0")
        section = ".KEY" if keys_at(RecipeSpec, (*places[0], key)) else ""
        return f" It is a key of the recipe: write --set {path}{section}=VALUE"
    return near(option, known)


def _options_of(context: Any) -> list[str]:
    parameters: Sequence[Any] = context.command.params if context is not None else ()
    return [name for one in parameters for name in one.opts if name.startswith("--")]


def _arguments_of(context: Any) -> str:
    names = [
        one.metavar or one.name
        for one in context.command.params
        if one.param_type_name == "argument"
    ]
    return f"the command takes {' '.join(names) or 'nothing'} and options"


def _label(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return str(parameter.metavar or parameter.name)
    return " / ".join(parameter.opts)


def _value_problem(error: ValidationError, parameter: Any, context: Any) -> str:
    entry = error.errors()[0]
    source = None if context is None else context.get_parameter_source(parameter.name)
    where = f" in {parameter.envvar}" if source is not None and source.name == "ENVIRONMENT" else ""
    given = f"{shortened(entry['input'])}{where}"
    choices = [str(one.value) for one in getattr(parameter.type_descriptor, "choices", None) or ()]
    if choices:
        return (
            f"must be one of {', '.join(choices)} (found {given}).{near(entry['input'], choices)}"
        )
    return f"{words_of(entry)} (found {given})"
