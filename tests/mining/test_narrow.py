from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from datagen.mining.narrow import Side, cut_for, narrow, narrow_whole

SIDES: list[Side] = ["low", "high", "middle"]
sides = st.sampled_from(SIDES)
numbers = st.floats(-1e4, 1e4).map(lambda value: round(value, 6))


@given(ends=st.tuples(numbers, numbers).map(sorted), side=sides, cut=st.floats(0, 1))
def test_half_of_a_range_stays_and_nothing_is_added(
    ends: list[float], side: Side, cut: float
) -> None:
    low, high = ends
    assume(high - low > 1e-5)
    new = narrow(low, high, side, cut)
    assert low <= new[0] <= new[1] <= high
    left, width = new[1] - new[0], high - low
    assert left >= width / 2 - 1e-11
    assert left >= (1 - cut) * width - 1e-11
    assert left <= (1 - min(cut, 0.5)) * width + 0.021 * width
    assert new[0] == low or side != "low"
    assert new[1] == high or side != "high"


@given(low=st.integers(-50, 50), more=st.integers(0, 100), side=sides, cut=st.floats(0, 1))
def test_half_of_the_whole_numbers_and_two_stay(
    low: int, more: int, side: Side, cut: float
) -> None:
    high = low + more
    new = narrow_whole(low, high, side, cut)
    assert low <= new[0] <= new[1] <= high
    assert new[1] - new[0] + 1 >= min(max(2, math.ceil((more + 1) / 2)), more + 1)
    assert new[0] == low or side != "low"
    assert new[1] == high or side != "high"


def test_ends_are_short_and_rather_too_wide() -> None:
    assert narrow(0.01, 0.05, "high", 0.318) == (0.0227, 0.05)
    assert narrow(0.01, 0.05, "low", 0.318) == (0.01, 0.0373)
    assert narrow(-15, 15, "middle", 0.4) == (-9, 9)
    assert narrow_whole(1, 5, "high", 0.5) == (3, 5)
    assert narrow_whole(1, 5, "low", 0.29) == (1, 4)
    assert narrow_whole(1, 4, "high", 0.4) == (3, 4)
    assert narrow_whole(30, 95, "middle", 0.25) == (38, 87)
    assert narrow(2, 2, "low", 0.5) == (2, 2)
    assert narrow_whole(3, 4, "high", 0.5) == (3, 4)


def test_the_cut_grows_with_the_difference_up_to_a_half() -> None:
    assert cut_for(0.8, 0.8) == 0
    assert cut_for(0.6, 0.8) == pytest.approx(1 - 0.5 / 0.8)  # errors 2 : 1, squares 4 : 1
    assert 0.49 < cut_for(0.5, 0.99) <= 0.5
    assert cut_for(0.995, 0.999) == 0  # both are solved
    assert cut_for(0.9, 0.8) == 0
