"""Replacing single values of a recipe before it is checked: ``--set`` and ``overrides=``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, TypeAlias

from datagen.core.arguments import text, text_or_texts
from datagen.core.plain_data import MAX_DEPTH, check_plain
from datagen.core.text import shortened
from datagen.core.yaml_io import parse_yaml
from datagen.errors import RecipeError

__all__ = ["Overrides", "apply_overrides"]

Overrides: TypeAlias = Mapping[str, Any] | Sequence[str]
"""``{"splits.train": 100}``, or texts such as ``"splits.train=100"`` with the value as YAML."""


_POSITION = re.compile(r"[0-9]{1,6}")


@dataclass(frozen=True, slots=True)
class _Override:
    """One value to set.

    Attributes:
        keys: The path to the value: keys of mappings and positions in lists.
        value: The new value, as YAML would give it.
        label: How error messages call the override.
    """

    keys: tuple[str, ...]
    value: Any
    label: str

    def apply(self, body: dict[str, Any]) -> None:
        node: Any = body
        for depth in range(len(self.keys) - 1):
            node = self._child(node, depth)
        last = self.keys[-1]
        if isinstance(node, list):
            node[self._position(node, last, len(self.keys) - 1)] = self.value
        elif isinstance(node, dict):
            node[last] = self.value
        else:
            raise self._no_keys(len(self.keys) - 1)

    def _child(self, node: Any, depth: int) -> Any:
        key = self.keys[depth]
        if isinstance(node, list):
            return node[self._position(node, key, depth)]
        if isinstance(node, dict):
            if node.get(key) is None:
                node[key] = {}
            return node[key]
        raise self._no_keys(depth)

    def _position(self, node: list[Any], key: str, depth: int) -> int:
        if not _POSITION.fullmatch(key) or int(key) >= len(node):
            start = ".".join(self.keys[:depth])
            if not node:
                raise self._error(f"{start!r} is an empty list, found {key!r}")
            rest = self.keys[depth + 1 :]
            is_key = not rest and not _POSITION.fullmatch(key)
            way = ".".join([start, "0", *([key] if is_key else rest)])
            raise self._error(
                f"{start!r} is a list: its entries are named by their positions, 0 to "
                f"{len(node) - 1}, e.g. {way} (found {key!r})"
            )
        return int(key)

    def _no_keys(self, depth: int) -> RecipeError:
        return self._error(f"{'.'.join(self.keys[:depth])!r} is a single value and has no keys")

    def _error(self, problem: str) -> RecipeError:
        return RecipeError(f"{self.label}: {problem}", key=".".join(self.keys))


def apply_overrides(body: dict[str, Any], overrides: Overrides) -> None:
    """Set each override in ``body``, in order; later ones win.

    Args:
        body: The recipe as read from YAML; changed in place.
        overrides: Dotted keys and values. An item of a list is named by its position, from 0:
            ``methods.0.share`` or ``methods[0].share``. Missing mappings are created.

    Raises:
        RecipeError: An override is malformed, or its path leads through a single value or to a
            list position that does not exist.
    """
    for override in _parsed(overrides):
        override.apply(body)


def _parsed(overrides: Overrides) -> Iterator[_Override]:
    if isinstance(overrides, str):
        overrides = [overrides]
    if isinstance(overrides, Mapping):
        for key, value in overrides.items():
            text(key, "overrides: a key", "'splits.train'", RecipeError)
            label = f"override {shortened(key)}"
            if not (keys := _split(key, label)):
                raise RecipeError(f"{label}: expected a dotted key, e.g. 'splits.train'", key=key)
            _check(value, label, key, of_python=True)
            yield _Override(keys, _plain(value, label, key), label)
        return
    for given in text_or_texts(overrides, "overrides", RecipeError):
        label = f"override {shortened(given)}"
        key, equals, value = given.partition("=")
        keys = _split(key, label)
        if not equals or not keys:
            raise RecipeError(
                f"{label}: expected key.path=value, e.g. splits.train=100", key=key or None
            )
        yield _Override(keys, parse_yaml(value, label, RecipeError), label)


def _plain(value: Any, label: str, key: str) -> Any:
    """Return the value with paths as texts and scalars of NumPy as those of Python."""
    if isinstance(value, set | frozenset):
        raise RecipeError(f"{label}: a value of type set has no order: give a list", key=key)
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _plain(inner, label, key) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner, label, key) for inner in value]
    if type(value).__module__ == "numpy" and getattr(value, "ndim", None) == 0:
        return value.item()
    return value


def _split(key: str, label: str) -> tuple[str, ...]:
    _check(key, label)
    parts = (part.strip() for part in re.split(r"[.\[\]]+", key))
    keys = tuple(part for part in parts if part)
    if len(keys) > MAX_DEPTH:
        raise RecipeError(f"{label}: the key has {len(keys)} parts, at most {MAX_DEPTH} are read")
    return keys


def _check(value: Any, label: str, key: str = "", of_python: bool = False) -> None:
    try:
        check_plain(value, of_python)
    except ValueError as problem:
        raise RecipeError(f"{label}: {problem}", key=key or None) from None
