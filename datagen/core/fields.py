"""Field types of recipes and cards: exact shares, ranges, and texts of one line."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, BeforeValidator, PlainSerializer

from datagen.core.terminal import UNSAFE

__all__ = ["IntRange", "Line", "Range", "Share", "sums_to_one"]

_MAX_NUMBER = 40  # characters
_LONG_EXPONENT = re.compile(r"e[+-]?\d{4}", re.IGNORECASE)  # 1e-99999999 has as many digits


def _share(value: object) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Fraction):
        raise ValueError("must be a share such as 0.25 or 1/3")
    try:
        share = Fraction(value if isinstance(value, int) else _bounded(str(value)))
    except (ValueError, ZeroDivisionError):
        raise ValueError("must be a share such as 0.25 or 1/3") from None
    if not 0 <= share <= 1:
        raise ValueError("must be a share from 0 to 1")
    if share.denominator > 10_000:
        raise ValueError("must have at most four decimals, or a fraction such as 1/3")
    return share


def _bounded(text: str) -> str:
    """Return the text of a number without spaces, if it is short and so is its exponent."""
    text = text.replace(" ", "")
    if len(text) > _MAX_NUMBER or _LONG_EXPONENT.search(text):
        raise ValueError("too long")
    return text


Share: TypeAlias = Annotated[
    Fraction, BeforeValidator(_share), PlainSerializer(lambda share: str(share))
]
"""An exact share from 0 to 1: ``0.25`` is a quarter and ``1/3`` is exactly a third."""


def sums_to_one(shares: Iterable[Fraction], what: str) -> None:
    """Raise ``ValueError`` naming ``what`` unless the shares sum to exactly 1."""
    total = sum(shares, Fraction(0))
    if total != 1:
        shown = float(total)
        raise ValueError(f"{what} must sum to 1, found {shown:g} (write 1/3 for thirds)")


def _pair(value: object) -> object:
    found = value if isinstance(value, list | tuple) else [value, value]
    numbers = [n for n in found if isinstance(n, int | float) and not isinstance(n, bool)]
    if len(found) != 2 or len(numbers) != 2:
        raise ValueError("must be a number or [low, high]")
    return tuple(found)


def _whole_pair(value: object) -> object:
    pair = _pair(value)
    if not isinstance(pair, tuple) or any(number % 1 != 0 for number in pair):
        raise ValueError("must be a whole number or [low, high] of whole numbers")
    return pair


def _rising(pair: tuple[Any, Any]) -> tuple[Any, Any]:
    if pair[0] > pair[1]:
        raise ValueError("must be [low, high] with low <= high")
    return pair


Range: TypeAlias = Annotated[tuple[float, float], BeforeValidator(_pair), AfterValidator(_rising)]
"""``[low, high]``, or one number for both."""

IntRange: TypeAlias = Annotated[
    tuple[int, int], BeforeValidator(_whole_pair), AfterValidator(_rising)
]
"""``[low, high]`` of whole numbers, both included, or one number for both."""


def _line(text: str) -> str:
    if wrong := UNSAFE.search(text) or re.search(r"[\t\n]", text):
        code = f"U+{ord(wrong.group()):04X}"
        raise ValueError(f"must be one line of visible characters, without {code}")
    return text


Line: TypeAlias = Annotated[str, AfterValidator(_line)]
"""A text that stands on one line, in the order in which it is written."""
