"""Data from outside, as YAML or JSON give it: what kinds, how many, how deep, how long.

Everything behind may rely on it: no text that no file could hold, no number that cannot be printed,
no structure in which a walk would not end.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["MAX_DEPTH", "MAX_NODES", "MAX_TEXT", "check_plain"]

MAX_DEPTH = 40
MAX_NODES = 20_000
MAX_TEXT = 1 << 16
"""Characters of one text, such as the quoted words of a consent."""

_MAX_INT = 1 << 64
# Control characters except tab, newline and carriage return, and lone surrogates.
_NO_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")


def check_plain(value: Any, of_python: bool = False) -> None:
    """Check data from outside.

    Args:
        value: The data.
        of_python: It is an argument of a call, so that objects of other types may be in it.

    Raises:
        ValueError: It holds something else than texts, numbers, truth values, dates, lists and
            mappings, or too much of it; the message says what, as the end of a sentence.
    """
    nodes = 0
    todo: list[tuple[Any, str, int]] = [(value, "", 0)]
    while todo:
        found, place, depth = todo.pop()
        nodes += 1
        if nodes > MAX_NODES:
            raise ValueError(f"more than {MAX_NODES} values")
        if depth > MAX_DEPTH:
            raise ValueError(f"nested more than {MAX_DEPTH} deep")
        if isinstance(found, Mapping):
            for key, inner in found.items():
                _check_one(key, place, of_python)
                todo.append(
                    (inner, f"{place}.{str(key)[:40]}" if place else str(key)[:40], depth + 1)
                )
        elif isinstance(found, list | tuple):
            todo += [(inner, f"{place}[{n}]", depth + 1) for n, inner in enumerate(found)]
        else:
            _check_one(found, place, of_python)


def _check_one(value: object, place: str, of_python: bool) -> None:
    problem = ""
    if isinstance(value, str):
        problem = _problem_of_text(value)
    elif isinstance(value, float):
        problem = "" if math.isfinite(value) else f"{value} is not a finite number"
    elif isinstance(value, int):
        problem = "an integer of more than 64 bits" if abs(value) > _MAX_INT else ""
    elif not (of_python or value is None or isinstance(value, dt.date)):
        problem = f"a value of type {type(value).__name__}"
    if problem:
        raise ValueError(f"{place}: {problem}" if place else problem)


def _problem_of_text(text: str) -> str:
    if len(text) > MAX_TEXT:
        return f"a text of {len(text)} characters (at most {MAX_TEXT} are read)"
    if wrong := _NO_TEXT.search(text):
        kind = "surrogate" if wrong.group() >= "\ud800" else "control character"
        return f"the {kind} U+{ord(wrong.group()):04X}"
    return ""
