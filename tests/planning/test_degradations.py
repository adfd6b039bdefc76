"""What the plan promises of degradations and ladders."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datagen.planning import Item, Plan
from datagen.planning.summary import summarize
from tests.planning.made import RECIPE, loaded, made_plan

DEGRADED = [
    {"use": "clean", "share": 0.3},
    {"use": "jpeg", "share": 0.4, "severity": [1, 5]},
    {"use": "blur", "share": 0.3},
]
LADDER = {"use": "jpeg", "severities": [0, 2, 5]}


def taken(plan: Plan, count: int) -> list[Item]:
    return [plan.item("train", number) for number in range(count)]


@given(st.integers(0, 500))
def test_the_table_of_both_is_within_two_at_every_prefix(seed: int) -> None:
    plan = made_plan(seed=seed, degradations=DEGRADED, controls="1/2")
    table: Counter[tuple[int, int | None]] = Counter()
    shares = [Fraction(str(use["share"])) for use in DEGRADED]
    for number, item in enumerate(taken(plan, 90), start=1):
        table[item.method, item.degradation] += 1
        for method in range(2):
            for place, share in enumerate(shares):
                assert abs(table[method, place] - share * number / 2) < 2


def test_controls_meet_every_degradation() -> None:
    met = Counter(
        item.degradation
        for item in taken(made_plan(degradations=DEGRADED, controls="1/2"), 600)
        if item.control
    )
    assert set(met) == {0, 1, 2}
    assert min(met.values()) > 60


def test_severities_are_only_where_they_are_asked_for() -> None:
    items = taken(made_plan(degradations=DEGRADED), 300)
    assert {item.severity for item in items if item.degradation != 1} == {None}
    counts = Counter(item.severity for item in items if item.degradation == 1)
    assert set(counts) == {1, 2, 3, 4, 5}
    assert max(counts.values()) - min(counts.values()) <= 2


def test_degradations_redraw_nothing_else() -> None:
    plain = taken(made_plan(), 60)
    degraded = taken(made_plan(degradations=DEGRADED), 60)
    assert [replace(item, degradation=None, severity=None) for item in degraded] == plain


def test_a_split_may_keep_a_degradation_out() -> None:
    held_out = [*DEGRADED[:2], {"use": "blur", "share": 0.3, "splits": ["test"]}]
    plan = made_plan(degradations=held_out)
    assert {item.degradation for item in taken(plan, 60)} == {0, 1}
    assert {plan.item("test", n).degradation for n in range(40)} == {0, 1, 2}


def test_a_ladder_repeats_each_base_pair() -> None:
    plain = taken(made_plan(), 20)
    plan = made_plan(ladder=LADDER)
    assert plan.planned() == {"train": 180, "test": 120}
    assert plan.counts()["train"] == 60
    items = taken(plan, 60)
    for number, item in enumerate(items):
        base = plain[number // 3]
        assert (item.target, item.donor, item.method, item.control) == (
            base.target,
            base.donor,
            base.method,
            base.control,
        )
        assert item.base_id == base.pair_id
        assert item.severity == (0, 2, 5)[number % 3]
        assert item.pair_id == f"{base.pair_id}-{item.severity}"
    shards = list(plan.shards())
    made = [item for shard in shards for item in plan.items(shard)]
    assert len(made) == 300 == sum(plan.size(shard) for shard in shards)
    assert len({item.pair_id for item in made}) == 300
    for shard in shards:
        assert all(n % 3 == 0 for n in Counter(i.base_id for i in plan.items(shard)).values())


def test_the_summary_counts_levels() -> None:
    [train, _] = summarize(made_plan(ladder=LADDER, controls="1/2"), None)
    assert (train.pairs, sum(train.methods.values())) == (180, 180)
    assert train.controls == 90
    assert train.degradations == {"jpeg": 1}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"ladder": LADDER, "degradations": DEGRADED},
            "ladder: excludes 'degradations'",
        ),
        ({"degradations": DEGRADED[:2]}, "degradations: shares must sum to 1"),
        ({"ladder": {"use": "jpeg", "severities": [2, 1]}}, "increasing whole numbers"),
        ({"ladder": {"use": "jpeg", "severities": [0, 6]}}, "from 0 to 5"),
        ({"ladder": {"use": "jpeg", "quality": 3}}, "quality"),
        ({"degradations": [{"use": "jpeg", "share": 1, "severity": True}]}, r"number or \[low"),
        ({"degradations": [{"use": "jpeg", "share": 1, "severity": 2.5}]}, "whole number"),
        ({"degradations": [{"use": "jpeg", "share": 1, "splits": []}]}, "at least 1 item"),
        (
            {"degradations": [{"use": "jpeg", "share": 1, "severity": [0, 6]}]},
            "must be a range within 0 and 5",
        ),
        (
            {"degradations": [{"use": "jpeg", "share": 1, "splits": ["val"]}]},
            "split 'train' has no degradation",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        loaded(**changes)


def test_the_digest_names_the_damage_and_not_the_counts() -> None:
    plain = loaded().digest
    ladder = loaded(ladder=LADDER).digest
    assert len({plain, ladder, loaded(degradations=DEGRADED).digest}) == 3
    assert loaded(ladder=LADDER, splits={"train": 5, "test": 5}).digest == ladder
    assert RECIPE["splits"] != {"train": 5, "test": 5}
    assert loaded(ladder={**LADDER, "severities": [0, 2, 4]}).digest != ladder
