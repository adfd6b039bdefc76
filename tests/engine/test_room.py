"""A limit on memory that is too low for Ray is an error of its own, not the end of a process."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from datagen.engine.ray import RayEngine
from datagen.engine.room import check_room
from datagen.errors import RunError
from tests.support.world import World

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such limit")


def test_without_a_limit_there_is_room() -> None:
    check_room()


def test_a_low_limit_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (4 << 30, -1))
    with pytest.raises(RunError, match=r"limited to 4\.0 GiB of addresses.*--inline"):
        RayEngine().__enter__()
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1 << 50, -1))
    check_room()


def test_a_start_that_fails_is_an_error_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    def init(*_: object, **__: object) -> None:
        raise Exception("first\nThe current node timed out during startup")

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", init)
    with pytest.raises(RunError, match=r"Ray did not start: The current node timed out.*--inline"):
        RayEngine().__enter__()


@pytest.mark.slow
@pytest.mark.parametrize("gib", [3, 8])
def test_an_index_below_a_limit_ends_with_exit_1_and_one_line(own_world: World, gib: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "datagen", "index", str(own_world.recipe)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (gib << 30, gib << 30)),
        capture_output=True,
        text=True,
        timeout=300,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 1
    assert "--inline" in done.stderr
    assert "Traceback" not in done.stderr
