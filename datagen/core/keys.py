"""Which keys a model has, at which place: for messages that say where a key belongs."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any, Literal, TypeAlias, Union, get_args, get_origin

from pydantic import BaseModel, Tag

__all__ = ["keys_at", "kind_at", "model_in", "places_of"]

Location: TypeAlias = tuple[int | str, ...]


def keys_at(model: type[BaseModel], location: Location) -> list[str]:
    """Return the keys that are allowed at a place inside a model; none if any or none is."""
    return list(_children(kind_at(model, location)))


def kind_at(model: type[BaseModel], location: Location) -> Any:
    """Return the type of the value at a place inside a model; ``None`` if there is no such."""
    kind: Any = model
    for part in location:
        kind = _item(kind) if isinstance(part, int) else _children(kind).get(part)
    return kind


def model_in(kind: Any) -> type[BaseModel] | None:
    """Return the model that a type is or holds, e.g. as the items of a list."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind
    return next((found for inner in get_args(kind) if (found := model_in(inner))), None)


def places_of(model: type[BaseModel], key: str, start: Location = ()) -> Iterator[Location]:
    """Yield the places of a model where a key is allowed, the outer ones first."""
    children = _children(model)
    if key in children:
        yield start
    for name, kind in children.items():
        inner: Any = kind
        place: Location = (*start, name)
        if (item := _item(kind)) is not None:
            inner, place = item, (*start, f"{name}[…]")
        if _children(inner):
            yield from places_of(inner, key, place)


def _children(kind: Any) -> dict[str, Any]:
    """Return the types of the keys of a model, or of a mapping whose keys are listed.

    Of one of several models, those by tag: pydantic puts the tag into the location. A tag is
    written in brackets, which no message shows.
    """
    kind = _given(kind)
    if tags := _by_tag(kind):
        return tags
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return {field.alias or name: field.annotation for name, field in kind.model_fields.items()}
    if get_origin(kind) is dict:
        keys, value = get_args(kind)
        return {str(key): value for key in get_args(keys)} if get_origin(keys) is Literal else {}
    return {}


def _by_tag(kind: Any) -> dict[str, Any]:
    if get_origin(kind) not in (Union, types.UnionType):
        return {}
    return {
        mark.tag: inner.__origin__
        for inner in get_args(kind)
        for mark in getattr(inner, "__metadata__", ())
        if isinstance(mark, Tag)
    }


def _item(kind: Any) -> Any:
    """Return the type of a list's items; ``None`` if it is no list."""
    kind = _given(kind)
    return get_args(kind)[0] if get_origin(kind) in (tuple, list) else None


def _given(kind: Any) -> Any:
    """Return the one type beside ``None``."""
    if get_origin(kind) in (Union, types.UnionType):
        kinds = [inner for inner in get_args(kind) if inner is not type(None)]
        return kinds[0] if len(kinds) == 1 else kind
    return kind
