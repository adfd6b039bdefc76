"""Processes that are killed in the middle; after each, equal bytes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from datagen.engine.ray import RayEngine
from tests.support.world import World, digests, record, start

SECONDS = 120


def wait_for(condition: Callable[[], object], what: str) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.002)


@pytest.fixture(scope="module")
def undisturbed(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    assert world.generate(out, "--inline", *LONG) == 0
    return out


# Enough shards that a kill falls into the middle.
LONG = ("--set", "splits.train=120", "--set", "face.size=200")


def commits(out: Path) -> int:
    return len(list((out / "commits").glob("*.json"))) if (out / "commits").exists() else 0


def busy_workers() -> Iterator[int]:
    """Yield the processes in which this test's own cluster runs a task of an engine now."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError, ProcessLookupError):
            pid = int(path.parent.name)
            if path.read_bytes().startswith(b"ray::attempt") and os.getpid() in ancestors(pid):
                yield pid


def ancestors(pid: int) -> Iterator[int]:
    while pid > 1:
        status = Path(f"/proc/{pid}/status").read_text()
        pid = int(status.split("PPid:")[1].split()[0])
        yield pid


@pytest.mark.ray
def test_a_worker_killed_in_the_middle_of_a_shard(
    ray_cluster: RayEngine, world: World, tmp_path: Path, undisturbed: Path
) -> None:
    out = tmp_path / "out"
    killed: list[int] = []

    def kill_one() -> None:
        wait_for(lambda: list((out / ".staging").glob("*/tar*")), "no shard was begun")
        wait_for(lambda: list(busy_workers()), "no worker is busy")
        killed.append(next(busy_workers()))
        os.kill(killed[0], signal.SIGKILL)

    killer = threading.Thread(target=kill_one)
    killer.start()
    code = world.generate(out, "--workers", "2", *LONG)
    killer.join()
    assert killed
    assert code == 0
    assert digests(out) == digests(undisturbed)
    assert record(out) == record(undisturbed)


def writing(out: Path) -> Iterator[int]:
    """Yield the workers that have a file of a shard open."""
    for pid in busy_workers():
        with contextlib.suppress(OSError):
            links = [os.readlink(path) for path in Path(f"/proc/{pid}/fd").iterdir()]
            if any(link.startswith(f"{out}/.staging/") for link in links):
                yield pid


@pytest.mark.ray
@pytest.mark.slow
def test_a_shard_whose_worker_was_stopped_is_named_and_made_by_the_next_run(
    ray_cluster: RayEngine,
    world: World,
    tmp_path: Path,
    undisturbed: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    stopped: list[int] = []

    def stop_one() -> None:
        def stop() -> bool:
            stopped.extend(list(writing(out))[:1])
            return bool(stopped)

        wait_for(stop, "no worker writes")
        os.kill(stopped[0], signal.SIGSTOP)

    stopper = threading.Thread(target=stop_one)
    stopper.start()
    code = world.generate(out, "--workers", "2", "--shard-timeout", "8", *LONG)
    stopper.join()
    assert code == 1
    told = " ".join(capsys.readouterr().err.split())
    assert "1 of 22 shards failed" in told
    assert "took longer than 8 s (--shard-timeout): process " in told
    assert f"process {stopped[0]} on" in told
    assert commits(out) == 21
    assert not (out / "release.json").exists()
    assert world.generate(out, "--inline", *LONG) == 0
    assert digests(out) == digests(undisturbed)


@pytest.mark.parametrize(
    "engine", [("--inline",), pytest.param(("--workers", "2"), marks=pytest.mark.ray)]
)
def test_a_driver_killed_in_the_middle(
    engine: tuple[str, ...], world: World, tmp_path: Path, undisturbed: Path
) -> None:
    out = tmp_path / "out"
    arguments = ["generate", str(world.recipe), "-o", str(out), *engine, *LONG]
    driver = start(arguments)
    wait_for(lambda: commits(out) >= 2 or driver.poll() is not None, "nothing was committed")
    os.killpg(driver.pid, signal.SIGKILL)
    driver.communicate()
    assert driver.returncode == -signal.SIGKILL
    done = commits(out)
    assert 2 <= done < 22
    assert not (out / "release.json").exists()
    assert world.generate(out, "--inline", *LONG) == 0
    assert digests(out) == digests(undisturbed)
    assert record(out) == record(undisturbed)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopping_it_is_clean_and_the_same_command_goes_on(
    number: signal.Signals, world: World, tmp_path: Path, undisturbed: Path
) -> None:
    out = tmp_path / "out"
    driver = start(["generate", str(world.recipe), "-o", str(out), "--inline", *LONG])
    wait_for(lambda: commits(out) >= 2 or driver.poll() is not None, "nothing was committed")
    driver.send_signal(number)
    _, told = driver.communicate(timeout=SECONDS)
    assert driver.returncode == 130, told
    assert "of 22 shards are in" in told
    assert "Traceback" not in told
    assert [path for path in out.rglob(".staging/*") if path.is_file()] == []
    assert world.generate(out, "--inline", *LONG) == 0
    assert digests(out) == digests(undisturbed)


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopping_ends_a_run_on_ray(
    number: signal.Signals, world: World, tmp_path: Path, undisturbed: Path
) -> None:
    out = tmp_path / "out"
    arguments = ["generate", str(world.recipe), "-o", str(out), "--workers", "1", *LONG]
    driver = start(arguments)
    wait_for(lambda: commits(out) >= 1 or driver.poll() is not None, "nothing was committed")
    driver.send_signal(number)
    try:
        _, told = driver.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        os.killpg(driver.pid, signal.SIGKILL)
        raise
    assert driver.returncode == 130, told
    assert "rerun the same command to make the rest" in told
    assert "Traceback" not in told
    assert world.generate(out, "--inline", *LONG) == 0
    assert digests(out) == digests(undisturbed)
