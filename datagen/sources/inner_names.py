"""What stands inside of a cell: names and values around a colon, or values in brackets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np

__all__ = ["is_structured", "pairs_in", "text_of"]

_LONGEST = 60  # of a name; what is longer is a sentence
_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}  # of ASCII, as Chinese has them
_APART = re.compile(r"[,;|&?/\n\r\t{}()\[\]<>\u3001\u3002]+")
_SIGN = re.compile(r"[:=]")
_AROUND = " \"'`\\*#-.\u200b\ufeff"
_OPEN, _CLOSED = "{[(<\u3010\u300c\u300a\u300e\u3014\u3008", ")]}>"
_CALL = re.compile(r"[^\W\d][\w.]{0,80}[(\[{<]")  # such as OrderedDict([
_NOTHING = ("<na>", "<null>", "<none>", "(null)", "(none)", "[null]")
_NO_NUMBER = re.compile(r"nan|inf|null|none")
_NUMBERS = re.compile(r"[\s\d.,;+\-\[\](){}e]*")


def text_of(cell: Any) -> str:
    """Return a cell that is a text, or bytes of one; otherwise nothing."""
    if isinstance(cell, bytes):
        try:
            return cell.decode()
        except UnicodeDecodeError:  # of an image, of numbers
            return ""
    return cell if isinstance(cell, str) else ""


def pairs_in(text: str) -> Iterator[tuple[str, str]]:
    """Yield names with their values, such as ``age`` and ``15`` in ``x; age: 15``.

    A name stands before a colon or an equals sign; its value is empty where a bracket follows.
    """
    plain = (text if text.isascii() else text.translate(_WIDE)).rstrip("= ")
    if ":" not in plain and "=" not in plain:
        return
    for part in _APART.split(plain):
        for name, value in pairwise(_SIGN.split(part)):
            if 0 < len(name := name.strip(_AROUND)) <= _LONGEST:
                yield name, value.strip(_AROUND)


def is_structured(cell: Any) -> bool:
    """Return whether a cell holds values with names of their own, or a list of texts.

    Lists of numbers are not, whether they are lists or written as text.
    """
    if isinstance(cell, Mapping):
        return bool(cell)
    if isinstance(cell, list | tuple | np.ndarray):
        return not _only_numbers(cell)
    text = text_of(cell).lstrip(_AROUND + "\t\r\n")
    if text.strip().lower() in _NOTHING:
        return False
    if not text.isascii():
        text = text.translate(_WIDE)
    if text[:1] and text[0] in _OPEN:
        return _NUMBERS.fullmatch(_NO_NUMBER.sub("", text.lower())) is None
    called = _CALL.match(text)
    if called is None or text.rstrip(_AROUND)[-1] not in _CLOSED:
        return False
    return any(sign in text[called.end() :] for sign in _OPEN + "\"'")


def _only_numbers(cell: Any) -> bool:
    waiting = [cell]
    while waiting:
        one = waiting.pop()
        if isinstance(one, np.ndarray) and one.dtype.kind in "biuf":
            continue
        if isinstance(one, list | tuple | np.ndarray):
            waiting.extend(one)
        elif one is not None and not isinstance(one, bool | int | float | np.number):
            return False
    return True
