"""Checks of the arguments of the public API: each says what was found and what is allowed."""

from __future__ import annotations

import operator
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from datagen.core.text import shortened
from datagen.errors import UserError

__all__ = [
    "flag",
    "found",
    "maybe_mapping",
    "maybe_text",
    "maybe_whole",
    "number",
    "paths",
    "text",
    "text_or_texts",
    "whole",
]

_SHOWN = (bool, int, float)
Error = type[UserError]


def whole(value: object, name: str, minimum: int, error: Error = UserError) -> int:
    """Return a whole number, also one of NumPy.

    Args:
        value: What was given.
        name: Name of the argument.
        minimum: Smallest that is allowed.
        error: What is raised.

    Raises:
        UserError: It is none, or smaller.
    """
    read = None if _is_flag(value) else _index(value)
    if read is None or read < minimum:
        raise error(
            f"{name}: must be a whole number of at least {minimum} ({found(value)})", key=name
        )
    return read


def maybe_whole(value: object, name: str, minimum: int, error: Error = UserError) -> int | None:
    """Return a whole number or ``None``; see ``whole``."""
    return None if value is None else whole(value, name, minimum, error)


def number(value: object, name: str, low: float, high: float) -> float:
    """Return a number from ``low`` to ``high``.

    Raises:
        UserError: It is none, or outside.
    """
    read = None if _is_flag(value) or isinstance(value, str | bytes) else _float(value)
    if read is None or not low <= read <= high:
        raise UserError(
            f"{name}: must be a number from {low:g} to {high:g} ({found(value)})", key=name
        )
    return read


def flag(value: object, name: str) -> bool:
    """Return a truth value: ``True`` or ``False``; nothing else counts as one.

    Raises:
        UserError: It is something else.
    """
    if not _is_flag(value):
        raise UserError(f"{name}: must be True or False ({found(value)})", key=name)
    return bool(value)


def text(value: object, name: str, example: str = "", error: Error = UserError) -> str:
    """Return a text.

    Raises:
        UserError: It is something else.
    """
    if not isinstance(value, str):
        hint = f", e.g. {example}" if example else ""
        raise error(f"{name}: must be a text{hint} ({found(value)})", key=name)
    return value


def maybe_text(value: object, name: str, example: str = "") -> str | None:
    """Return a text or ``None``; see ``text``."""
    return None if value is None else text(value, name, example)


def text_or_texts(value: object, name: str, error: Error = UserError) -> list[str]:
    """Return one text or several as a list.

    Raises:
        UserError: It is something else.
    """
    if isinstance(value, str):
        return [value]
    several = _several(value)
    if several is None or not all(isinstance(one, str) for one in several):
        raise error(f"{name}: must be a text or a list of texts ({found(value)})", key=name)
    return several


def paths(value: object, name: str, error: Error = UserError) -> list[Path]:
    """Return one path or several as a list.

    Raises:
        UserError: It is something else.
    """
    several = [value] if isinstance(value, str | os.PathLike) else _several(value)
    if several is None or not all(isinstance(one, str | os.PathLike) for one in several):
        raise error(f"{name}: must be a path or a list of paths ({found(value)})", key=name)
    return [Path(one) for one in several]


def maybe_mapping(value: object, name: str, example: str, error: Error = UserError) -> Any:
    """Return a mapping whose keys are texts, an empty one for ``None``.

    Raises:
        UserError: It is something else.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise error(f"{name}: must be a mapping such as {example} ({found(value)})", key=name)
    for key in value:
        if not isinstance(key, str):
            raise error(f"{name}: its keys must be texts ({found(key)})", key=name)
    return value


def found(value: object) -> str:
    """Return what was given, for the end of a message; only short values are shown."""
    if value is None:
        return "found None"
    if isinstance(value, _SHOWN) and type(value).__module__ == "builtins":
        return f"found {value}"
    if isinstance(value, str):
        return f"found {shortened(value)}"
    return f"found {type(value).__name__}"


def _index(value: Any) -> int | None:
    try:
        return operator.index(value)
    except TypeError:
        return None


def _float(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _is_flag(value: object) -> bool:
    return type(value).__name__ in ("bool", "bool_") and not isinstance(value, type)


def _several(value: object) -> list[Any] | None:
    """Return what a list or another collection holds; a mapping is none."""
    if isinstance(value, Mapping | bytes | str):
        return None
    if isinstance(value, Collection):
        return list(value)
    columns = getattr(value, "tolist", None)  # an index or a series of pandas
    listed = columns() if callable(columns) else None
    return listed if isinstance(listed, list) else None
