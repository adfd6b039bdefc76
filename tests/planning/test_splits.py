from __future__ import annotations

import dataclasses
from collections import Counter
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datagen.errors import RecipeError
from datagen.faces.index import FaceIndex
from datagen.planning.quota import largest_remainders
from datagen.planning.splits import Identity, age_band, assign_splits
from datagen.recipe.schema import SplitRule
from tests.planning.made import identity, made_plan, rows

SHARES = {"train": "0.6", "val": "0.15", "test": "0.25"}


def rule(**changes: Any) -> SplitRule:
    return SplitRule.model_validate({"shares": SHARES, "stratify": [], **changes})


def counts(people: list[Identity], by: SplitRule, seed: int = 1) -> Counter[str]:
    return Counter(map(str, assign_splits(people, by, seed).values()))


@pytest.mark.parametrize("people", [1, 2, 3, 7, 20, 101])
def test_one_stratum_is_dealt_by_largest_remainders(people: int) -> None:
    want = largest_remainders(people, [Fraction(share) for share in SHARES.values()])
    found = counts([identity(n) for n in range(people)], rule())
    assert [found[name] for name in SHARES] == want


SEXES = st.sampled_from(["female", "male", None])
AGES = st.sampled_from([None, 20.0, 40.0, 70.0])


@given(st.lists(st.tuples(st.sampled_from("ab"), SEXES, AGES), min_size=1, max_size=120))
@settings(max_examples=80)
def test_sources_keep_the_shares_and_strata_nearly(
    stated: list[tuple[str, str | None, float | None]],
) -> None:
    people = [
        identity(n, source=source, sex=sex, age=age) for n, (source, sex, age) in enumerate(stated)
    ]
    dealt = assign_splits(people, rule(stratify=["sex", "age_band"]), 3)
    assert set(dealt) == {(one.source, one.name) for one in people}
    sources: Counter[tuple[str, ...]] = Counter()
    strata: Counter[tuple[str | None, ...]] = Counter()
    for one in people:
        split = dealt[one.source, one.name]
        sources[one.source, split] += 1
        strata[one.source, one.sex, one.attribute("age_band"), split] += 1
    for source in {one.source for one in people}:
        size = sum(one.source == source for one in people)
        for name, share in SHARES.items():
            assert abs(sources[source, name] - size * Fraction(share)) < 1
    for group in {(one.source, one.sex, one.attribute("age_band")) for one in people}:
        size = sum((one.source, one.sex, one.attribute("age_band")) == group for one in people)
        for name, share in SHARES.items():
            assert abs(strata[*group, name] - size * Fraction(share)) < 2


def test_without_strata_the_sexes_may_drift_and_with_them_they_may_not() -> None:
    people = [identity(n, sex=("female", "male")[n % 2]) for n in range(80)]
    dealt = assign_splits(people, rule(stratify=["sex"]), 1)
    found = Counter((one.sex, dealt[one.source, one.name]) for one in people)
    assert {found[sex, "train"] for sex in ("female", "male")} == {24}
    assert {found[sex, "test"] for sex in ("female", "male")} == {10}
    drifted = [
        Counter((one.sex, dealt[one.source, one.name]) for one in people)
        for dealt in (assign_splits(people, rule(), seed) for seed in range(5))
    ]
    assert any(found["female", "train"] != 24 for found in drifted)


def test_the_order_of_people_changes_nothing_and_the_seed_does() -> None:
    people = [identity(n, sex=("female", "male")[n % 2]) for n in range(50)]
    first = assign_splits(people, rule(stratify=["sex"]), 1)
    assert assign_splits(reversed(people), rule(stratify=["sex"]), 1) == first
    assert assign_splits(people, rule(stratify=["sex"]), 2) != first


def test_sources_are_dealt_apart() -> None:
    people = [identity(n) for n in range(30)]
    others = [identity(n, source="other") for n in range(17)]
    alone = assign_splits(people, rule(), 1)
    together = assign_splits([*others, *people], rule(), 1)
    assert {key: split for key, split in together.items() if key[0] == "faces"} == alone
    assert counts(others, rule()) == Counter(
        split for key, split in together.items() if key[0] == "other"
    )


def test_the_same_name_in_two_sources_is_two_people() -> None:
    people = [identity(n, source=source) for source in ("a", "b") for n in range(40)]
    dealt = assign_splits(people, rule(), 1)
    assert any(dealt["a", f"p{n:04d}"] != dealt["b", f"p{n:04d}"] for n in range(40))


def test_who_comes_twice_counts_once_as_first_seen() -> None:
    people = [identity(n, sex=("female", "male")[n % 2]) for n in range(20)]
    again = [identity(n, sex=("female", "male")[n % 3 == 0]) for n in range(20)]
    by = rule(stratify=["sex"])
    assert assign_splits(people, by, 1) != assign_splits(again, by, 1)
    assert assign_splits([*people, *again], by, 1) == assign_splits(people, by, 1)
    assert assign_splits([*again, *people], by, 1) == assign_splits(again, by, 1)


