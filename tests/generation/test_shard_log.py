from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from datagen.cli.main import run
from datagen.engine import InlineEngine
from datagen.errors import ItemError
from datagen.generation.shard import MakeShard
from datagen.generation.shard_log import ShardLog, log_name
from datagen.release import Folder
from datagen.release.reader import Release
from tests.support.world import World, digests


def events(out: Path, shard: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / log_name(shard)).read_text().splitlines()]


def test_a_shard_logs_its_rejects_and_the_seconds_of_its_stages(
    world: World, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    picky = ["--set", "methods.0.min_change=200", "--set", "rejects.max_share=1"]
    assert world.generate(out, "--inline", *picky) == 0
    begin, *middle, end = events(out, "train-000000")
    assert (begin["event"], begin["items"]) == ("begin", 6)
    assert {one["event"] for one in middle} == {"reject"}
    assert {one["code"] for one in middle} == {"change_too_small"}
    assert middle[0]["method"] == "self_blend"
    assert "visible change of" in middle[0]["detail"]
    assert end["rejects"] == {"change_too_small": len(middle)}
    assert end["pairs"] == 6 - len(middle)
    assert set(end["seconds"]) == {
        *("make/self_blend", "make/landmark_swap", "degrade", "write", "commit", "all")
    }
    stages = sum(spent for name, spent in end["seconds"].items() if name != "all")
    assert 0 < stages <= end["seconds"]["all"] + 0.01


def test_logs_are_no_part_of_the_release(world: World, tmp_path: Path) -> None:
    out, other = tmp_path / "out", tmp_path / "other"
    assert world.generate(out, "--inline") == 0
    assert world.generate(other, "--inline") == 0
    names = json.loads((out / "release.json").read_text())["files"]
    assert not [name for name in names if name.startswith("logs")]
    for file in (out / "logs").iterdir():
        file.unlink()
    assert digests(out) == digests(other)
    assert run(["verify", str(out)]) == 0
    assert world.generate(out, "--inline") == 0  # nothing is made, and so nothing is logged
    assert list((out / "logs").iterdir()) == []


def test_a_folder_with_logs_alone_may_become_a_release(world: World, tmp_path: Path) -> None:
    (tmp_path / "out" / "logs").mkdir(parents=True)
    (tmp_path / "out" / "logs" / "train-000000.jsonl").write_text("{}\n")
    assert world.generate(tmp_path / "out", "--inline") == 0
    assert run(["verify", str(tmp_path / "out")]) == 0


def _link_to_a_folder(logs: Path, away: Path) -> None:
    logs.symlink_to(away)


def _file_in_its_place(logs: Path, away: Path) -> None:
    logs.write_text("not a folder")


def _links_to_files(logs: Path, away: Path) -> None:
    logs.mkdir()
    (logs / "train-000000.jsonl").symlink_to(away / "kept")
    (logs / "train-000006.jsonl").hardlink_to(away / "kept")
    os.mkfifo(logs / "train-000012.jsonl")


@pytest.mark.parametrize("harm", [_link_to_a_folder, _file_in_its_place, _links_to_files])
def test_hostile_logs_cost_no_pair_and_are_not_followed(
    harm: Any, world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, away, plain = tmp_path / "out", tmp_path / "away", tmp_path / "plain"
    away.mkdir()
    (away / "kept").write_text("as it was")
    assert world.generate(plain, "--inline") == 0
    assert world.generate(out, "--inline", "--limit", "1") == 0
    for file in (out / "logs").iterdir():
        file.unlink()
    (out / "logs").rmdir()
    harm(out / "logs", away)
    capsys.readouterr()
    assert world.generate(out, "--inline") == 0
    assert "could not be written" in " ".join(capsys.readouterr().err.split())
    assert [file.name for file in away.iterdir()] == ["kept"]
    assert (away / "kept").read_text() == "as it was"
    assert run(["verify", str(out)]) == 0
    assert capsys.readouterr().out == ""
    assert len(Release(out)) == len(Release(plain))
    assert (out / "release.json").exists()
    same = json.loads((plain / "release.json").read_text())["files"]
    assert json.loads((out / "release.json").read_text())["files"] == same


def test_what_was_retried_is_in_the_log(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = world.job(tmp_path / "out")
    real, calls = MakeShard._make, []

    def once(self: MakeShard, *given: Any) -> Any:
        calls.append(given)
        if len(calls) == 1:
            raise OSError(5, "the disk of s3://user:hunter2@host failed in /home/someone/place")
        return real(self, *given)

    monkeypatch.setattr(MakeShard, "_make", once)
    (outcome,) = InlineEngine().run(job.task, job.shards[:1])
    assert outcome.attempts == 2
    found = events(tmp_path / "out", job.shards[0].name)
    assert [one["event"] for one in found] == ["begin", "error", "begin", "end"]
    assert "the disk of" in found[1]["error"]
    text = (tmp_path / "out" / log_name(job.shards[0].name)).read_text()
    assert "hunter2" not in text
    assert "/home/someone" not in text


def test_lines_survive_a_worker_that_dies(tmp_path: Path) -> None:
    log = ShardLog(Folder(str(tmp_path)), "train-000000")
    log.add("begin", items=3)
    log.reject("p", "self_blend", ItemError("change_too_small", "a\nb --token=hunter2"))
    begin, reject = events(tmp_path, "train-000000")
    assert begin["items"] == 3
    assert reject["detail"] == "a\nb --token=***"


def test_object_storage_gets_the_lines_of_every_attempt() -> None:
    folder = Folder("memory://logs-of-a-shard")
    for _ in range(2):
        log = ShardLog(folder, "train-000000")
        log.add("begin")
        assert not log.problem
        log.add("end")
        log.flush()
    lines = folder.read(log_name("train-000000")).decode().splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["begin", "end"] * 2
