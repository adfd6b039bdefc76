from __future__ import annotations

from typing import Any

from datagen.faces.index import FaceIndex
from datagen.planning import Plan
from datagen.planning.judged import evaluated_split, thin_groups, unjudged
from tests.planning.made import made_plan, rows

MANY = FaceIndex.from_rows(rows(identities=100, images=1))  # 40 in test


def many(pairs: int, **changes: Any) -> Plan:
    return made_plan(MANY, splits={"train": 60, "test": pairs}, **changes)


def test_a_split_of_too_few_identities_is_told_with_what_to_change() -> None:
    (text,) = unjudged(made_plan(), None)
    assert text == (
        "split 'test': 8 identities, and an evaluation judges nothing on fewer than 20. "
        "Add identities or raise split.shares.test"
    )


def test_methods_and_controls_of_too_few_identities_are_told() -> None:
    plan = many(40, controls=0.1)
    assert thin_groups(plan, "test", 40) == {"controls": 4}
    (text,) = unjudged(plan, None)
    assert text == (
        "split 'test': fewer than 20 identities of controls (4): an evaluation cannot judge "
        "them. Raise splits.test or controls"
    )
    (text,) = unjudged(many(30), None)
    assert "identities of self_blend (15), landmark_swap (15): " in text
    assert text.endswith("cannot judge them. Raise splits.test")
    (text,) = unjudged(many(400), 40)
    assert text.endswith("Raise the limit")
    shares = [{"use": "self_blend", "share": 0.9}, {"use": "gaze_mouth_edit", "share": 0.1}]
    (text,) = unjudged(many(60, methods=shares), None)
    assert "of gaze_mouth_edit (5): " in text
    assert text.endswith("Raise splits.test or the methods' shares")


def test_the_counts_are_those_of_the_items() -> None:
    plan = many(70, controls="0.3")
    items = [plan.item("test", number) for number in range(70)]
    found = thin_groups(plan, "test", 70)
    controls = {item.target for item in items if item.control}
    assert found == ({"controls": len(controls)} if len(controls) < 20 else {})


def test_enough_identities_and_splits_without_pairs_are_not_told() -> None:
    assert list(unjudged(many(400, controls=0.25), None)) == []
    assert list(unjudged(made_plan(splits={"train": 60}), None)) == []
    assert evaluated_split(made_plan(), 1) is None
    shares = {"train": "3/5", "val": "2/5"}
    val = made_plan(splits={"train": 60, "val": 9}, split={"shares": shares})
    assert evaluated_split(val, None) == "val"


def test_a_method_of_two_entries_is_one() -> None:
    methods = [{"use": "self_blend", "share": 0.5}, {"use": "self_blend", "share": 0.5}]
    assert thin_groups(many(40, methods=methods), "test", 40) == {}
