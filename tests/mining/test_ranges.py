from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datagen.mining.ranges import RangesOf, lean_ranges
from datagen.mining.weakness import Weakness
from datagen.recipe import Recipe, load_recipe
from tests.support.world import World

SMALL = "less than 30 fakes of 20 people in each half, or reals"
EVEN = "no difference that holds and that a range can follow"


def weakness(rows: pd.DataFrame) -> Weakness:
    return Weakness(0.5, rows, {}, {}, len(rows), 0)


def drawn(
    use: str, count: int, params: list[dict[str, Any]], scores: Any, **columns: Any
) -> pd.DataFrame:
    """Return ``count`` fakes with their params and scores, and as many reals."""
    common = {
        "identity_id": [f"p{n % 30}" for n in range(count)],
        "degradation": "(none)",
        "severity": None,
        "degradation_params": None,
        **columns,
    }
    told = {"method": use, "method_params": [json.dumps(one) for one in params]}
    rng = np.random.default_rng(0)
    fakes = pd.DataFrame({"label": 1, "score": scores, **told, **common})
    reals = pd.DataFrame({"label": 0, "score": rng.normal(0, 0.1, count), **told, **common})
    return pd.concat([fakes, reals], ignore_index=True)


def loaded(world: World, **changes: Any) -> Recipe:
    changes = {"methods": [{"use": "cross_blend", "share": 1}], **changes}
    return load_recipe(world.write_recipe("ranges.yaml", **changes))


def blends(hard: str, count: int = 200, seed: int = 0) -> pd.DataFrame:
    """Fakes of which the blur alone decides how hard they are."""
    rng = np.random.default_rng(seed)
    u = rng.uniform(size=(count, 3))
    names = {"bend": (0.01, 0.05), "blur": (0.01, 0.06), "color": (0.7, 1.0)}
    params = [
        {
            name: low + (high - low) * part
            for (name, (low, high)), part in zip(names.items(), row, strict=True)
        }
        for row in u
    ]
    at = {"high": u[:, 1], "low": 1 - u[:, 1], "none": np.full(count, 0.5)}[hard]
    return drawn("cross_blend", count, params, 0.35 - 0.4 * at + rng.normal(0, 0.1, count))


def test_a_range_leans_to_the_hard_half_and_says_why(world: World) -> None:
    (of,), _ = lean_ranges(loaded(world), weakness(blends("low")))
    (one,) = of.leaned
    assert one.name == "blur"
    (key, value), *more = one.keys.items()
    assert (key, more) == ("blur", [])
    assert 0.035 <= value < 0.05
    assert one.why.startswith(f"[0.01, 0.06] -> [0.01, {value:g}]: AUC 0.")
    assert " over 100 fakes up to 0.0" in one.why
    assert " over 100 above 0.0" in one.why
    assert "; difference 0." in one.why
    assert of.kept == {EVEN: ["bend", "color"]}


def test_an_end_that_no_option_sets_stays(world: World) -> None:
    """The low end of ``blur`` is in the code, so that it cannot lean up."""
    (of,), _ = lean_ranges(loaded(world), weakness(blends("high")))
    assert of == RangesOf([], {EVEN: ["bend", "blur", "color"]})


@pytest.mark.parametrize("seed", range(20))
def test_without_a_difference_nothing_changes(world: World, seed: int) -> None:
    (of,), _ = lean_ranges(loaded(world), weakness(blends("none", seed=seed)))
    assert of.leaned == []
    assert of.kept == {EVEN: ["bend", "blur", "color"]}


def test_few_fakes_or_few_people_change_nothing(world: World) -> None:
    rows = blends("low")
    few = rows[rows.index % 200 < 50]
    (of,), _ = lean_ranges(loaded(world), weakness(few))
    assert of == RangesOf([], {SMALL: ["bend", "blur", "color"]})
    family = rows.assign(identity_id=[f"p{n % 10}" for n in range(len(rows))])
    (of,), _ = lean_ranges(loaded(world), weakness(family))
    assert of == RangesOf([], {SMALL: ["bend", "blur", "color"]})


def test_one_hard_person_is_not_a_hard_range(world: World) -> None:
    """Half of the hard fakes are one person's: people count, not images."""
    rows = blends("none", count=400)
    blur = np.array([json.loads(text)["blur"] for text in rows["method_params"]])
    low = (rows["label"] == 1) & (blur < 0.02)
    rows.loc[low, "identity_id"] = "p0"
    rows.loc[low, "score"] = -1.0
    (of,), _ = lean_ranges(loaded(world), weakness(rows))
    assert of.leaned == []


SEVERITIES: list[dict[str, Any]] = [
    {"use": "clean", "share": "1/2"},
    {"use": "jpeg", "share": "1/2"},
]


