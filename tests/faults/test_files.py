"""Faults of disks and sources, injected for real; after each, a rerun gives equal bytes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from datagen.cli.main import run
from datagen.generation.prepare import index_faces
from tests.support.world import World, digests


@pytest.fixture(scope="module")
def undisturbed(world: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    assert world.generate(out, "--inline") == 0
    return digests(out)


def spoil_after_index(monkeypatch: pytest.MonkeyPatch, spoil: Callable[[], object]) -> None:
    """Change the sources in the moment between the index and the run."""

    def then_spoil(*arguments: Any) -> Any:
        built = index_faces(*arguments)
        spoil()
        return built

    monkeypatch.setattr("datagen.generation.run.index_faces", then_spoil)


def test_a_file_that_vanishes_fails_its_shards_and_is_named(
    own_world: World,
    tmp_path: Path,
    undisturbed: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out, victim = tmp_path / "out", own_world.faces / "p03_1.png"
    kept = victim.read_bytes()
    with monkeypatch.context() as patch:
        spoil_after_index(patch, victim.unlink)
        assert own_world.generate(out, "--inline") == 1
    told = capsys.readouterr().err
    assert "image 'p03_1.png' is missing; it existed when the source was indexed" in told
    assert "makes only the missing shards" in told
    assert not (out / "release.json").exists()
    assert run(["verify", str(out)]) == 1
    victim.write_bytes(kept)
    assert own_world.generate(out, "--inline") == 0
    assert digests(out) == undisturbed


def test_a_file_that_changes_is_not_taken_for_the_old_one(
    own_world: World,
    tmp_path: Path,
    undisturbed: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out, victim = tmp_path / "out", own_world.faces / "p03_1.png"
    kept = victim.read_bytes()
    other = (own_world.faces / "p04_0.png").read_bytes()
    with monkeypatch.context() as patch:
        spoil_after_index(patch, lambda: victim.write_bytes(other))
        assert own_world.generate(out, "--inline") == 1
    assert "'p03_1.png' has changed since it was indexed" in capsys.readouterr().err
    victim.write_bytes(kept)
    assert own_world.generate(out, "--inline") == 0
    assert digests(out) == undisturbed


def test_a_truncated_image_is_a_row_and_the_rest_is_made(
    own_world: World, tmp_path: Path, undisturbed: dict[str, str]
) -> None:
    out, victim = tmp_path / "out", own_world.faces / "p03_1.png"
    kept = victim.read_bytes()
    victim.write_bytes(kept[: len(kept) // 2])
    assert own_world.generate(out, "--inline") == 0
    refused = pd.read_parquet(out / "rejects" / "index.parquet")
    assert refused[["stage", "code", "image_id"]].to_numpy().tolist() == [
        ["index", "unreadable_image", "p03_1"]
    ]
    assert run(["verify", str(out)]) == 0
    victim.write_bytes(kept)
    assert own_world.generate(out, "--inline") == 0
    assert digests(out) == undisturbed


def test_a_missing_image_is_a_row(own_world: World, tmp_path: Path) -> None:
    (own_world.faces / "p03_1.png").unlink()
    assert own_world.generate(tmp_path / "out", "--inline") == 0
    refused = pd.read_parquet(tmp_path / "out" / "rejects" / "index.parquet")
    assert refused["code"].tolist() == ["missing_file"]


def test_too_many_rejects_end_the_run_without_a_release(
    own_world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    never = ("--set", "methods.0.min_change=200")
    assert own_world.generate(out, "--inline", *never) == 1
    told = capsys.readouterr().err
    assert "change_too_small" in told
    assert "the recipe allows 1" in told
    assert "if you change what is made (methods, sources, seed), choose a new folder" in told
    assert not (out / "release.json").exists()
    assert own_world.generate(out, "--inline", *never, "--set", "rejects.max_share=0.5") == 0
    rows = pd.read_parquet(out / "rejects")
    assert rows["code"].value_counts().to_dict() == {"change_too_small": 18}
    made = pd.read_parquet(out / "manifest")
    assert len(rows) + (made["kind"] == "fake").sum() == 36
    assert run(["verify", str(out)]) == 0


def _namespaces() -> bool:
    tool = shutil.which("unshare")
    if tool is None:
        return False
    script = "mount -t tmpfs -o size=1m none /mnt"
    return subprocess.run([tool, "-rm", "sh", "-c", script], check=False).returncode == 0


def test_a_full_disk_is_told_and_survived(
    world: World, tmp_path: Path, undisturbed: dict[str, str]
) -> None:
    if not _namespaces():
        pytest.skip("this system lets nobody mount a small disk of one's own (unshare -rm)")
    (tmp_path / "disk").mkdir()
    script = f"""
        mount -t tmpfs -o size=200k none {tmp_path}/disk
        {sys.executable} -m datagen generate {world.recipe} -o {tmp_path}/disk/out --inline
        echo "first $?"
        find {tmp_path}/disk/out -name 'train*.json' -o -name '*.tar' | sort
        ls {tmp_path}/disk/out/release.json
        mount -o remount,size=100m {tmp_path}/disk
        {sys.executable} -m datagen generate {world.recipe} -o {tmp_path}/disk/out --inline
        echo "second $?"
        cp -r {tmp_path}/disk/out {tmp_path}/kept
    """
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script], capture_output=True, text=True, check=False
    )
    assert "first 1" in done.stdout, done.stdout + done.stderr
    assert "No space left on device" in done.stderr
    assert "No such file" in done.stderr  # release.json, after the first run
    assert "second 0" in done.stdout, done.stdout + done.stderr
    assert digests(tmp_path / "kept") == undisturbed
