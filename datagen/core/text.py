"""Words for messages: near names, renamed names, lists and counts."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

__all__ = [
    "RENAMED",
    "RENAMED_OPTIONS",
    "counted",
    "first_line",
    "first_of",
    "near",
    "reason",
    "renamed",
    "shortened",
]

RENAMED: dict[str, tuple[str, ...]] = {
    # keys of recipes, cards, tables and options
    "choose": ("strategy",),
    "same": ("match",),
    "of": ("pool_size",),
    "else": ("fallback",),
    "otherwise": ("fallback",),
    "people": ("identities",),
    "person": ("identity", "identity_id"),
    "least": ("min_factor", "min_images"),
    "most": ("max_parts", "max_edits", "max_factor", "max_identities"),
    "pictures": ("images_per_identity", "images"),
    # values
    "picture": ("image",),
    "damage": ("degradation",),
    # commands and kinds of detectors
    "probe": ("baseline",),
}
"""Old names with the new ones, of which the first that is allowed is meant."""

RENAMED_OPTIONS = {
    "--people": "--identities",
    "--least": "--min-images",
    "--most": "--max-identities",
}
"""Old options of commands with the new ones."""

# Parts of names that were spelled the British way or were no terms of the field.
_SPELLINGS = (
    ("colour", "color"),
    ("grey", "gray"),
    ("licence", "license"),
    ("analyser", "analyzer"),
    ("normalise", "normalize"),
    ("posterise", "posterize"),
    ("centre", "center"),
    ("ageing", "aging"),
    ("least_", "min_"),
    ("most_", "max_"),
)


_MAX_NAME = 100  # characters; longer ones are no misspelled names


def renamed(name: str, known: Iterable[str]) -> str | None:
    """Return what ``name`` is called now, if it was renamed to one of the ``known`` names."""
    names = set(known)
    spelled = name
    for old, new in _SPELLINGS:
        spelled = spelled.replace(old, new)
    candidates = (*RENAMED.get(name, ()), *([spelled] if spelled != name else []))
    return next((found for found in candidates if found in names), None)


def near(name: str, known: Iterable[str], alike: float = 0.6) -> str:
    """Return a hint that begins with a space: the new name, or the closest ones, or nothing.

    Args:
        name: The unknown name.
        known: The names that are allowed.
        alike: How similar a name must be to be hinted at, from 0 to 1.
    """
    if len(name) > _MAX_NAME:
        return ""
    names = list(known)
    if now := renamed(name, names):
        return f" It is now called {now!r}."
    close = difflib.get_close_matches(name, names, n=3, cutoff=alike)
    return f" Did you mean {' or '.join(map(repr, close))}?" if close else ""


def counted(count: int, noun: str, nouns: str = "") -> str:
    """Return ``1 image`` or ``2 images``; ``nouns`` is the plural where it is irregular."""
    return f"{count} {noun if count == 1 else nouns or noun + 's'}"


def first_of(names: Sequence[object], shown: int, separator: str = ", ") -> str:
    """Return the first names of a list and how many more there are."""
    text = separator.join(map(str, names[:shown]))
    more = len(names) - shown
    return f"{text} and {more} more" if more > 0 else text


def reason(error: BaseException) -> str:
    """Return why a file cannot be used, without error numbers and names of codecs."""
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8 (byte {error.start})"
    return str(getattr(error, "strerror", None) or error)


def shortened(value: object, longest: int = 60) -> str:
    """Return how Python writes a value, cut to at most ``longest`` characters."""
    text = repr(value)
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def first_line(error: BaseException) -> str:
    """Return the first line of an error that says something, or else the name of its type."""
    lines = (line.strip() for line in str(error).splitlines())
    return next(filter(None, lines), type(error).__name__)
