from __future__ import annotations

import pickle
from collections import Counter
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from datagen.core.rng import rng
from datagen.errors import RecipeError
from datagen.faces.index import FaceIndex
from datagen.planning import Item, Plan, ShardKey, split_plan
from datagen.recipe.schema import SplitName
from tests.planning.made import loaded, made_plan, row, rows

SPLITS: tuple[SplitName, ...] = ("train", "test")


def taken(plan: Plan, split: SplitName, count: int) -> list[Item]:
    return [plan.item(split, number) for number in range(count)]


def three_methods(**changes: Any) -> dict[str, Any]:
    methods = [
        {"use": "self_blend", "share": "1/3"},
        {"use": "landmark_swap", "share": "1/4"},
        {"use": "landmark_swap", "share": "5/12", "donor": {"strategy": "random"}},
    ]
    return {"methods": methods, **changes}


def test_an_item_says_what_it_is() -> None:
    plan = made_plan()
    item = plan.item("test", 12)
    assert (item.split, item.number, item.pair_id) == ("test", 12, "made-test-00000012")
    assert item.target in plan.faces("test")


def test_at_every_prefix_each_face_is_a_target_equally_often() -> None:
    plan = made_plan()
    for split in SPLITS:
        seen = dict.fromkeys(plan.faces(split).tolist(), 0)
        for item in taken(plan, split, 4 * len(seen) + 3):
            seen[item.target] += 1
            assert max(seen.values()) - min(seen.values()) <= 1


def test_at_every_prefix_each_method_is_within_one_of_its_share() -> None:
    plan = made_plan(**three_methods())
    seen: Counter[int] = Counter()
    for number, item in enumerate(taken(plan, "train", 60)):
        seen[item.method] += 1
        for method, use in enumerate(plan.recipe.methods):
            assert abs(seen[method] - (number + 1) * use.share) < 1
        assert plan.method_counts("train", number + 1) == {n: seen[n] for n in range(3)}


def test_at_every_prefix_each_method_has_its_share_of_controls() -> None:
    share = Fraction("0.3")
    plan = made_plan(**three_methods(controls="0.3"))
    pairs: Counter[int] = Counter()
    controls: Counter[int] = Counter()
    for number, item in enumerate(taken(plan, "train", 240)):
        pairs[item.method] += 1
        controls[item.method] += item.control
        assert abs(controls[item.method] - pairs[item.method] * share) < 1
        assert plan.control_count("train", number + 1) == controls.total()
        if pairs[item.method] % share.denominator == 0:
            assert controls[item.method] == pairs[item.method] * share


@pytest.mark.parametrize(("share", "wanted"), [(0, 0), (1, 60)])
def test_no_controls_and_all_controls(share: int, wanted: int) -> None:
    plan = made_plan(controls=share)
    assert sum(item.control for item in taken(plan, "train", 60)) == wanted
    assert plan.control_count("train", 60) == wanted


def test_a_donor_is_another_person_of_the_same_split_and_source() -> None:
    mixed = FaceIndex.from_rows([*rows(source="faces"), *rows(source="other")])
    uses = [{"card": "faces.yaml"}, {"card": "other.yaml"}]
    plan = Plan(loaded(("faces", "other"), sources=uses), mixed)
    source, identity = mixed.column("source"), mixed.column("identity")
    for split in SPLITS:
        inside = set(plan.faces(split).tolist())
        sources = set()
        for item in taken(plan, split, 200):
            assert (item.donor is not None) == (item.method == 1)
            if item.donor is not None:
                assert item.donor in inside
                assert source[item.donor] == source[item.target]
                assert identity[item.donor] != identity[item.target]
                sources.add(source[item.donor])
        assert sources == {"faces", "other"}


def test_splits_share_no_face_and_no_person() -> None:
    index = FaceIndex.from_rows(rows(identities=31, images=3))
    plan = made_plan(index)
    identity = index.column("identity")
    train, test = ({identity[n] for n in plan.faces(split)} for split in SPLITS)
    assert train
    assert test
    assert not train & test
    assert len(train | test) == 31
    assert sorted(n for split in SPLITS for n in plan.faces(split).tolist()) == list(range(93))


def test_a_donor_has_the_same_attributes() -> None:
    swap = {
        "use": "landmark_swap",
        "share": 1,
        "donor": {"match": ["sex", "ethnicity"], "pool_size": 3},
    }
    index = FaceIndex.from_rows(rows(identities=60))
    plan = made_plan(index, methods=[swap])
    sex, ethnicity = index.column("sex"), index.column("ethnicity")
    for item in taken(plan, "train", 150):
        assert item.donor is not None
        assert sex[item.donor] == sex[item.target]
        assert ethnicity[item.donor] == ethnicity[item.target]


