"""The words inside of a cell: of structs, lists and maps, and of texts such as JSON, XML and pairs.

No parser reads all spellings of those, and one that fails hides what they say: the words are read
in their order, whatever stands between them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

__all__ = ["inner_words"]

_STRUCTURED = re.compile(
    r"[\"'\\\s\ufeff]*(?:[{\[<(#\u3010\u300c\u300a-]|[^:=({\[<]{0,40}[:=({\[<])"
)
_MARKS = re.compile(  # accents and vowels that stand above or below, and signs that are not seen
    r"[\u0300-\u036f\u0591-\u05bd\u064b-\u065f\u0900-\u0903\u093a-\u094f\u0981-\u0983\u09bc-\u09cd"
    r"\u0b82\u0bbe-\u0bcd\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u200b-\u200f\ufeff]+"
)
_ESCAPED = re.compile(r"(?<!\\)\\++[ux](?:00)?([0-9a-fA-F]{2}(?:[0-9a-fA-F]{2})?)")
_WORDS = re.compile(r"[^\W\d]\w*|\d+\+?")


def _is_structured(text: str) -> bool:
    """Return whether a text may hold names and values: it begins with a bracket or with a name."""
    begin = text.lstrip()[:200]
    if not begin.isascii():  # Chinese and Japanese have their own colons
        begin = unicodedata.normalize("NFKC", begin)
    return _STRUCTURED.match(begin) is not None


def inner_words(cell: Any) -> Iterator[str]:
    """Yield the words inside of a cell in their order, numbers among them; nothing of prose.

    Args:
        cell: A value of a table: mappings, lists and arrays of any depth, texts and bytes.
    """
    waiting = [cell]
    while waiting:
        one = waiting.pop()
        if isinstance(one, bytes):
            one = one.decode(errors="ignore")
        if isinstance(one, str):
            yield from _words_of(one, one is not cell)
        elif isinstance(one, Mapping):
            waiting.extend(part for pair in reversed(list(one.items())) for part in reversed(pair))
        elif isinstance(one, np.ndarray) and one.dtype != object:
            yield "0"  # numbers, of which the first is enough
        elif isinstance(one, list | tuple | np.ndarray):
            waiting.extend(reversed(list(one)))
        elif one is not cell:
            yield str(one)[:40]


def _words_of(text: str, inside: bool) -> Iterator[str]:
    if not inside and not _is_structured(text):
        return
    if not text.isascii():
        text = _MARKS.sub("", text)
    if "\\" in text:
        text = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text).replace("\x00", "")
    yield from (match.group() for match in _WORDS.finditer(text))
