from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datagen.errors import RecipeError
from datagen.mining.shares import reweight


@given(
    counts=st.lists(st.integers(0, 60), min_size=1, max_size=12).filter(any),
    data=st.data(),
)
def test_shares_keep_their_sum_and_their_bounds(counts: list[int], data: st.DataObject) -> None:
    shares = [Fraction(count, sum(counts)) for count in counts]
    pulls = st.none() | st.floats(1e-4, 1e4)
    pull = data.draw(st.lists(pulls, min_size=len(shares), max_size=len(shares)))
    new = reweight(shares, pull)
    assert sum(new) == 1
    for old, one, force in zip(shares, new, pull, strict=True):
        assert old / 2 <= one <= 2 * old
        assert one.denominator <= 10_000
        if force is None:
            assert one == old


def test_equal_pulls_change_nothing() -> None:
    shares = [Fraction(1, 3), Fraction(1, 6), Fraction(1, 2)]
    assert reweight(shares, [0.7] * 3) == shares


def test_the_weak_grow_and_the_strong_shrink() -> None:
    new = reweight([Fraction(1, 4)] * 4, [4.0, 1.0, 1.0, 0.01])
    assert new[0] > new[1] >= new[2] > new[3] == Fraction(13, 100)  # an eighth, rounded up
    assert new[1] - new[2] <= Fraction(1, 100)


def test_a_share_alone_stays_whole() -> None:
    assert reweight([Fraction(1)], [5.0]) == [1]
    assert reweight([Fraction(1), Fraction(0)], [0.1, 9.0]) == [1, 0]


def test_shares_without_a_common_denominator_are_refused() -> None:
    shares = [Fraction(1, 9973), Fraction(1, 9967)]
    with pytest.raises(RecipeError, match="use rounder ones"):
        reweight([*shares, 1 - sum(shares, Fraction(0))], [1.0, 2.0, 1.0])
