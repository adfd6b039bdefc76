from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datagen.errors import RecipeError
from datagen.planning.quota import Quota, largest_remainders


@st.composite
def some_shares(draw: st.DrawFn, fewest: int = 1) -> list[Fraction]:
    weights = draw(st.lists(st.integers(0, 40), min_size=fewest, max_size=6).filter(any))
    return [Fraction(weight, sum(weights)) for weight in weights]


@given(some_shares())
@settings(max_examples=60)
def test_every_prefix_is_less_than_one_from_its_share(shares: list[Fraction]) -> None:
    quota = Quota(shares)
    seen = [0] * len(shares)
    for position in range(2 * quota.period + 3):
        seen[quota.choice(position)] += 1
        for count, share in zip(seen, shares, strict=True):
            assert abs(count - (position + 1) * share) < 1


@given(some_shares(), st.integers(0, 500))
@settings(max_examples=60)
def test_rank_and_counts_are_those_of_the_choices(shares: list[Fraction], positions: int) -> None:
    quota = Quota(shares)
    seen = [0] * len(shares)
    for position in range(positions):
        assert quota.rank(position) == seen[quota.choice(position)]
        seen[quota.choice(position)] += 1
    assert quota.counts(positions) == seen


@given(some_shares(), st.integers(0, 10**12))
@settings(max_examples=60)
def test_far_positions_follow_by_arithmetic(shares: list[Fraction], far: int) -> None:
    quota = Quota(shares)
    near = far % quota.period
    chosen = quota.choice(far)
    assert chosen == quota.choice(near)
    per_period = shares[chosen] * quota.period
    assert quota.rank(far) == quota.rank(near) + far // quota.period * per_period
    counts = quota.counts(far)
    assert sum(counts) == far
    assert counts[chosen] == quota.rank(far)


def test_a_far_position_costs_one_period(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0
    plain = Quota._earliest

    def counted(self: Quota, counts: list[int], position: int) -> int:
        nonlocal asked
        asked += 1
        return plain(self, counts, position)

    monkeypatch.setattr(Quota, "_earliest", counted)
    quota = Quota([Fraction(1, 3), Fraction(1, 4), Fraction(5, 12)])
    for position in (10**9, 10**9 + 1, 10**15):
        quota.choice(position)
        quota.rank(position)
        quota.counts(position)
    assert asked == quota.period == 12


def test_two_halves_alternate() -> None:
    quota = Quota([Fraction(1, 2), Fraction(1, 2)])
    assert [quota.choice(n) for n in range(6)] == [0, 1, 0, 1, 0, 1]


def test_the_sequence_is_what_it_was() -> None:
    # If this fails, a longer run no longer begins with the shorter one of an old release.
    quota = Quota([Fraction(1, 3), Fraction(1, 4), Fraction(5, 12)])
    assert [quota.choice(n) for n in range(12)] == [0, 2, 1, 2, 0, 1, 2, 0, 2, 0, 1, 2]
    quota = Quota([Fraction(2, 7), Fraction(5, 7)])
    assert [quota.choice(n) for n in range(7)] == [1, 1, 0, 1, 1, 0, 1]


def test_a_share_of_nothing_is_never_dealt() -> None:
    quota = Quota([Fraction(0), Fraction(1)])
    assert {quota.choice(n) for n in range(50)} == {1}
    assert quota.counts(50) == [0, 50]


def test_shares_that_do_not_sum_to_one_are_refused() -> None:
    with pytest.raises(ValueError, match="sum to 1"):
        Quota([Fraction(1, 2), Fraction(1, 3)])


def test_shares_without_a_small_common_denominator_are_refused() -> None:
    first, second = Fraction(1, 9973), Fraction(1, 9967)
    with pytest.raises(RecipeError, match=r"1/9973, 1/9967, .* use simpler fractions"):
        Quota([first, second, 1 - first - second])


@given(some_shares(), st.integers(0, 2000))
def test_largest_remainders_deal_all_within_one(shares: list[Fraction], total: int) -> None:
    dealt = largest_remainders(total, shares)
    assert sum(dealt) == total
    for count, share in zip(dealt, shares, strict=True):
        assert abs(count - total * share) < 1
    by_rest = sorted(
        range(len(shares)), key=lambda n: (-(total * shares[n] - int(total * shares[n])), n)
    )
    up = {n for n in range(len(shares)) if dealt[n] > int(total * shares[n])}
    assert up == set(by_rest[: len(up)])


def test_ties_go_to_the_earlier_share() -> None:
    assert largest_remainders(1, [Fraction(1, 2), Fraction(1, 2)]) == [1, 0]
    assert largest_remainders(5, [Fraction(1, 3)] * 3) == [2, 2, 1]


def test_what_is_owed_decides_the_next_deal() -> None:
    halves = [Fraction(1, 2), Fraction(1, 2)]
    assert largest_remainders(1, halves, [Fraction(-1, 2), Fraction(1, 2)]) == [0, 1]
    assert largest_remainders(3, halves, [Fraction(-1, 2), Fraction(1, 2)]) == [1, 2]


@given(st.lists(st.integers(0, 9), min_size=1, max_size=30), some_shares(fewest=2))
def test_debts_never_reach_one_however_small_the_deals(
    sizes: list[int], shares: list[Fraction]
) -> None:
    owed = [Fraction(0)] * len(shares)
    for size in sizes:
        dealt = largest_remainders(size, shares, owed)
        assert sum(dealt) == size
        assert min(dealt) >= 0
        owed = [
            debt + size * share - count
            for debt, share, count in zip(owed, shares, dealt, strict=True)
        ]
        assert max(map(abs, owed)) < 1