def degraded(levels: list[int], hard: set[int], count: int = 240) -> pd.DataFrame:
    level = np.resize(levels, count)
    rng = np.random.default_rng(1)
    score = np.where(np.isin(level, list(hard)), 0.0, 0.5) + rng.normal(0, 0.1, count)
    people = [f"p{n // 7 % 30}" for n in range(count)]
    told = {"degradation": "jpeg", "severity": level, "identity_id": people}
    return drawn("landmark_swap", count, [{}] * count, score, **told)


@pytest.mark.parametrize(
    ("given", "hard", "new"),
    [
        ([1, 5], {4, 5}, [3, 5]),
        ([1, 5], {1, 2}, [1, 3]),
        ([2, 4], {4}, [3, 4]),
        ([3, 4], {4}, None),
    ],
)
def test_severities_lean_and_two_stay(
    world: World, given: list[int], hard: set[int], new: list[int] | None
) -> None:
    recipe = loaded(world, degradations=[SEVERITIES[0], {**SEVERITIES[1], "severity": given}])
    levels = list(range(given[0], given[1] + 1))
    _, (clean, jpeg) = lean_ranges(recipe, weakness(degraded(levels, hard)))
    assert clean == RangesOf()
    assert [one.keys for one in jpeg.leaned] == ([{"severity": new}] if new else [])


def test_reals_of_a_severity_are_what_its_fakes_are_compared_with(world: World) -> None:
    """Strong damage that moves the scores of reals and fakes alike makes nothing harder."""
    rows = degraded([1, 2, 3, 4, 5], set())
    rows["score"] -= 0.3 * rows["severity"].astype(float)
    recipe = loaded(world, degradations=[SEVERITIES[0], {**SEVERITIES[1], "severity": [1, 5]}])
    _, (_, jpeg) = lean_ranges(recipe, weakness(rows))
    assert jpeg == RangesOf([], {EVEN: ["severity"]})


@pytest.mark.parametrize(
    ("hard", "side"), [(lambda q: q < 60, "high"), (lambda q: abs(q - 62) < 17, "middle")]
)
def test_free_ranges_of_a_degradation_lean(world: World, hard: Any, side: str) -> None:
    rng = np.random.default_rng(4)
    quality = rng.integers(30, 96, 400)
    texts = [
        json.dumps({"operations": [{"use": "jpeg", "params": {"passes": [{"quality": int(q)}]}}]})
        for q in quality
    ]
    score = np.where(hard(quality), 0.0, 0.4) + rng.normal(0, 0.1, 400)
    told = {"degradation": "jpeg", "degradation_params": texts}
    rows = drawn("landmark_swap", 400, [{}] * 400, score, **told)
    recipe = loaded(world, degradations=[SEVERITIES[0], {**SEVERITIES[1], "passes": 1}])
    _, (_, jpeg) = lean_ranges(recipe, weakness(rows))
    (one,) = jpeg.leaned
    low, high = one.keys["quality"]
    assert one.name == "quality"
    assert high - low + 1 >= 33
    assert (low > 30, high < 95) == ((False, True) if side == "high" else (True, True))
    assert jpeg.kept["no range, so it does not lean"] == ["subsampling", "tables"]


def test_entries_that_the_manifest_does_not_tell_apart_stay(world: World) -> None:
    twice: list[dict[str, Any]] = [
        {"use": "cross_blend", "share": "1/2", "color": 0.9},
        {"use": "cross_blend", "share": "1/2"},
    ]
    methods, _ = lean_ranges(loaded(world, methods=twice), weakness(blends("low")))
    why = "several entries have this name and the manifest does not tell them apart"
    assert methods == [RangesOf([], {why: ["all"]})] * 2
    apart = [twice[0], {**twice[1], "splits": ["test"]}]
    (of, other), _ = lean_ranges(loaded(world, methods=apart), weakness(blends("low")))
    assert [one.name for one in of.leaned] == ["blur"]
    assert other == RangesOf()


@given(
    least=st.integers(10, 88),
    width=st.integers(1, 60),
    slope=st.floats(-2, 2),
    noise=st.floats(0, 1),
    count=st.integers(0, 300),
)
def test_whatever_the_scores_say_the_new_range_is_within_the_old(
    world: World, least: int, width: int, slope: float, noise: float, count: int
) -> None:
    low, high = least / 100, min(least + width, 90) / 100
    rng = np.random.default_rng(count)
    u = rng.uniform(size=count)
    params = [{"factor": low + (high - low) * value} for value in u]
    rows = drawn("morph", count, params, 0.2 + slope * u + noise * rng.normal(size=count))
    entry = {"use": "morph", "share": 1, "least": low, "most": high}
    (of,), _ = lean_ranges(loaded(world, methods=[entry]), weakness(rows))
    for one in of.leaned:
        new = (one.keys["least"], one.keys["most"])
        assert low <= new[0] < new[1] <= high
        assert new[1] - new[0] >= (high - low) / 2 - 1e-9
        load_recipe(world.write_recipe("leaned.yaml", methods=[{**entry, **one.keys}]))
        if slope and new != (low, high) and noise < abs(slope) / 4:
            assert (new[0] > low) == (slope < 0)
