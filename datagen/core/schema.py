"""The base of everything that users write in YAML: frozen, strict, with helpful errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from datagen.core.problems import problems_of
from datagen.errors import DatagenError

__all__ = ["Frozen", "check_kind", "explain", "flat", "parse"]


class Frozen(BaseModel):
    """A node of a recipe, a card or a method's options: an unknown key is an error.

    Attributes:
        elsewhere: Keys that users look for here, each with the file that has it.
    """

    elsewhere: ClassVar[Mapping[str, str]] = {}

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


M = TypeVar("M", bound=BaseModel)

_KINDS = {"methods": "a recipe", "consent": "a source card", "network": "a weight card"}


def parse(
    model: type[M], value: object, where: str, error: type[DatagenError], prefix: str = ""
) -> M:
    """Validate ``value`` as ``model``.

    Args:
        model: A ``Frozen`` model.
        value: What the YAML file holds.
        where: File or key to name in the message.
        error: Exception to raise, with one line per problem; its ``key`` is that of the first
            one, and its ``path`` is ``where`` if that is a file.
        prefix: Path of ``value`` inside ``where``, e.g. ``methods[0]``.
    """
    try:
        return model.model_validate(value)
    except ValidationError as problem:
        found = list(problems_of(problem, model, prefix))
        lines = "".join(f"\n  - {line}" for line in map(_line, found))
        key = found[0][0] or None
        path = where if PurePath(where).suffix else None  # else the name of an option or a key
        raise error(f"{where}:{lines}", path=path, key=key) from None


def check_kind(
    model: type[BaseModel],
    body: Mapping[str, Any],
    path: Path,
    what: str,
    error: type[DatagenError],
) -> None:
    """Refuse a file of another kind in one line, instead of naming every key of it.

    Args:
        model: The model of the file.
        body: What the file holds.
        path: The file.
        what: What the file should be: ``recipe``.
        error: Raised if the file has none of the keys that ``model`` requires.
    """
    required = [name for name, key in model.model_fields.items() if key.is_required()]
    if any(name in body for name in required):
        return
    other = next((f"; it looks like {kind}" for key, kind in _KINDS.items() if key in body), "")
    raise error(
        f"{path}: is no {what}: it has none of the keys {', '.join(required)}{other}", path=path
    )


def explain(problem: ValidationError, model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Yield ``key: what is wrong`` for each problem, with the nearest names for unknown keys."""
    yield from map(_line, problems_of(problem, model, prefix))


def _line(found: tuple[str, str]) -> str:
    key, text = found
    return f"{key}: {text}" if key else text  # no key: the problem is one of the whole


def flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield ``("a.b", value)`` for every leaf of a nested mapping."""
    for key, inner in value.items():
        path = f"{prefix}.{key}" if prefix else key
        if isinstance(inner, Mapping):
            yield from flat(inner, path)
        else:
            yield path, inner
