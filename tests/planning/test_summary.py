from __future__ import annotations

from typing import Any

import pytest

from datagen.faces.index import FaceIndex
from datagen.planning import Plan
from datagen.planning.summary import (
    SplitSummary,
    expected_bytes,
    expected_seconds,
    idle_identities,
    summarize,
    warnings_of,
)
from tests.planning.made import made_plan, rows


def test_the_numbers_are_those_of_the_items() -> None:
    plan = made_plan(controls="0.1", splits={"train": 61, "test": 40})
    train, test = summarize(plan, None)
    items = [plan.item("train", number) for number in range(61)]
    assert train == SplitSummary(
        split="train",
        pairs=61,
        controls=sum(item.control for item in items),
        faces=24,
        identities=12,
        methods={"self_blend": 31, "landmark_swap": 30},
        method_controls={
            name: sum(item.control for item in items if item.method == number)
            for number, name in enumerate(("self_blend", "landmark_swap"))
        },
        degradations={},
        uses=3,
    )
    assert (test.split, test.pairs, test.faces, test.identities, test.uses) == (
        "test",
        40,
        16,
        8,
        3,
    )


def test_entries_of_one_method_are_added_up_and_the_limit_counts() -> None:
    methods = [{"use": "self_blend", "share": share} for share in (0.25, 0.75)]
    plan = made_plan(methods=methods)
    assert [split.methods for split in summarize(plan, None)] == [
        {"self_blend": 60},
        {"self_blend": 40},
    ]
    assert [split.pairs for split in summarize(plan, 10)] == [6, 4]


def size(**changes: Any) -> int:
    plan = made_plan(**changes)
    return expected_bytes(plan, summarize(plan, None))


def test_expected_bytes_grow_with_what_is_asked() -> None:
    plain = size()
    assert plain == pytest.approx(380**2 * (200 * 0.17 + 100 * 0.03), abs=1)
    assert size(splits={"train": 120, "test": 80}) == pytest.approx(2 * plain, rel=1e-6)
    assert size(face={"size": 760}) == pytest.approx(4 * plain, rel=1e-6)
    assert size(controls=1) == pytest.approx(380**2 * (300 * 0.17 + 3), abs=1)
    assert size(encode={"format": "png"}) > size(encode={"format": "webp"}) > plain
    half, full = (size(encode={"quality": quality}) for quality in (75, 95))
    assert half < plain < full


def seconds(cores: int, render: float = 0.0, **changes: Any) -> float:
    plan = made_plan(**changes)
    return expected_seconds(plan, summarize(plan, None), cores, render)


def test_expected_seconds_shrink_with_cores_and_grow_with_pixels() -> None:
    assert 0.5 < seconds(1) < 20
    assert seconds(4) == pytest.approx(seconds(1) / 4)
    assert seconds(1, face={"size": 760}) == pytest.approx(4 * seconds(1))
    assert seconds(1, splits={"train": 120, "test": 80}) == pytest.approx(2 * seconds(1))


def test_rendering_counts_for_targets_and_for_donors() -> None:
    assert seconds(1, 0.1) == pytest.approx(seconds(1) + (100 + 50) * 0.1)
    assert seconds(2, 0.1) == pytest.approx(seconds(1, 0.1) / 2)


def test_decoding_larger_photographs_takes_longer() -> None:
    def of_side(side: int) -> float:
        plan = made_plan(
            FaceIndex.from_rows([row | {"width": side, "height": side} for row in rows()])
        )
        return expected_seconds(plan, summarize(plan, None), 1, 0.0)

    assert of_side(1400) == of_side(64)
    assert of_side(4000) > 1.5 * of_side(1400)


def warned(plan: Plan) -> list[str]:
    return list(warnings_of(plan, summarize(plan, None)))


def test_identities_of_splits_without_pairs_are_counted() -> None:
    assert idle_identities(made_plan(), None) == {}
    assert idle_identities(made_plan(splits={"train": 9}), None) == {"test": 8}
    assert idle_identities(made_plan(), 1) == {"test": 8}


def test_what_looks_thin_is_told() -> None:
    assert warned(made_plan()) == []
    idle = made_plan(FaceIndex.from_rows(rows(identities=6, images=1)))
    assert not any("'test'" in text for text in warnings_of(idle, summarize(idle, 1)))
    (text,) = warned(made_plan(splits={"train": 60, "test": 16 * 200 + 1}))
    assert text.startswith(
        "split 'test': 16 faces for 3201 pairs, so each face is a target about 201 times"
    )
    few = made_plan(FaceIndex.from_rows(rows(identities=6, images=1)))
    assert warned(few) == [
        f"split '{split}', method 'landmark_swap': some targets have only {donors}. Add "
        "identities: a donor is another identity of the target's split and source"
        for split, donors in (("train", "3 possible donors"), ("test", "1 possible donor"))
    ]