def test_the_order_of_asking_and_pickling_change_nothing() -> None:
    plan = made_plan(**three_methods(controls="0.1"))
    straight = taken(plan, "train", 150)
    other = made_plan(**three_methods(controls="0.1"))
    order = rng("order").permutation(150).tolist()
    for number in order:
        other.item("test", number % 7)
        assert other.item("train", number) == straight[number]
    again = pickle.loads(pickle.dumps(plan))
    assert taken(again, "train", 150) == straight
    assert again.counts() == plan.counts()


def test_another_seed_draws_another_plan_and_other_names_do_not() -> None:
    index = FaceIndex.from_rows(rows())
    plain = [(i.target, i.donor) for i in taken(made_plan(index), "train", 40)]
    named = [(i.target, i.donor) for i in taken(made_plan(index, name="else"), "train", 40)]
    seeded = [(i.target, i.donor) for i in taken(made_plan(index, seed=6), "train", 40)]
    assert named == plain
    assert seeded != plain


def test_encoder_purpose_and_controls_redraw_no_pair() -> None:
    index = FaceIndex.from_rows(rows())
    plain = made_plan(index)
    other = made_plan(
        index,
        encode={"format": "png"},
        purpose={"use": "commercial", "redistribute": True},
        controls="0.5",
        shard_pairs=3,
    )
    for mine, theirs in zip(taken(plain, "train", 60), taken(other, "train", 60), strict=True):
        assert (mine.method, mine.target, mine.donor) == (
            theirs.method,
            theirs.target,
            theirs.donor,
        )


def test_the_limit_takes_the_first_in_proportion() -> None:
    plan = made_plan(
        splits={"train": 1400, "val": 200, "test": 400},
        split={"shares": {"train": 0.6, "val": 0.15, "test": 0.25}},
    )
    assert plan.counts() == {"train": 1400, "val": 200, "test": 400}
    assert plan.counts(20) == {"train": 14, "val": 2, "test": 4}
    assert plan.counts(1) == {"train": 1, "val": 0, "test": 0}
    for limit in range(1, 2100, 37):
        assert sum(plan.counts(limit).values()) == min(limit, 2000)
    assert plan.counts(10**6) == plan.counts()


@pytest.mark.parametrize("limit", [None, 1, 10, 99])
def test_shards_hold_every_item_once(limit: int | None) -> None:
    plan = made_plan()
    shards = list(plan.shards(limit))
    assert len({shard.name for shard in shards}) == len(shards)
    found = [(item.split, item.number) for shard in shards for item in plan.items(shard)]
    assert found == [(s, n) for s, count in plan.counts(limit).items() for n in range(count)]
    assert all(0 < shard.stop - shard.start <= 7 for shard in shards)


def test_shards_are_cut_at_the_size_of_the_recipe() -> None:
    assert list(made_plan(splits={"train": 15}).shards()) == [
        ShardKey("train", 0, 0, 7),
        ShardKey("train", 1, 7, 14),
        ShardKey("train", 2, 14, 15),
    ]


def test_a_longer_run_begins_with_the_shorter() -> None:
    index = FaceIndex.from_rows(rows())
    short, long = made_plan(index), made_plan(index, splits={"train": 600, "test": 400})
    for split, count in short.counts().items():
        assert taken(short, split, count) == taken(long, split, count)
    full = {shard for shard in short.shards() if shard.stop - shard.start == 7}
    assert full <= set(long.shards())


def test_a_method_keeps_to_its_splits() -> None:
    methods = [
        {"use": "self_blend", "share": "1/5"},
        {"use": "self_blend", "share": "3/5", "splits": ["train"]},
        {"use": "landmark_swap", "share": "1/5"},
    ]
    plan = made_plan(methods=methods)
    assert Counter(i.method for i in taken(plan, "train", 50)) == {0: 10, 1: 30, 2: 10}
    assert Counter(i.method for i in taken(plan, "test", 50)) == {0: 25, 2: 25}
    assert plan.method_counts("test", 50) == {0: 25, 2: 25}


def test_a_source_keeps_to_its_splits() -> None:
    index = FaceIndex.from_rows([*rows(source="faces"), *rows(source="other")])
    uses = [{"card": "faces.yaml"}, {"card": "other.yaml", "splits": ["test"]}]
    plan = Plan(loaded(("faces", "other"), sources=uses), index)
    source = index.column("source")
    assert {source[n] for n in plan.faces("train")} == {"faces"}
    assert {source[n] for n in plan.faces("test")} == {"faces", "other"}
    free = Plan(loaded(("faces", "other"), sources=[uses[0], {"card": "other.yaml"}]), index)
    mine = [n for n in plan.faces("test").tolist() if source[n] == "other"]
    assert mine == [n for n in free.faces("test").tolist() if source[n] == "other"]


