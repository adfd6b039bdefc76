from __future__ import annotations

import pickle
from collections import Counter
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from datagen.planning.crossing import Crossing

SHARES = st.lists(st.integers(1, 6), min_size=1, max_size=5).map(
    lambda parts: [Fraction(part, sum(parts)) for part in parts]
)


@given(SHARES, st.integers(0, 1000))
def test_every_prefix_is_within_one_of_the_shares(shares: list[Fraction], seed: int) -> None:
    crossing = Crossing(shares, [None] * len(shares), (seed, "train", "m"))
    counts = [0] * len(shares)
    for rank in range(120):
        counts[crossing.at(rank)[0]] += 1
        for share, count in zip(shares, counts, strict=True):
            assert abs(count - share * (rank + 1)) < 1


@given(SHARES, st.integers(0, 5), st.integers(0, 5), st.integers(0, 1000))
def test_severities_are_even_within_each(
    shares: list[Fraction], one: int, other: int, seed: int
) -> None:
    low, high = sorted((one, other))
    crossing = Crossing(shares, [(low, high)] * len(shares), (seed, "test", "m"))
    seen: dict[int, Counter[int]] = {}
    for rank in range(200):
        chosen, severity = crossing.at(rank)
        assert severity is not None
        assert low <= severity <= high
        counts = seen.setdefault(chosen, Counter({level: 0 for level in range(low, high + 1)}))
        counts[severity] += 1
        assert max(counts.values()) - min(counts.values()) <= 1


def test_any_place_is_found_without_the_ones_before() -> None:
    shares = [Fraction(1, 2), Fraction(1, 3), Fraction(1, 6)]
    key = (3, "train", "m")
    crossing = Crossing(shares, [(1, 5), None, (0, 5)], key)
    there = [crossing.at(rank) for rank in range(300)]
    back = pickle.loads(pickle.dumps(Crossing(shares, [(1, 5), None, (0, 5)], key)))
    assert [back.at(rank) for rank in reversed(range(300))] == there[::-1]


def test_what_comes_in_a_period_goes_with_no_degradation() -> None:
    """Controls come at every second rank; both degradations must be seen there."""
    crossing = Crossing([Fraction(1, 2)] * 2, [None, None], (3, "train", "m"))
    table = np.zeros((2, 2))
    for rank in range(2000):
        table[rank % 2, crossing.at(rank)[0]] += 1
    assert table.min() > 400
