from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datagen.generation.checks import visible_change
from tests.support.world import World


@given(st.integers(0, 2**32), st.integers(1, 9), st.integers(1, 9))
def test_the_change_is_what_the_manifest_says(seed: int, height: int, width: int) -> None:
    draw = np.random.Generator(np.random.Philox(key=seed))
    real, fake = draw.integers(0, 256, (2, height, width, 3), dtype=np.uint8)
    mask = draw.integers(0, 256, (height, width), dtype=np.uint8)
    difference = np.abs(real.astype(float) - fake).mean(axis=2)
    expected = (mask * difference).sum() / mask.sum() if mask.any() else 0.0
    assert visible_change(real, fake, mask) == pytest.approx(expected, abs=1e-9)


def test_no_mask_no_change() -> None:
    one = np.zeros((4, 4, 3), np.uint8)
    assert visible_change(one, one + 9, np.zeros((4, 4), np.uint8)) == 0.0


def test_the_shard_digest_names_range_recipe_and_versions(
    own_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = own_world.job("out")
    first, second = job.shards[:2]
    digest = job.task.shard_digest(first)
    assert digest == own_world.job("elsewhere").task.shard_digest(first)
    assert digest != job.task.shard_digest(second)
    with monkeypatch.context() as patch:
        patch.setattr("datagen.methods.self_blend.SelfBlend.version", 99)
        assert own_world.job("out").task.shard_digest(first) != digest
    own_world.write_recipe(seed=8)
    assert own_world.job("out").task.shard_digest(first) != digest


def test_a_worker_with_other_libraries_is_refused(world: World) -> None:
    from dataclasses import replace

    from datagen.errors import EngineError

    job = world.job("out")
    task = replace(job.task, libraries={**job.task.libraries, "numpy": "0.1"})
    with pytest.raises(
        EngineError, match=r"other library versions than the driver.*constraints\.txt"
    ):
        task(job.shards[0])


def test_a_process_that_made_some_splits_makes_the_others_too(
    own_world: World, tmp_path: Path
) -> None:
    """Counts are not in the digest of the content, so a plan without a split must not be kept."""
    one = ("--inline", "--set", "splits={test: 4}")
    assert own_world.generate(tmp_path / "one", *one) == 0
    assert own_world.generate(tmp_path / "both", "--inline") == 0


def test_a_stopped_run_counts_the_shards_on_disk(
    own_world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Workers commit shards whose outcomes the driver has not yet taken."""
    from datagen.core.progress import Progress
    from datagen.generation.prepare import prepare
    from datagen.generation.run import make_release

    recipe = prepare(own_world.job("out").loaded)
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        make_release(recipe, str(out), lambda: Stopped(2), None, Progress())
    assert "stopped: 2 of 6 shards are in" in " ".join(capsys.readouterr().err.split())
    stale = out / "commits" / "train-000000.json"
    stale.write_bytes(stale.read_bytes().replace(b'"digest":"', b'"digest":"0'))
    with pytest.raises(KeyboardInterrupt):
        make_release(recipe, str(out), lambda: Stopped(0), None, Progress())
    assert "stopped: 1 of 6 shards are in" in " ".join(capsys.readouterr().err.split())


class Stopped:
    """An engine whose run is stopped when workers have done some keys and told nothing."""

    workers = 1

    def __init__(self, done: int) -> None:
        self.done = done

    def run(self, task: Any, keys: Iterable[Any]) -> Iterator[Any]:
        for key in list(keys)[: self.done]:
            task(key)
        raise KeyboardInterrupt
