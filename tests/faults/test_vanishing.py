"""A folder that is removed or overwritten while a run goes on is never called complete."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from datagen.cli.main import run
from datagen.errors import RunError
from datagen.release import Folder
from datagen.release.commit import FileRecord, file_record
from datagen.release.presence import check_present
from datagen.release.record import finish_release
from datagen.release.shard_writer import ShardWriter
from tests.support.world import World, digests

TAR, COMMIT = "media/small-v1-train-000001.tar", "commits/train-000001.json"


@pytest.fixture(scope="module")
def undisturbed(world: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    assert world.generate(out, "--inline") == 0
    return digests(out)


def halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def alter(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"pairs":', b'"pairz":'))


HARMS: dict[str, tuple[Callable[[Path], object], str]] = {
    "the folder": (shutil.rmtree, f"{COMMIT} (missing)"),
    "a tar": (lambda out: (out / TAR).unlink(), f"{TAR} (missing)"),
    "half a tar": (lambda out: halve(out / TAR), f"{TAR} ("),
    "a commit": (lambda out: (out / COMMIT).unlink(), f"{COMMIT} (missing)"),
    "commits": (lambda out: shutil.rmtree(out / "commits"), f"{COMMIT} (missing)"),
    "other bytes": (lambda out: alter(out / COMMIT), f"{COMMIT} (other bytes of the same size)"),
}


@pytest.mark.parametrize("harm", HARMS)
def test_what_vanished_at_the_end_is_named_and_made_again(
    harm: str,
    world: World,
    tmp_path: Path,
    undisturbed: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    do, words = HARMS[harm]

    def late(*arguments: Any) -> Any:
        do(out)
        return finish_release(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr("datagen.generation.run.finish_release", late)
        assert world.generate(out, "--inline") == 1
    told = capsys.readouterr().err
    assert words in told
    assert "rerun the same command" in told
    assert not (out / "release.json").exists()
    assert run(["verify", str(out)]) in (1, 2)  # not finished; no release
    assert world.generate(out, "--inline") == 0
    assert digests(out) == undisturbed


def test_a_folder_removed_between_two_shards(
    world: World,
    tmp_path: Path,
    undisturbed: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out, commits = tmp_path / "out", 0
    plain = ShardWriter._commit

    def removing(self: ShardWriter) -> None:
        nonlocal commits
        plain(self)
        commits += 1
        if commits == 3:
            shutil.rmtree(out)

    with monkeypatch.context() as patch:
        patch.setattr(ShardWriter, "_commit", removing)
        assert world.generate(out, "--inline") == 1
    told = capsys.readouterr().err
    assert "15 files of" in told  # three shards of five files
    assert not (out / "release.json").exists()
    assert world.generate(out, "--inline") == 0
    assert digests(out) == undisturbed


@pytest.mark.parametrize("place", ["local", "memory"])
def test_every_kind_of_storage_is_looked_at(place: str, tmp_path: Path) -> None:
    folder = Folder(str(tmp_path / "out") if place == "local" else f"memory://{tmp_path.name}")
    bytes_of = {"commits/a.json": b"{}", "media/a.tar": b"tar", "recipe.yaml": b"x: 1"}
    files: dict[str, FileRecord] = {}
    for name, data in bytes_of.items():
        folder.write(name, data)
        files[name] = file_record(data)
    check_present(folder, files)
    folder.write("recipe.yaml", b"y: 2")
    folder.write("media/a.tar", b"more than it was")
    folder.remove("commits/a.json")
    with pytest.raises(RunError) as caught:
        check_present(folder, files)
    for words in (
        "3 files of 3",
        "commits/a.json (missing)",
        "media/a.tar (16 bytes, 3 were written)",
        "recipe.yaml (other bytes of the same size)",
    ):
        assert words in str(caught.value)
