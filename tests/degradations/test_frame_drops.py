from __future__ import annotations

from itertools import pairwise

import pytest

from datagen.degradations.frame_drops import FrameDrops, FrameDropsParams, Kind
from datagen.errors import RecipeError


def shown(kind: Kind, seed: int, gaps: float = 0.2, count: int = 60) -> list[int]:
    params = FrameDropsParams(kind=kind, gaps=gaps, length=(1, 3), seed=seed)
    return FrameDrops.build({}).shown(params, count)


def test_lost_frames_are_replaced_by_the_last_one_that_came() -> None:
    for seed in range(20):
        found = shown("lost", seed)
        assert all(
            number in (place, found[place - 1]) for place, number in enumerate(found) if place
        )
        assert 0 < sum(a == b for a, b in pairwise(found)) < 45


def test_late_frames_all_come_until_some_are_left_out() -> None:
    skips = 0
    for seed in range(20):
        steps = [b - a for a, b in pairwise(shown("late", seed))]
        assert set(steps) <= {0, 1, 2, 3, 4}
        skips += sum(step > 1 for step in steps)
    assert skips > 20


def test_runs_are_as_long_as_the_options_say() -> None:
    longest = 0
    for seed in range(50):
        run = 0
        for a, b in pairwise(shown("lost", seed, 0.05)):
            run = run + 1 if a == b else 0
            longest = max(longest, run)
    assert longest >= 3


def test_no_gaps_show_every_frame_and_a_longer_clip_begins_alike() -> None:
    assert shown("lost", 1, 0.0) == shown("late", 1, 0.0) == list(range(60))
    assert shown("late", 5, count=90)[:60] == shown("late", 5)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"gaps": 0.7}, "gaps: must be a range within 0 and 0.5"),
        ({"length": 0}, "length: must be a range within 1 and 12"),
        ({"kinds": []}, "kinds: must have at least one of lost, late"),
    ],
)
def test_wrong_values_are_refused(options: dict[str, object], text: str) -> None:
    with pytest.raises(RecipeError, match=text):
        FrameDrops.build(options)