@given(st.integers(1, 60), st.integers(0, 5))
def test_one_more_person_moves_few(people: int, seed: int) -> None:
    before = assign_splits([identity(n) for n in range(people)], rule(), seed)
    after = assign_splits([identity(n) for n in range(people + 1)], rule(), seed)
    moved = sum(after[key] != split for key, split in before.items())
    assert moved <= len(SHARES) - 1


def test_counts_of_pairs_move_nobody() -> None:
    index = FaceIndex.from_rows(rows(identities=25))
    few = made_plan(index)
    many = made_plan(index, splits={"train": 10**6, "test": 1})
    for split in few.counts():
        assert few.faces(split).tolist() == many.faces(split).tolist()


def test_a_split_that_is_not_asked_for_keeps_its_people() -> None:
    index = FaceIndex.from_rows(rows(identities=25))
    both = made_plan(index)
    one = made_plan(index, splits={"test": 40})
    assert list(one.counts()) == ["test"]
    assert one.faces("test").tolist() == both.faces("test").tolist()


def test_official_splits_are_taken_whatever_they_are_called() -> None:
    names = {"Train": "train", "training": "train", "val": "val", "valid": "val"}
    names |= {"validation": "val", "dev": "val", "TEST": "test", "testing": "test"}
    people = [identity(n, official_split=name) for n, name in enumerate(names)]
    dealt = assign_splits(people, rule(**{"from": "source"}), 1)
    assert list(dealt.values()) == list(names.values())


@pytest.mark.parametrize(
    ("stated", "words"), [(None, "no official split"), ("hold-out", "the unknown split 'hold-out'")]
)
def test_an_official_split_that_is_not_known_is_refused(stated: str | None, words: str) -> None:
    people = [identity(0, official_split="train"), identity(1, official_split=stated)]
    with pytest.raises(RecipeError, match=rf"'p0001' of source 'faces' has {words}"):
        assign_splits(people, rule(**{"from": "source"}), 1)


def test_a_person_in_two_official_splits_is_refused() -> None:
    people = [identity(0, official_split="train"), identity(0, official_split="testing")]
    with pytest.raises(RecipeError, match="'p0000' of source 'faces' is in two official splits"):
        assign_splits(people, rule(**{"from": "source"}), 1)
    same = [identity(0, official_split="train"), identity(0, official_split="training")]
    assert assign_splits(same, rule(**{"from": "source"}), 1) == {("faces", "p0000"): "train"}


@pytest.mark.parametrize(
    ("age", "band"),
    [
        (None, None),
        (17.9, None),
        (18.0, "18-24"),
        (24.9, "18-24"),
        (25.0, "25-34"),
        (35.0, "35-44"),
        (64.5, "55-64"),
        (65.0, "65+"),
        (99.0, "65+"),
    ],
)
def test_age_bands(age: float | None, band: str | None) -> None:
    assert age_band(age) == band
    assert identity(age=age).attribute("age_band") == band


def test_attributes() -> None:
    one = identity(sex="male", ethnicity="black", age=30.0)
    assert (one.attribute("sex"), one.attribute("ethnicity")) == ("male", "black")


def test_identities_with_a_photograph_in_common_share_a_split_in_all_sources() -> None:
    people = [identity(n) for n in range(20)]
    people += [identity(n, source="more") for n in range(20)]
    joined = {("faces", "p0003"): ("faces", "p0001"), ("more", "p0004"): ("faces", "p0002")}
    linked = [
        dataclasses.replace(one, joined_to=joined.get(one.key)) if n % 2 else one
        for one in people
        for n in range(2)
    ]
    for seed in range(8):
        dealt = assign_splits(linked, rule(), seed)
        assert set(dealt) == {one.key for one in people}
        for one, other in joined.items():
            assert dealt[one] == dealt[other]


def test_nothing_moves_without_such_identities() -> None:
    people = [identity(n) for n in range(30)]
    lone = [dataclasses.replace(one, joined_to=("gone", "x")) for one in people[:1]]
    assert assign_splits([*lone, *people[1:]], rule(), 5) == assign_splits(people, rule(), 5)


def test_the_follower_leaves_its_official_split() -> None:
    people = [
        identity(1, official_split="train"),
        identity(2, official_split="test", joined_to=("faces", "p0001")),
        identity(3, official_split="test"),
    ]
    dealt = assign_splits(people, SplitRule.model_validate({"from": "source"}), 1)
    assert [dealt["faces", f"p000{n}"] for n in (1, 2, 3)] == ["train", "train", "test"]
