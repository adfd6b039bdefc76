"""The base of everything that users write in YAML: frozen, strict, with helpful errors."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from datagen.core.text import counted, near, renamed, shortened
from datagen.errors import DatagenError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

__all__ = ["Frozen", "explain", "flat", "parse"]


class Frozen(BaseModel):
    """A node of a recipe, a card or a method's options: an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


M = TypeVar("M", bound=BaseModel)

_MAX_NAME = 60  # characters of a key that a message shows


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
        found = list(_problems(problem, model, prefix))
        lines = "".join(f"\n  - {line}" for line in map(_line, found))
        key = found[0][0] or None
        path = where if PurePath(where).suffix else None  # else the name of an option or a key
        raise error(f"{where}:{lines}", path=path, key=key) from None


def explain(problem: ValidationError, model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Yield ``key: what is wrong`` for each problem, with the nearest names for unknown keys."""
    yield from map(_line, _problems(problem, model, prefix))


def _line(found: tuple[str, str]) -> str:
    key, text = found
    return f"{key}: {text}" if key else text  # no key: the problem is one of the whole


def _problems(
    problem: ValidationError, model: type[BaseModel], prefix: str
) -> Iterator[tuple[str, str]]:
    errors = problem.errors()
    wrong = [entry["loc"] for entry in errors]
    for entry in errors:
        location = entry["loc"]
        if entry["type"] == "too_short" and any(_below(other, location) for other in wrong):
            continue  # the list is short only because pydantic left its wrong items out
        if entry["type"] == "missing" and _has_old_name(entry, model):
            continue  # the unknown old key is a problem of its own
        yield _dotted(prefix, location), _what_is_wrong(entry, model)


def _what_is_wrong(entry: ErrorDetails, model: type[BaseModel]) -> str:
    kind, location, found = entry["type"], entry["loc"], entry["input"]
    if kind == "extra_forbidden":
        known = _keys_at(model, location[:-1])
        hint = near(str(location[-1]), known)
        allowed = f" Allowed: {', '.join(known)}" if known and not hint else ""
        return f"unknown key.{hint}{allowed}"
    if kind == "missing":
        return "missing"
    if kind == "too_short":
        least = entry.get("ctx", {}).get("min_length", 1)
        return f"expected at least {counted(least, 'entry', 'entries')}"
    shown = _shown(found)
    if kind == "literal_error" and isinstance(found, str):
        choices = re.findall(r"'([^']*)'", str(entry.get("ctx", {}).get("expected", "")))
        shown += f".{near(found, choices)}" if renamed(found, choices) else ""
    return f"{_WORDS.get(kind, _lower(entry['msg']))}{shown}"


def _has_old_name(entry: ErrorDetails, model: type[BaseModel]) -> bool:
    given = entry["input"] if isinstance(entry["input"], Mapping) else {}
    known = _keys_at(model, entry["loc"][:-1])
    return any(renamed(str(key), known) == entry["loc"][-1] for key in given)


def _shown(found: object) -> str:
    """Return the value that was found in brackets; a whole section would hide the message."""
    if isinstance(found, Mapping | BaseModel):
        return ""
    return f" (found {shortened(found)})"


_WORDS = {
    "finite_number": "must be a finite number",
    "tuple_type": "expected a list",
    "list_type": "expected a list",
    "model_type": "expected keys and values",
    "dict_type": "expected keys and values",
}


def _below(inner: tuple[int | str, ...], outer: tuple[int | str, ...]) -> bool:
    return len(inner) > len(outer) and inner[: len(outer)] == outer


def _dotted(prefix: str, location: tuple[int | str, ...]) -> str:
    path = prefix
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part != "[key]":  # pydantic's word for a wrong key of a mapping
            name = part[:_MAX_NAME]
            path += f".{name}" if path else name
    return path


def _lower(message: str) -> str:
    message = message.removeprefix("Value error, ")
    message = re.sub(r"^(Input|String|List|Tuple|Dictionary) should ", "must ", message)
    return message[:1].lower() + message[1:]


def _keys_at(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    current: type[BaseModel] | None = model
    for part in location:
        if isinstance(part, int) or current is None:
            continue
        field = current.model_fields.get(part)
        current = _model_in(field.annotation) if field else None
    return [f.alias or name for name, f in current.model_fields.items()] if current else []


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in get_args(annotation):
        if found := _model_in(inner):
            return found
    return None


def flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield ``("a.b", value)`` for every leaf of a nested mapping."""
    for key, inner in value.items():
        path = f"{prefix}.{key}" if prefix else key
        if isinstance(inner, Mapping):
            yield from flat(inner, path)
        else:
            yield path, inner
