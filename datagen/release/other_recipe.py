"""How two recipes differ, for whoever finds the folder of a release taken by another recipe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from datagen.core.text import first_of, shortened
from datagen.core.yaml_io import parse_yaml
from datagen.errors import ReleaseError

__all__ = ["NOT_IN_DIGEST", "how_they_differ"]

NOT_IN_DIGEST = ("splits", "shard_pairs", "rejects")
"""Keys that change how much of a recipe is made and how, never what."""

_SHOWN = 4
_ABSENT = "not set"


def how_they_differ(there: str, here: str, where: str) -> str:
    """Return how a recipe differs from the one of a release, as the end of a sentence.

    Args:
        there: The recipe that the release holds, as YAML; perhaps a stranger's.
        here: The recipe of this run, as YAML.
        where: The file of the first one.
    """
    try:
        found = _leaves(parse_yaml(there, where, ReleaseError))
    except ReleaseError:
        return "its recipe.yaml cannot be read"
    wanted = _leaves(parse_yaml(here, where, ReleaseError))
    different = [key for key in {**found, **wanted} if found.get(key) != wanted.get(key)]
    if not different:
        return "a source card, a plug-in, weights or a default is another one"
    return first_of([_line(key, found, wanted) for key in different], _SHOWN, "; ")


def _line(key: str, found: Mapping[str, str], wanted: Mapping[str, str]) -> str:
    return f"{key}: {found.get(key, _ABSENT)} there, {wanted.get(key, _ABSENT)} here"


def _leaves(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        return {}
    own = {key: inner for key, inner in value.items() if key not in NOT_IN_DIGEST}
    return dict(_walk(own, ""))


def _walk(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield every value that is no section; a list of plain values is one."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _walk(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and any(isinstance(inner, Mapping) for inner in value):
        for number, inner in enumerate(value):
            yield from _walk(inner, f"{path}[{number}]")
    else:
        yield path, shortened(value, 40)
