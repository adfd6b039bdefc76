"""One test body for every engine: the same outcomes, and the same report of a failure."""

from __future__ import annotations

from pathlib import Path

import pytest

from datagen.engine import Engine, InlineEngine, Outcome, run_all
from datagen.engine.base import ATTEMPTS
from datagen.engine.testing import Doubles, FailsOn
from datagen.errors import ContractError, ItemError, RunError
from tests.support.world import World, digests


@pytest.fixture(params=["inline", pytest.param("ray", marks=pytest.mark.ray)])
def engine(request: pytest.FixtureRequest) -> Engine:
    if request.param == "inline":
        return InlineEngine()
    found: Engine = request.getfixturevalue("ray_cluster")
    return found


def test_every_key_has_one_outcome(engine: Engine) -> None:
    outcomes = sorted(engine.run(Doubles(), range(50)), key=lambda outcome: outcome.key)
    assert outcomes == [Outcome(key, 2 * key) for key in range(50)]


def test_no_keys_no_outcomes(engine: Engine) -> None:
    assert list(engine.run(Doubles(), [])) == []


def test_the_machines_error_is_tried_again_and_then_told(engine: Engine) -> None:
    outcomes = {outcome.key: outcome for outcome in engine.run(FailsOn(3), range(5))}
    failed = outcomes.pop(3)
    assert isinstance(failed.error, RunError)
    assert "No space left on device" in str(failed.error)
    assert (failed.result, failed.attempts) == (None, ATTEMPTS)
    assert [outcome.error for outcome in outcomes.values()] == [None] * 4


def test_our_own_error_is_a_fact_and_comes_back_whole(engine: Engine) -> None:
    (failed,) = engine.run(FailsOn(0, "item"), [0])
    assert isinstance(failed.error, ItemError)
    assert (failed.error.code, failed.error.detail) == ("no_donor", "no face left")
    assert failed.attempts == 1


def test_a_broken_contract_is_never_retried(engine: Engine) -> None:
    (failed,) = engine.run(FailsOn(0, "contract"), [0])
    assert isinstance(failed.error, ContractError)
    assert "draws in 'apply'" in str(failed.error)
    assert failed.attempts == 1


def test_run_all_tries_every_key_before_it_raises(engine: Engine) -> None:
    results: list[int] = []
    with pytest.raises(RunError, match="No space left"):
        results.extend(run_all(engine, FailsOn(1), range(6)))
    assert sorted(results) == [0, 4, 6, 8, 10]


def test_the_caller_may_leave_early(engine: Engine) -> None:
    outcomes = engine.run(Doubles(), range(10_000))
    assert next(iter(outcomes)).error is None
    del outcomes


def test_a_release_is_equal_to_the_inline_one(engine: Engine, world: World, tmp_path: Path) -> None:
    for name, one in (("this", engine), ("reference", InlineEngine())):
        job = world.job(tmp_path / name, one)
        done = list(one.run(job.task, job.shards))
        assert [outcome.error for outcome in done] == [None] * len(job.shards)
    assert digests(tmp_path / "this") == digests(tmp_path / "reference")
