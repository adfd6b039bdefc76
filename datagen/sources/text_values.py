"""Names and values inside of a text: JSON, what Python prints of it, XML, and lists of pairs.

No parser reads all spellings in which tables keep them, and one that fails hides a value: names and
what follows them are looked for instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["listed_names", "named_values"]

_BEFORE = " \t\r\n\ufeff\"'\\"
_KEYS = re.compile(
    r"(?<![\w .-])([\w .-]++)[\"'\\]*+\s*+[:=]>?\s*+(?=[\"'\\\[{(\s]*+([^,;}\])\"'\\\n]{1,40}+))"
)
_LISTED = re.compile(r"[\"']([^\"'\\\n]{2,30})[\"'\\]+\s*,(?=[^\w\n-]*+([^,;}\])\"'\\\n]{1,40}+))")
_ELEMENTS = re.compile(r"<([\w.:-]{1,60})[^<>]{0,200}>\s*+([^<]{1,40})")
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_ESCAPED = re.compile(r"\\+u([0-9a-fA-F]{4})")
_BETWEEN = re.compile(r"[;|,&\n]")
_PAIR = re.compile(r"\s*([\w .-]{1,60})[:=]\s*([^:=]{1,100})")


def named_values(text: str) -> Iterator[tuple[str, str]]:
    """Yield each name with the beginning of its value; nothing of prose."""
    text = _UNSEEN.sub("", _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text))
    begin = text.lstrip(_BEFORE)[:1]
    if begin in ("{", "["):
        found = _KEYS.finditer(text)
    elif begin == "<":
        found = _ELEMENTS.finditer(text)
    else:
        parts = [part for part in _BETWEEN.split(text) if part.strip()]
        pairs = [_PAIR.fullmatch(part) for part in parts]
        whole = len(pairs) > 1 or "=" in text  # "Baby: 3 months" is the title of a photograph
        found = iter([pair for pair in pairs if pair] if whole and all(pairs) else [])
    yield from ((match[1].strip(), match[2]) for match in found)


def listed_names(text: str) -> Iterator[tuple[str, str]]:
    """Yield each text of a list with what follows it, as in ``[["age", 15]]``."""
    if text.lstrip(_BEFORE).startswith(("{", "[")):
        yield from ((match[1].strip(), match[2]) for match in _LISTED.finditer(text))
