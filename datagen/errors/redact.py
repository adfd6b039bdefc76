"""What must not be shown or written: passwords, keys and tokens, and where things are on a disk.

The lowest module, because errors use it too. Two degrees:

* ``redacted``: without credentials; for errors, logs and whatever a terminal shows.
* ``portable``: also without absolute paths and home folders; for what is written into a release.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["HIDDEN", "is_absolute", "portable", "redacted"]

HIDDEN = "***"
"""Stands where a password, key or token stood."""

_SENSITIVE = r"(?:token|secret|passw(?:or)?d|pwd|passphrase|api[_-]?key|access[_-]?key|credential)"
# The user's part of an address. A secret may contain slashes, so behind "name:" it reaches to the
# last @ of the word; a port is not a password.
_USER = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]{1,20}:/{1,3})"  # one slash: a path library made two into one
    r"(?:[^\s/:@'\"<>]*:(?!\d{1,5}(?:[/\s'\"]|$))[^\s'\"<>]*|[^\s/@'\"<>]+)@",
    re.IGNORECASE,
)
_QUERY = re.compile(
    rf"(?P<name>[?&;][\w.-]*(?:{_SENSITIVE}|key|sig|signature|auth)(?:[_-]?id)?=)[^\s&'\"#<>]+",
    re.IGNORECASE,
)
_VALUE = r"(?:\"[^\"]*\"|'[^']*'|[^\s'\",;&]+)"
_ASSIGNED = re.compile(
    rf"(?P<name>(?<![\w-])[\w-]{{0,60}}{_SENSITIVE}[\w-]{{0,60}}=){_VALUE}", re.IGNORECASE
)
_OPTION = re.compile(
    rf"(?P<name>(?<![\w-])--?[\w-]{{0,60}}{_SENSITIVE}[\w-]{{0,60}}\s+)(?!-){_VALUE}", re.IGNORECASE
)
_HEADER = re.compile(
    rf"(?P<name>\bauthorization['\"]?\s*[:=]\s*['\"]?(?:\w+\s+)?){_VALUE}", re.IGNORECASE
)
_NAMED = (_QUERY, _ASSIGNED, _OPTION, _HEADER)

_PART = r"[^\s/\\'\"<>|:,;()\[\]{}]+"
_PLACE = re.compile(
    r"(?:\b(?:file|local)://+|(?<![\w.:/\\}$~*)…-])(?:/|~[\w.-]*/|[A-Za-z]:[\\/]))"
    rf"(?:{_PART}[/\\]+)*(?P<last>{_PART})?",
)


def redacted(text: str) -> str:
    """Return a text without the credentials in its addresses, options and assignments."""
    if "@" in text:
        text = _USER.sub(lambda found: f"{found['scheme']}{HIDDEN}@", text)
    for pattern in _NAMED:
        text = pattern.sub(lambda found: f"{found['name']}{HIDDEN}", text)
    return text


def portable(value: Any) -> Any:
    """Return JSON-like data without credentials, and of absolute paths the last names only."""
    if isinstance(value, str):
        return _PLACE.sub(_last_name, redacted(value))
    if isinstance(value, Mapping):
        return {portable(key): portable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [portable(inner) for inner in value]
    return value


def is_absolute(path: str) -> bool:
    """Say whether a path starts at a root or a home folder, on any system."""
    return bool(re.match(r"[/\\~]|[A-Za-z]:[\\/]|(?:file|local):", path))


def _last_name(found: re.Match[str]) -> str:
    whole, last = found.group(), found["last"]
    if whole.count("/") + whole.count("\\") < 2 and not whole.startswith("~"):
        return whole  # "/" and "/name" are no places of a user
    return f"…/{last}" if last else "…"
