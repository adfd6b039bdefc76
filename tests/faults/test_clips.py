"""A run of clips that is killed in the middle of an encode leaves nothing half-written."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from datagen import Release
from tests.faults.test_kills import commits, wait_for
from tests.support.clip_world import ClipWorld
from tests.support.world import digests, start

# Long enough that a kill falls into the middle.
LONG = ("--set", "splits.train=12", "--set", "clip.frames=8", "--set", "encode.preset=slow")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_ends_in_the_middle_of_a_clip_goes_on(
    number: signal.Signals, clip_world: ClipWorld, tmp_path: Path
) -> None:
    whole, out = tmp_path / "whole", tmp_path / "out"
    assert clip_world.generate(whole, "--inline", *LONG) == 0
    driver = start(["generate", str(clip_world.recipe), "-o", str(out), "--inline", *LONG])
    wait_for(lambda: commits(out) >= 1 or driver.poll() is not None, "nothing was committed")
    staged = out / ".staging"
    wait_for(
        lambda: any(p.stat().st_size for p in staged.rglob("tar*")) or driver.poll() is not None,
        "no clip was written",
    )
    os.killpg(driver.pid, number)
    _, told = driver.communicate(timeout=120)
    assert driver.returncode == (-number if number is signal.SIGKILL else 130), told
    assert not (out / "release.json").exists()
    assert 1 <= commits(out) < 8
    assert clip_world.generate(out, "--inline", *LONG) == 0
    assert digests(out) == digests(whole)
    assert Release(out).verify() == []
