from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from datagen.core.fields import IntRange, Range, Share, sums_to_one
from datagen.core.schema import Frozen


class Fields(Frozen):
    share: Share = Fraction(0)
    span: Range = (0.0, 0.0)
    whole: IntRange = (0, 0)


def refused(**keys: object) -> str:
    with pytest.raises(ValidationError) as caught:
        Fields.model_validate(keys)
    return str(caught.value)


@pytest.mark.parametrize(
    ("written", "share"),
    [
        (0, Fraction(0)),
        (1, Fraction(1)),
        (0.25, Fraction(1, 4)),
        (0.1, Fraction(1, 10)),
        (0.3333, Fraction(3333, 10_000)),
        ("1/3", Fraction(1, 3)),
        (" 2 / 6 ", Fraction(1, 3)),
        ("0.5", Fraction(1, 2)),
        (Fraction(5, 7), Fraction(5, 7)),
    ],
)
def test_a_share_is_exact(written: object, share: Fraction) -> None:
    assert Fields.model_validate({"share": written}).share == share


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (True, "must be a share such as 0.25 or 1/3"),
        (None, "must be a share such as"),
        ("a third", "must be a share such as"),
        ("1/0", "must be a share such as"),
        ([0.5], "must be a share such as"),
        (float("nan"), "must be a share such as"),
        (float("inf"), "must be a share such as"),
        ("1e-99999999", "must be a share such as"),
        ("1E+99999999", "must be a share such as"),
        ("0." + "3" * 100_000, "must be a share such as"),
        ("1/" + "3" * 5000, "must be a share such as"),
        pytest.param(10**5000, "must be a share from 0 to 1", id="huge"),
        (-0.1, "from 0 to 1"),
        (1.5, "from 0 to 1"),
        ("4/3", "from 0 to 1"),
        (0.33333, "at most four decimals, or a fraction"),
        ("1/10001", "at most four decimals"),
    ],
)
def test_what_is_no_share_is_refused(written: object, words: str) -> None:
    assert words in refused(share=written)


@given(st.integers(1, 10_000).flatmap(lambda d: st.tuples(st.integers(0, d), st.just(d))))
def test_a_share_is_written_as_it_is_read(parts: tuple[int, int]) -> None:
    made = Fields(share=Fraction(*parts))
    dumped = made.model_dump(mode="json")
    assert Fields.model_validate(dumped) == made
    assert dumped["share"] == str(Fraction(*parts))


def test_shares_sum_to_exactly_one() -> None:
    sums_to_one([Fraction(1, 3)] * 3, "thirds")
    sums_to_one([Fraction("0.1")] * 10, "tenths")
    with pytest.raises(ValueError, match=r"^thirds must sum to 1, found 0\.9999 \(write 1/3"):
        sums_to_one([Fraction("0.3333")] * 3, "thirds")
    with pytest.raises(ValueError, match="sum to 1, found 0 "):
        sums_to_one([], "nothing")


@pytest.mark.parametrize(
    ("written", "span"), [(2, (2.0, 2.0)), ([1, 2.5], (1.0, 2.5)), ([3, 3], (3.0, 3.0))]
)
def test_a_range_is_two_numbers_or_one(written: object, span: tuple[float, float]) -> None:
    assert Fields.model_validate({"span": written}).span == span


@pytest.mark.parametrize("written", [[2, 1], [2.0, 1.999]])
def test_a_falling_range_is_refused(written: list[float]) -> None:
    assert "must be [low, high] with low <= high" in refused(span=written)


@pytest.mark.parametrize("written", [[1], [1, 2, 3], "1-2", {"low": 1}, None, [1, float("nan")]])
def test_what_is_no_range_is_refused(written: object) -> None:
    assert "span" in refused(span=written)


def test_a_range_of_whole_numbers() -> None:
    assert Fields.model_validate({"whole": 7}).whole == (7, 7)
    assert Fields.model_validate({"whole": [7, 9]}).whole == (7, 9)
    assert "low <= high" in refused(whole=[9, 7])
    assert "whole number" in refused(whole=[7, 8.5])
    assert "whole number" in refused(whole=7.5)
