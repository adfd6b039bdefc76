"""What pydantic finds wrong, in plain words: the key, what is allowed, what was found."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from datagen.core.keys import keys_at, kind_at, model_in, places_of
from datagen.core.text import counted, first_of, near, renamed, shortened
from datagen.errors.redact import redacted

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

__all__ = ["PATTERNS", "problems_of", "words_of"]

Location: TypeAlias = tuple[int | str, ...]

_KEY = "[key]"  # pydantic's word for a wrong key of a mapping
_MAX_NAME = 60  # characters of a key that a message shows
_ALLOWED = ". Allowed: "
_SHOWN = 3  # keys that a message shows
_MOST = 50  # problems that are told
_NEAR = 0.8  # how alike an unknown key must be to one of its place to be a misspelling of it

_ID = "lower-case letters, digits, '-' and '_', beginning with a letter or a digit"
PATTERNS = {
    r"^[a-z0-9][a-z0-9_-]*$": _ID,
    r"^[^/]+/.+$": "a source and an identity with a slash between them",
    r"^[\w.-]+/[\w.-]+$": "an owner and a name with a slash between them",
    r"^([0-9a-f]{40})?$": "40 digits 0-9 and a-f: a commit of Git",
    r"^([0-9a-f]{64})?$": "64 digits 0-9 and a-f: a SHA-256",
    r"^[0-9a-f]{64}$": "64 digits 0-9 and a-f: a SHA-256",
    r"^(\w[\w.-]*(/\w[\w.-]*)*)?$": "a relative path without '..'",
    r"^[^/\\.][^/\\]*$": "a file name without folder that does not begin with a dot",
    r"^(https?://\S+)?$": "an address that begins with http:// or https://",
    r"^\d{4}-\d{2}$": "a year and a month such as 2026-03",
}
"""The patterns of keys, in words."""

_WORDS = {
    "finite_number": "must be a finite number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "string_type": "must be a text",
    "date_type": "must be a date such as 2026-12-31",
    "date_parsing": "must be a date such as 2026-12-31",
    "date_from_datetime_parsing": "must be a date such as 2026-12-31",
    "date_from_datetime_inexact": "must be a date such as 2026-12-31",
}
_LISTS = ("tuple_type", "list_type")
_MAPPINGS = ("model_type", "model_attributes_type", "dict_type")


def problems_of(
    error: ValidationError, model: type[BaseModel], prefix: str
) -> Iterator[tuple[str, str]]:
    """Yield the key and the words of each of the first problems, and how many more there are.

    Args:
        error: What pydantic raised for the model.
        model: The model.
        prefix: Path of the value in its file, e.g. ``methods[0]``.
    """
    entries = [
        _without_union(entry, model) for entry in islice(error.errors(include_url=False), _MOST)
    ]
    wrong = [entry["loc"] for entry in entries]
    told: set[tuple[str, str]] = set()
    lists: set[str] = set()
    for entry in entries:
        location = entry["loc"]
        if entry["type"] == "too_short" and any(_below(other, location) for other in wrong):
            continue  # the list is short only because pydantic left its wrong items out
        if entry["type"] == "missing" and _has_old_name(entry, model):
            continue  # the unknown old key is a problem of its own
        if (*location, _KEY) in wrong:
            continue  # the value of a key that is not allowed
        key, words = _told(entry, entries, model, prefix)
        words, allowed = words.partition(_ALLOWED)[::2]
        is_new = allowed not in lists  # a list of keys is told once
        if (key, words) not in told:
            told.add((key, words))
            lists.add(allowed)
            yield key, f"{words}{_ALLOWED}{allowed}" if allowed and is_new else words
    if (more := error.error_count() - _MOST) > 0:
        yield "", f"and {counted(more, 'further problem')}"


def _told(
    entry: ErrorDetails, entries: list[ErrorDetails], model: type[BaseModel], prefix: str
) -> tuple[str, str]:
    kind, location, given = entry["type"], entry["loc"], entry["input"]
    key = _dotted(prefix, location)
    if kind == "extra_forbidden" or location[-1:] == (_KEY,):
        return key, _unknown(entry, model, prefix)
    if kind == "missing":
        return (
            key,
            f"missing{_choices(kind_at(model, location))}{_own_keys(given, model, location[:-1])}",
        )
    if kind in ("value_error", "assertion_error"):
        return _own_words(entry, model, prefix)
    alike = [other for other in entries if other["loc"] == location]
    words = " or ".join(dict.fromkeys(words_of(other) for other in alike))
    return key, f"{words.replace(' or must be ', ' or ')}{_shown(given)}{_advice(entry, model)}"


def words_of(entry: ErrorDetails) -> str:
    """Return what is allowed, of one problem of pydantic: ``must be a whole number``."""
    kind, context = entry["type"], entry.get("ctx", {})
    if kind in _LISTS:
        return "expected a list"
    if kind in _MAPPINGS:
        return "expected keys and values"
    if kind == "too_short":
        return f"expected at least {counted(context['min_length'], 'entry', 'entries')}"
    if kind == "too_long":
        return f"expected at most {counted(context['max_length'], 'entry', 'entries')}"
    if kind == "string_too_short" and context["min_length"] == 1:
        return "must not be empty"
    if kind == "string_pattern_mismatch" and context["pattern"] in PATTERNS:
        return f"must be {PATTERNS[context['pattern']]}"
    return _WORDS.get(kind) or _lower(entry["msg"])


def _advice(entry: ErrorDetails, model: type[BaseModel]) -> str:
    """Return what to do, as a sentence after a full stop, or nothing."""
    kind, given, location = entry["type"], entry["input"], entry["loc"]
    of_models = model_in(kind_at(model, location)) is not None
    if kind == "literal_error" and isinstance(given, str):
        choices = re.findall(r"'([^']*)'", str(entry.get("ctx", {}).get("expected", "")))
        return f".{hint}" if (hint := near(given, choices)) else ""
    if kind == "string_type" and isinstance(given, int | float) and not isinstance(given, bool):
        return f". Write it in quotes: '{given}'"
    if kind in _LISTS and isinstance(given, str) and not of_models:
        return f". Write it in brackets: [{given[:_MAX_NAME]}]"
    if kind in _LISTS and isinstance(given, Mapping) and of_models:
        return ". Begin each of its entries with '- ', or write [{...}]"
    if kind in _MAPPINGS and (known := keys_at(model, location)):
        return f". Its keys: {', '.join(known)}"
    return ""


def _unknown(entry: ErrorDetails, model: type[BaseModel], prefix: str) -> str:
    """Return what to say of a key that is not allowed, the likeliest mistake first."""
    location = tuple(part for part in entry["loc"] if part != _KEY)
    name, parent = str(location[-1]), location[:-1]
    known = keys_at(model, parent)
    head, colon, rest = redacted(name).partition(":")  # before an address is taken apart
    if colon and rest and (head in known or not known):
        return f"unknown key. Write a space after the colon: '{head}: {rest[:_MAX_NAME]}'"
    if hint := near(name, known, _NEAR):
        return f"unknown key.{hint}"
    places = [_dotted(prefix, place) for place in places_of(model, name) if place != parent]
    if places:
        shown = " and of ".join(
            repr(place) if place else "the top level" for place in places[:_SHOWN]
        )
        return f"unknown key. {name!r} is a key of {shown}"
    for other, owner in getattr(model, "elsewhere", {}).items():
        if name == other or renamed(name, [other]):
            return f"unknown key. {other!r} is a key of {owner}"
    hint = near(name, known)
    if hint or not known:
        return f"unknown key.{hint}"
    return f"unknown key{_ALLOWED}{', '.join(known)}"


def _own_words(entry: ErrorDetails, model: type[BaseModel], prefix: str) -> tuple[str, str]:
    """Return key and words of a check of ours; the words may begin with the key and a colon."""
    location, given = entry["loc"], entry["input"]
    words = entry["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    key, colon, rest = words.partition(": ")
    parts: Location = tuple(key.split("."))
    inside = isinstance(given, Mapping) and parts[0] in given
    if colon and (inside or parts[0] in keys_at(model, location)):
        location, words = (*location, *parts), rest
        for part in parts:
            given = given.get(part, {}) if isinstance(given, Mapping) else {}
    else:
        words = words[:1].lower() + words[1:]
    shown = "" if "found" in words else _shown(given)
    return _dotted(prefix, location), words + shown


def _choices(kind: Any) -> str:
    names = [str(name) for name in get_args(kind)] if get_origin(kind) is Literal else []
    return f": one of {', '.join(names)}" if names else ""


def _own_keys(given: object, model: type[BaseModel], location: Location) -> str:
    """Return the further keys of an entry that may have any: one may be a misspelling."""
    of_entry = model_in(kind_at(model, location))
    any_key = of_entry is not None and of_entry.model_config.get("extra") == "allow"
    if not any_key or not isinstance(given, Mapping):
        return ""
    known = keys_at(model, location)
    others = [shortened(key) for key in given if key not in known]
    return f" (found {first_of(others, _SHOWN)})" if others else ""


def _has_old_name(entry: ErrorDetails, model: type[BaseModel]) -> bool:
    given = entry["input"] if isinstance(entry["input"], Mapping) else {}
    known = keys_at(model, entry["loc"][:-1])
    return any(renamed(str(key), known) == entry["loc"][-1] for key in given)


def _without_union(entry: ErrorDetails, model: type[BaseModel]) -> ErrorDetails:
    """Return the problem without the part of its location that names one of several kinds."""
    *start, last = entry["loc"] or ("",)
    kind = kind_at(model, tuple(start))
    union = get_origin(kind) in (Union, types.UnionType) and model_in(kind) is None
    if union and isinstance(last, str):
        return {**entry, "loc": tuple(start)}
    return entry


def _shown(found: object) -> str:
    """Return the value that was found in brackets; a whole section would hide the message."""
    inside = found if isinstance(found, list | tuple) else [found]
    if any(isinstance(part, Mapping | BaseModel) for part in inside):
        return ""
    return f" (found {'nothing' if found is None else shortened(found)})"


def _below(inner: Location, outer: Location) -> bool:
    return len(inner) > len(outer) and inner[: len(outer)] == outer


def _dotted(prefix: str, location: Location) -> str:
    path = prefix
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif not part.startswith("["):  # of pydantic: the key of a mapping, the tag of a kind
            name = part[:_MAX_NAME]
            path += f".{name}" if path else name
    return path


def _lower(message: str) -> str:
    message = re.sub(r"^(Input|String|List|Tuple|Dictionary) should ", "must ", message)
    return message[:1].lower() + message[1:]
