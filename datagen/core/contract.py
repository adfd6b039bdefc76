"""What the class attributes of a plug-in must be, as its base class declares them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, ClassVar, Literal, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from datagen.core.text import shortened

__all__ = ["broken_attributes"]

_STRICT = ConfigDict(arbitrary_types_allowed=True)
_NAMES = ("name", "layout")  # what recipes and cards call a plug-in
_NAME = re.compile(r"[a-z0-9_]{1,64}")
_ABSENT = object()


def broken_attributes(loaded: type, base: type) -> Iterator[str]:
    """Yield what is wrong with the class attributes of a plug-in, as ends of a sentence.

    Args:
        loaded: The class of the plug-in.
        base: The class that it derives from; what it declares as ``ClassVar`` is checked.
    """
    for attribute, kind in _declared(base).items():
        value = getattr(loaded, attribute, _ABSENT)
        if value is _ABSENT:
            yield f"lacks {attribute!r} ({_words(kind)})"
        elif isinstance(value, property):
            continue  # known only for an instance
        elif attribute in _NAMES and not (isinstance(value, str) and _NAME.fullmatch(value)):
            yield (
                f"{attribute}: must be lower-case letters, digits and '_', at most 64 "
                f"(found {shortened(value)})"
            )
        elif not _fits(attribute, kind, base, value):
            yield f"{attribute}: must be {_words(kind)} (found {shortened(value)})"


@lru_cache(maxsize=16)
def _declared(base: type) -> dict[str, Any]:
    hints = get_type_hints(base)
    return {name: get_args(kind)[0] for name, kind in hints.items() if get_origin(kind) is ClassVar}


@lru_cache(maxsize=128)
def _adapter(base: type, attribute: str) -> TypeAdapter[Any]:
    return TypeAdapter(_declared(base)[attribute], config=_STRICT)


def _fits(attribute: str, kind: Any, base: type, value: Any) -> bool:
    if get_origin(kind) is tuple and isinstance(value, list):
        value = tuple(value)
    try:
        _adapter(base, attribute).validate_python(value, strict=True)
    except ValidationError:
        return False
    return True


def _words(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return f"one of {', '.join(map(str, get_args(kind)))}"
    if get_origin(kind) is type:
        return f"a class derived from {get_args(kind)[0].__name__}"
    plain = {str: "a text", int: "a whole number", float: "a number", bool: "True or False"}
    return plain.get(kind, "a tuple" if get_origin(kind) is tuple else f"{kind}")
