from __future__ import annotations

import datetime as dt
from fractions import Fraction

import pytest

from datagen.core.plain_data import MAX_DEPTH, check_plain


def nested(depth: int) -> object:
    return [nested(depth - 1)] if depth else 1


def test_plain_data_passes() -> None:
    check_plain({"a": [1, -2.5, True, None, "é\n\t", dt.date(2026, 1, 1)], 3: {"b": nested(30)}})
    check_plain({"a": Fraction(1, 3)}, of_python=True)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({"a": [0, {"b": float("nan")}]}, r"a\[1\]\.b: nan is not a finite number"),
        pytest.param([10**5000], "64 bits", id="huge"),
        ({"a\x1b": 1}, r"control character U\+001B"),
        (["\udc80"], r"surrogate U\+DC80"),
        (["x" * 70_000], "a text of 70000 characters"),
        ([[1] * 30_000], "more than 20000 values"),
        (nested(MAX_DEPTH + 1), "nested more than 40 deep"),
        ({"a": Fraction(1, 3)}, "a value of type Fraction"),
    ],
)
def test_other_data_is_refused_with_its_place(value: object, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        check_plain(value)
