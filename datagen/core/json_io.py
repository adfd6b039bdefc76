"""Reading JSON of others: one reader whose only error is the caller's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

from datagen.errors import DatagenError

__all__ = ["MAX_JSON", "deeper", "parse_json", "read_json"]

MAX_JSON = 64 << 20
"""Bytes of a JSON file: that of a release of a hundred thousand shards has some 40 million."""


def parse_json(content: str | bytes, where: str, error: type[DatagenError]) -> Any:
    """Return the value in ``content``.

    Args:
        content: JSON, as text or UTF-8. NaN and infinities, which JSON does not have, are refused.
        where: What messages call it; also the ``path`` of the error.
        error: Exception to raise.
    """
    try:
        text = content if isinstance(content, str) else content.decode("utf-8")
        return json.loads(text, parse_constant=_refuse)
    except RecursionError:
        problem = "nested too deeply"
    except UnicodeDecodeError as found:
        problem = f"not UTF-8 (byte {found.start})"
    except ValueError as found:  # also an integer of more digits than Python converts
        problem = str(found)
    raise error(f"{where}: is not valid JSON: {problem}", path=where)


def read_json(path: Path, where: str, error: type[DatagenError], limit: int = MAX_JSON) -> Any:
    """Return the value in a file of at most ``limit`` bytes; see ``parse_json``."""
    try:
        if not path.is_file():  # a pipe would be waited for
            raise error(f"{where}: no such file", path=path)
        with path.open("rb") as handle:
            content = handle.read(limit + 1)
    except OSError as problem:
        raise error(f"{where}: cannot be read: {problem.strerror or problem}", path=path) from None
    if len(content) > limit:
        raise error(f"{where}: larger than {limit >> 20} MiB, the most that is read", path=path)
    try:
        return parse_json(content, where, error)
    except error as problem:
        problem.path = str(path)
        raise


def deeper(value: Any, depth: int) -> bool:
    """Say whether a JSON value has lists and objects within each other beyond a depth."""
    level = [value]
    for _ in range(depth + 1):
        level = [
            inner
            for one in level
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
    return bool(level)


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")