def test_official_splits_decide() -> None:
    index = FaceIndex.from_rows(rows(official_split=lambda n: ("train", "test")[n // 10]))
    plan = made_plan(index, split={"from": "source"})
    assert [plan.faces(split).tolist() for split in SPLITS] == [
        list(range(20)),
        list(range(20, 40)),
    ]


def test_a_donor_rule_that_leaves_someone_alone_is_refused_with_all_its_splits() -> None:
    people = [row("faces", f"p{n}", f"p{n}", sex="female") for n in range(11)]
    lone = [row("faces", "odd", f"odd{n}", sex="male") for n in range(2)]
    swap = {"use": "landmark_swap", "share": 1, "donor": {"match": ["sex", "age_band"]}}
    index = FaceIndex.from_rows([*people, *lone])
    split = {"shares": {"train": 1}, "stratify": []}
    with pytest.raises(RecipeError) as caught:
        made_plan(index, methods=[swap], split=split, splits={"train": 5})
    assert (
        "split 'train', method 'landmark_swap': no donor satisfies the rule "
        "{match: [sex, age_band]} for 2 of 13 targets"
    ) in str(caught.value)
    assert "fallback: any" in str(caught.value)
    loose = {**swap, "donor": {"match": ["sex", "age_band"], "fallback": "any"}}
    plan = made_plan(index, methods=[loose], split=split, splits={"train": 5})
    assert all(item.donor is not None for item in taken(plan, "train", 26))
    assert plan.fewest_donors("train") == {"landmark_swap": 10}  # 11 for the odd one


def test_one_person_in_a_split_has_no_donor() -> None:
    index = FaceIndex.from_rows(rows(identities=2))
    halves = {"shares": {"train": 0.5, "test": 0.5}, "stratify": []}
    with pytest.raises(RecipeError) as caught:
        made_plan(index, split=halves)
    text = str(caught.value)
    for split in SPLITS:
        assert (
            f"split '{split}', method 'landmark_swap': there is no face of another identity for "
            "2 of 2 targets"
        ) in text
    alone = [{"use": "self_blend", "share": 1}]
    assert made_plan(index, split=halves, methods=alone).item("train", 0).donor is None


def test_a_split_without_faces_is_refused() -> None:
    index = FaceIndex.from_rows(rows(identities=3))
    with pytest.raises(RecipeError) as caught:
        made_plan(index, split={"shares": {"train": 0.9, "test": 0.1}})
    assert (
        "split 'test' has no faces: its share, 0.1, of 3 identities came to none, and a split "
        "needs at least 1 (2 for a method with a donor). Add identities, raise split.shares.test, "
        "or remove splits.test"
    ) in str(caught.value)
    assert caught.value.key == "split.shares"
    trained = FaceIndex.from_rows([{**row, "official_split": "train"} for row in rows()])
    with pytest.raises(RecipeError, match="none of the 20 identities of its sources is in"):
        made_plan(trained, split={"from": "source"})


def test_a_far_item_costs_as_much_as_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str | int, ...]] = []

    def counted(*parts: str | int) -> np.random.Generator:
        asked.append(parts)
        return rng(*parts)

    monkeypatch.setattr(split_plan, "rng", counted)
    costs = []
    for number in (1, 10**9 + 1):
        plan = made_plan()
        asked.clear()
        item = plan.item("train", number)
        assert item.number == number
        assert item.target in plan.faces("train")
        assert item.donor is not None
        costs.append(len(asked))
    assert costs[0] == costs[1] <= 3


@pytest.mark.parametrize("shares", [("1/2", "1/2"), ("1/4", "3/4")])
def test_no_face_goes_with_a_method(shares: tuple[str, str]) -> None:
    index = FaceIndex.from_rows(rows(identities=10, images=1))
    methods = [{"use": "self_blend", "share": share} for share in shares]
    everyone = {"shares": {"train": 1}}
    plan = made_plan(index, methods=methods, split=everyone, splits={"train": 4000})
    rounds = 400
    table = np.zeros((10, 2))
    for item in taken(plan, "train", 10 * rounds):
        table[item.target, item.method] += 1
    assert (table.sum(axis=1) == rounds).all()
    share = float(Fraction(shares[0]))
    chi = np.square(table[:, 0] - rounds * share).sum() / (rounds * share * (1 - share))
    assert chi < 30  # 9 degrees of freedom: above it once in two thousand


def test_donors_are_drawn_evenly() -> None:
    index = FaceIndex.from_rows(rows(identities=8, images=1))
    swap = [{"use": "landmark_swap", "share": 1, "donor": {"strategy": "random"}}]
    everyone = {"shares": {"train": 1}}
    plan = made_plan(index, methods=swap, split=everyone, splits={"train": 4000})
    pairs = Counter((item.target, item.donor) for item in taken(plan, "train", 2800))
    assert len(pairs) == 8 * 7
    chi = sum((count - 50) ** 2 / 50 for count in pairs.values())
    assert chi < 95  # 48 degrees of freedom
