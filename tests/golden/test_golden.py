"""Every plug-in makes the frozen bytes until its ``version`` rises."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from datagen.core.versions import pixel_libraries
from datagen.degradations import DEGRADATIONS
from datagen.methods import METHODS
from tests.golden.made import (
    COMMAND,
    FOLDER,
    MEDIA,
    MEDIA_COLUMNS,
    RELEASED,
    Frozen,
    Made,
    digest,
    environment,
    inputs,
    learned,
    make,
    read_picture,
    registered,
    same_environment,
)

NAMES = registered()


@pytest.fixture(scope="module")
def frozen() -> Frozen:
    return Frozen()


def _hold(frozen: Frozen, made: Made) -> None:
    if (text := frozen.problem(made)) is not None:
        pytest.fail(text, pytrace=False)


@pytest.mark.parametrize("name", sorted(METHODS))
def test_method_makes_the_frozen_fake(
    name: str, frozen: Frozen, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, small = f"methods/{name}", None
    if learned(key):
        small = request.getfixturevalue("small_weights")
        monkeypatch.setenv("DATAGEN_WEIGHTS", str(small.folder))
    _hold(frozen, make(key, small))


@pytest.mark.parametrize("name", sorted(DEGRADATIONS))
def test_degradation_makes_the_frozen_damage(name: str, frozen: Frozen) -> None:
    if DEGRADATIONS.load(name).extra:
        pytest.importorskip({"video": "av"}[DEGRADATIONS.load(name).extra])
    _hold(frozen, make(f"degradations/{name}"))


def test_source_draws_the_frozen_portrait(frozen: Frozen) -> None:
    _hold(frozen, make("sources/procedural"))


def test_what_is_registered_is_frozen_and_nothing_else(frozen: Frozen) -> None:
    missing, left = set(NAMES) - set(frozen.entries), set(frozen.entries) - set(NAMES)
    assert not missing, f"freeze with: {COMMAND} {' '.join(sorted(missing))}"
    assert not left, f"frozen and not registered: {sorted(left)}; drop with: {COMMAND}"


def test_the_files_are_those_of_the_record(frozen: Frozen) -> None:
    expected = dict(frozen.pictures())
    assert set((FOLDER / "images").rglob("*.png")) == set(expected)
    assert [path for path, value in expected.items() if digest(read_picture(path)) != value] == []


def test_fakes_have_their_mask_and_control(frozen: Frozen) -> None:
    for name in METHODS:
        parts = set(frozen.entries[f"methods/{name}"]["sha256"]) - {"real"}
        control = {"control"} if METHODS.load(name).has_control else set()
        assert parts == {"fake", "mask"} | control


def test_pixels_are_held_by_digest(frozen: Frozen) -> None:
    """Not a failure elsewhere, and not silent: there, pictures need only be near."""
    near = [key for key in NAMES if key in frozen.entries and not frozen.exact(key)]
    if near:
        pytest.skip(f"frozen with other libraries or on another processor: {', '.join(near)}")


def test_the_benchmark_has_the_frozen_media() -> None:
    columns = list(MEDIA_COLUMNS)
    then = pd.read_parquet(MEDIA)[columns].set_index("sample_id").sort_index()
    now = pd.read_parquet(RELEASED, columns=columns).set_index("sample_id").sort_index()
    again = f"if the benchmark was made anew: {COMMAND} --media"
    assert then.index.equals(now.index), again
    others = then.index[(then != now).any(axis=1)]
    assert list(others[:5]) == [], f"{len(others)} of {len(then)} differ; {again}"


@pytest.fixture
def made() -> Made:
    picture = np.array(inputs()[0].image)
    mask = np.full(picture.shape[:2], 255, np.uint8)
    return Made("methods", "mine", 3, {"fake": picture, "mask": mask})


def _other(made: Made, part: str = "fake", by: int = 1, **fields: object) -> Made:
    changed = made.parts[part].copy()
    changed[20:30, 20:30] ^= by
    return dataclasses.replace(made, parts={**made.parts, part: changed}, **fields)  # type: ignore[arg-type]


@pytest.fixture
def mine(tmp_path: Path, made: Made) -> Frozen:
    fresh = Frozen(tmp_path)
    assert fresh.freeze(made)
    fresh.write()
    return Frozen(tmp_path)


def _elsewhere(frozen: Frozen) -> None:
    for found in frozen.environments.values():
        found["libraries"] = {**found["libraries"], "numpy": "1.0"}


def test_freezing_twice_writes_once(mine: Frozen, made: Made) -> None:
    assert mine.problem(made) is None
    assert not mine.freeze(made)


@pytest.mark.parametrize("part", ["fake", "mask"])
def test_one_bit_is_found_and_not_frozen(mine: Frozen, made: Made, part: str) -> None:
    other = _other(made, part)
    assert f"{part} differs" in str(mine.problem(other))
    before = mine.path("mine", part).read_bytes()
    with pytest.raises(ValueError, match="Raise `version`"):
        mine.freeze(other)
    assert mine.path("mine", part).read_bytes() == before


def test_a_raised_version_must_be_frozen_and_may_be(mine: Frozen, made: Made) -> None:
    other = _other(made, version=4)
    assert f"{COMMAND} mine" in str(mine.problem(other))
    assert f"{COMMAND} mine" in str(mine.problem(dataclasses.replace(made, version=4)))
    assert mine.freeze(other)
    assert mine.problem(other) is None
    assert "fell" in str(mine.problem(made))
    with pytest.raises(ValueError, match="fell"):
        mine.freeze(made)


def test_what_was_never_frozen_is_told(mine: Frozen, made: Made) -> None:
    assert f"{COMMAND} yours" in str(mine.problem(dataclasses.replace(made, name="yours")))


def test_a_part_more_or_less_is_told(mine: Frozen, made: Made) -> None:
    more = dataclasses.replace(made, parts={**made.parts, "control": made.parts["fake"]})
    assert "now ['control', 'fake', 'mask']" in str(mine.problem(more))


def test_elsewhere_near_is_enough_and_far_is_not(mine: Frozen, made: Made) -> None:
    _elsewhere(mine)
    assert mine.problem(_other(made)) is None
    assert "PSNR" in str(mine.problem(_other(made, by=64)))
    assert "PSNR" in str(mine.problem(_other(made, "mask", by=64)))
    with pytest.raises(ValueError, match="Raise `version`"):
        mine.freeze(_other(made, by=64))
    assert mine.freeze(_other(made))


def test_other_networks_are_told_where_they_must_be_the_same(mine: Frozen, made: Made) -> None:
    mine.freeze(dataclasses.replace(made, version=4, networks="a"))
    other = _other(made, by=64, version=4, networks="b")
    assert "other weights" in str(mine.problem(other))
    _elsewhere(mine)
    assert mine.problem(other) is None


def test_what_counts_as_the_same_environment() -> None:
    here = environment()
    later = {**here, "libraries": {**here["libraries"], "datagen": "9.9"}}
    assert same_environment(here, later, networks=True)
    for name in set(pixel_libraries(True)) - {"datagen"}:
        other = {**here, "libraries": {**here["libraries"], name: "0"}}
        assert same_environment(here, other, networks=False) == (name not in pixel_libraries())
        assert not same_environment(here, other, networks=True)
    away = {**here, "machine": {**here["machine"], "cpu_features": "none"}}
    assert not same_environment(here, away, networks=False)
