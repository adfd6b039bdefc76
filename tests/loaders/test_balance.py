from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from datagen.loaders.balance import Groups, quotas

METHODS, DEGRADATIONS = ("swap", "morph", "blend"), ("", "jpeg", "blur")


def world(counts: dict[tuple[str, str], int], identities: int) -> tuple[list[str], ...]:
    rows = [key for key, count in counts.items() for _ in range(count)]
    who = [f"i{number % identities}" for number in range(len(rows))]
    return [method for method, _ in rows], [degradation for _, degradation in rows], who


def spread(values: list[str], pairs: np.ndarray) -> int:
    counts = Counter(dict.fromkeys(values, 0))
    counts.update(values[pair] for pair in pairs)
    return max(counts.values()) - min(counts.values())


@pytest.mark.parametrize(("total", "groups"), [(10, 3), (9, 3), (2, 5)])
def test_shares_differ_by_one_at_most_and_take_turns(total: int, groups: int) -> None:
    summed = np.zeros(groups, int)
    for epoch in range(groups):
        shares = quotas(total, groups, epoch)
        assert sum(shares) == total
        assert max(shares) - min(shares) <= 1
        summed += shares
    assert set(summed) == {total}


def test_degradations_are_even_where_the_counts_allow_it() -> None:
    counts = {(m, d): 20 if m == "swap" else 60 for m in METHODS for d in DEGRADATIONS}
    counts[("morph", "blur")] = 10
    methods, degradations, who = world(counts, 15)
    groups = Groups(methods, degradations, who)
    assert groups.smallest == 60
    used = np.zeros(len(methods), np.int64)
    for epoch in range(4):
        pairs = groups.epoch(180, epoch, 1, used)
        assert len(set(pairs.tolist())) == 180
        assert spread(methods, pairs) == 0
        cells = Counter((methods[pair], degradations[pair]) for pair in pairs)
        assert {cells["swap", name] for name in DEGRADATIONS} == {20}
        assert {cells["blend", name] for name in DEGRADATIONS} == {20}
        assert (cells["morph", "blur"], cells["morph", ""], cells["morph", "jpeg"]) == (10, 25, 25)
        np.add.at(used, pairs, 1)


def test_identities_are_even_where_the_counts_allow_it() -> None:
    methods, degradations, who = world({(m, ""): 100 for m in METHODS}, 25)
    groups = Groups(methods, degradations, who)
    used = np.zeros(300, np.int64)
    for epoch in range(6):
        pairs = groups.epoch(150, epoch, 1, used)
        assert spread(who, pairs) == 0
        np.add.at(used, pairs, 1)
        if epoch == 1:
            assert (used == 1).all()
    assert set(used) == {3}


def test_an_identity_with_many_pairs_waits_for_the_others() -> None:
    methods = ["swap"] * 100 + ["morph"] * 40
    who = ["often"] * 80 + [f"i{number}" for number in range(20)] + ["often"] * 10
    who += [f"i{number % 20}" for number in range(30)]
    groups = Groups(methods, [""] * 140, who)
    pairs = groups.epoch(80, 0, 1, np.zeros(140, np.int64))
    assert Counter(methods[pair] for pair in pairs) == {"swap": 40, "morph": 40}
    assert Counter(who[pair] for pair in pairs)["often"] == 10 + 20


def test_a_method_with_too_few_pairs_has_each_equally_often() -> None:
    methods, degradations, who = world({("swap", ""): 7, ("morph", ""): 30}, 5)
    groups = Groups(methods, degradations, who)
    for epoch in range(7):
        times = np.bincount(groups.epoch(60, epoch, 1, np.zeros(37, np.int64)), minlength=37)
        assert set(times[:7]) == {4, 5}
        assert set(times[7:]) == {1}


def test_equal_arguments_give_equal_pairs() -> None:
    methods, degradations, who = world({("swap", ""): 9, ("morph", "jpeg"): 12}, 4)
    used = np.zeros(21, np.int64)
    first = Groups(methods, degradations, who).epoch(14, 2, 5, used)
    assert np.array_equal(first, Groups(methods, degradations, who).epoch(14, 2, 5, used))
    assert not np.array_equal(first, Groups(methods, degradations, who).epoch(14, 3, 5, used))


def test_one_identity_with_many_pairs_costs_no_more_than_many() -> None:
    # Of one identity each choice changed the place of all pairs that waited: minutes for these.
    count = 100_000
    groups = Groups(["swap"] * count, [""] * count, ["one"] * count)
    pairs = groups.epoch(count // 2, 0, 1, np.zeros(count, np.int64))
    assert len(set(pairs.tolist())) == count // 2
