"""The base of everything that users write in YAML: frozen, strict, with errors that help."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from datagen.core.registry import near

__all__ = ["Frozen", "explain", "parse"]


class Frozen(BaseModel):
    """A node of a recipe, a card or a method's options: an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


M = TypeVar("M", bound=BaseModel)


def parse(model: type[M], value: object, where: str, error: type[Exception], prefix: str = "") -> M:
    """Validate ``value`` as ``model``.

    Args:
        model: A ``Frozen`` model.
        value: What YAML gave.
        where: File or key to name in the message.
        error: Which exception to raise with one line for each problem.
        prefix: Path of ``value`` inside ``where``, e.g. ``methods[0]``.
    """
    try:
        return model.model_validate(value)
    except ValidationError as problem:
        lines = "".join(f"\n  - {line}" for line in explain(problem, model, prefix))
        raise error(f"{where}:{lines}") from None


def explain(problem: ValidationError, model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Yield ``path: what is wrong`` for each error, with near names for unknown keys."""
    errors = problem.errors()
    wrong = [entry["loc"] for entry in errors]
    for entry in errors:
        location = entry["loc"]
        if entry["type"] == "too_short" and any(_below(other, location) for other in wrong):
            continue  # the list is short only because pydantic left its wrong items out
        path = _dotted(prefix, location)
        if entry["type"] == "extra_forbidden":
            known = _keys_at(model, location[:-1])
            hint = near(str(location[-1]), known)
            allowed = f" Allowed: {', '.join(known)}" if known and not hint else ""
            yield f"{path}: unknown key.{hint}{allowed}"
        elif entry["type"] in _WORDS:
            yield f"{path}: {_WORDS[entry['type']]} (found {_short(entry['input'])})"
        else:
            found = entry["input"]
            shown = "" if entry["type"] == "missing" else f" (found {_short(found)})"
            yield f"{path}: {_lower(entry['msg'])}{shown}"


_WORDS = {
    "tuple_type": "want a list",
    "list_type": "want a list",
    "model_type": "want keys and values",
    "dict_type": "want keys and values",
}


def _below(inner: tuple[int | str, ...], outer: tuple[int | str, ...]) -> bool:
    return len(inner) > len(outer) and inner[: len(outer)] == outer


def _dotted(prefix: str, location: tuple[int | str, ...]) -> str:
    path = prefix
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += f".{part}" if path else part
    return path or "(top)"


def _lower(message: str) -> str:
    message = message.removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


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
