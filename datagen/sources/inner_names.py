"""What stands inside of a cell: names and values around a colon, or values in brackets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

__all__ = ["is_structured", "pairs_in", "signs_in", "text_of"]

_LONGEST = 120  # characters of a name, back from its sign
_LONGEST_WORD = 200
_LONGEST_VALUE = 64
_SIGNS = ":=\uff1a\uff1d\ufe55\u2236\ua789\u02d0\ufe30\ufe66"
_SIGN = re.compile(rf"[<>]?[{_SIGNS}]")
_TIME = re.compile(r"(?:[\dTZ:.,\s/-]++|(?<=\d)\+(?=\d\d:?\d\d))*+")
_REST = re.compile(r"[^\W_]*")
_NUMBER = re.compile(r"\s*\d{1,3}")
_VALUE = re.compile(r"[^,;|\n\r{}()\[\]<\uff0c\uff1b\u3001]*")
_NAMED = re.compile(r"[^\W\d_]|[+<>\u2264\u2265]")
_NO_AGE = re.compile(r"\d{3,}|(?<!\d)(?:0?\d|2[2-9]|[3-9]\d)(?!\d)")  # numbers of no legal age
_AROUND = " \t\"'`\\*#-.\u200b\ufeff"

_OPEN = "{[(<\uff5b\uff3b\uff08\uff1c\u3010\u300c\u300a\u300e\u3014\u3008"
_CLOSED = ")]}>"
_FIRST = re.compile(rf"[^\W_]|[{re.escape(_OPEN)}]")
_LITERAL = re.compile(r"[bBuUrRfF]{1,2}[\"']")
_CALL = re.compile(r"[^\W\d][\w.]{0,80}[\s=:]{0,3}[(\[{<]")  # such as OrderedDict([
_NOTHING = ("<na>", "<null>", "<none>", "(null)", "(none)", "[null]")
_NO_NUMBER = re.compile(r"nan|inf|null|none|true|false")
_NUMBERS = re.compile(r"[\s\d.,;+\-\[\](){}e]*")


def text_of(cell: Any) -> str:
    """Return a cell that is a text, or bytes of one; otherwise nothing."""
    if isinstance(cell, bytes):
        try:
            return cell.decode()
        except UnicodeDecodeError:  # of an image, of numbers
            return ""
    return cell if isinstance(cell, str) else ""


def signs_in(text: str) -> int:
    """Return how many colons and equals signs a text has that is not just a time."""
    count = sum(map(text.count, _SIGNS))
    return 0 if count and _TIME.fullmatch(text) else count


def pairs_in(text: str) -> Iterator[tuple[str, str]]:
    """Yield names with their values, such as ``Age (years)`` and ``15`` in ``Age (years): 15``.

    A name is all that stands before a colon or an equals sign, back to the name before it, at
    most 120 characters and the rest of a word; numbers in it that are no age between 10 and 21 are
    0. A value is empty where a bracket follows. ``age>=15`` and ``>=18`` are names as a whole.
    """
    before = origin = start = 0  # of the name before, of this one, and behind its last sign
    for sign in _SIGN.finditer(text, 0, len(text.rstrip("= "))):
        end, number = sign.start(), None
        if sign.group()[0] in "<>" and (number := _NUMBER.match(text, sign.end())):
            end = number.end()
        name = text[_begin(text, start if number else origin, end) : end]
        if not _NAMED.search(name):  # a number that belongs to the name before: "over=18: no"
            name = text[_begin(text, before, end) : end]
        if _NAMED.search(name):
            value = _VALUE.match(text, sign.end(), sign.end() + _LONGEST_VALUE)
            said = "" if value is None else value.group().strip(_AROUND + ">")
            yield _NO_AGE.sub("0", name.strip(_AROUND)), said
        start = max(end, sign.end())
        if not number:
            before, origin = origin, start


def _begin(text: str, start: int, end: int) -> int:
    """Return where a name begins: with a whole word, unless that is very long."""
    begin = max(start, end - _LONGEST)
    if begin == start or not text[begin].isalnum():
        return begin
    word = _REST.match(text[max(start, end - _LONGEST_WORD) : begin][::-1])
    return begin - (word.end() if word else 0)


def is_structured(cell: Any) -> bool:
    """Return whether a cell holds values with names of their own, or a list of texts.

    Lists of numbers are not, whether they are lists or written as text.
    """
    if isinstance(cell, Mapping):
        return bool(cell)
    if isinstance(cell, list | tuple | np.ndarray):
        return not _only_numbers(cell)
    return _begins_a_structure(text_of(cell))


def _begins_a_structure(text: str) -> bool:
    first = _FIRST.search(text)
    while first is not None and (literal := _LITERAL.match(text, first.start())):
        first = _FIRST.search(text, literal.end())
    if first is None or text.strip().lower() in _NOTHING:
        return False
    if first.group() in _OPEN:
        return _NUMBERS.fullmatch(_NO_NUMBER.sub("", text.lower())) is None
    called = _CALL.match(text, first.start())
    if called is None or text.rstrip(_AROUND)[-1:] not in _CLOSED:
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
