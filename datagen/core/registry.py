"""One registry class for every kind of plug-in: sources, analyzers, methods, degradations."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import entry_points
from typing import Generic, TypeVar

from datagen.core.contract import broken_attributes
from datagen.core.text import first_of, near
from datagen.errors import RecipeError

__all__ = ["Registry", "unknown"]

T = TypeVar("T")

# Known names that a message lists.
_SHOWN = 12

_LISTS = {
    "analyzer": "analyzers",
    "degradation": "degradations",
    "layout": "sources",
    "method": "methods",
}


def _place(target: str) -> str:
    """Return where a class is defined: its import path, or its file if it is no package's."""
    name, _, attribute = target.partition(":")
    module = sys.modules.get(name)
    if module is None or module.__spec__ is not None:
        return target
    return f"{attribute} in {module.__file__}"


def unknown(kind: str, name: str, known: Sequence[str]) -> str:
    """Return what to say of a name that is not known: the nearest ones, and the command for all.

    Args:
        kind: What is named: ``"method"``.
        name: The name.
        known: The names that are known.
    """
    hint = near(name, known) or f" Known: {first_of(known, _SHOWN)}."
    return f"unknown {kind} {name!r}.{hint} 'datagen list {_LISTS[kind]}' lists all"


class Registry(Generic[T]):
    """Names to ``"module:Class"``; the module is imported when the name is first used.

    Args:
        kind: What is registered, for messages: ``"method"``.
        base: Import path of the class that each registered class must derive from.
        table: The built-in names.
        group: Entry-point group from which other packages add names.
    """

    def __init__(self, kind: str, base: str, table: Mapping[str, str], group: str) -> None:
        self._kind = kind
        self._base = base
        self._builtin = dict(table)
        self._group = group
        self._added: dict[str, type[T]] = {}

    def _names(self) -> dict[str, str]:
        found = dict(self._builtin)
        for point in entry_points(group=self._group):
            self._refuse_second_owner(point.name, point.value, found.get(point.name))
            found[point.name] = point.value
        return found

    def _refuse_second_owner(self, name: str, target: str, owner: str | None) -> None:
        if owner is not None and owner != target:
            raise RecipeError(
                f"{self._kind} {name!r} is defined twice: by {_place(owner)} and by "
                f"{_place(target)}. Rename one of them, or leave out its file or package"
            )

    def add(self, name: str, loaded: type[T]) -> None:
        """Register a class that is already loaded (from a ``--plugin`` file)."""
        checked = self._checked(loaded, loaded.__qualname__)
        target = f"{loaded.__module__}:{loaded.__qualname__}"
        owner = self._added.get(name)
        known = f"{owner.__module__}:{owner.__qualname__}" if owner else self._names().get(name)
        self._refuse_second_owner(name, target, known)
        self._added[name] = checked

    def load(self, name: str) -> type[T]:
        """Import and return the class of ``name``.

        Raises:
            RecipeError: Unknown name (the nearest are listed), or its module cannot be loaded.
        """
        if name in self._added:
            return self._added[name]
        names = self._names()
        if name not in names:
            raise RecipeError(unknown(self._kind, name, sorted({*names, *self._added})))
        target = names[name]
        module, _, attribute = target.partition(":")
        try:
            loaded = getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise RecipeError(
                f"{self._kind} {name!r} ({target}) cannot be loaded: {error}"
            ) from error
        return self._checked(loaded, target)

    def _checked(self, loaded: object, target: str) -> type[T]:
        module, _, attribute = self._base.partition(":")
        base = getattr(importlib.import_module(module), attribute)
        if not (isinstance(loaded, type) and issubclass(loaded, base)):
            raise RecipeError(f"{target} is not a {attribute}: derive it from {self._base}")
        if inspect.isabstract(loaded):
            lacking = ", ".join(sorted(getattr(loaded, "__abstractmethods__", ())))
            raise RecipeError(f"{target} lacks {lacking}: see {self._base}")
        if problems := list(broken_attributes(loaded, base)):
            raise RecipeError(f"{target} {'; '.join(problems)}: see {self._base}")
        return loaded

    def __iter__(self) -> Iterator[str]:
        """Iterate over all names in sorted order."""
        return iter(sorted({*self._names(), *self._added}))

    def __contains__(self, name: object) -> bool:
        """Say whether ``name`` is registered."""
        return name in self._added or name in self._names()
