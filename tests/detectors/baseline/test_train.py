from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from datagen.cli.main import run
from datagen.core.stats import auc
from tests.detectors.made import read_rows
from tests.support.world import World


def baseline(out: Path, *options: str) -> int:
    return run(["baseline", str(out), "--inline", *options])


def test_a_model_that_score_would_not_take_is_refused_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert baseline(tmp_path / "no-release", "--model", str(tmp_path / "model.txt")) == 2
    assert "must end in .json (found the suffix '.txt'). Name it" in capsys.readouterr().err


def test_the_baseline_learns_and_its_model_scores_the_same(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, own, again = (
        tmp_path / name for name in ("baseline.json", "own.parquet", "again.parquet")
    )
    assert baseline(small, "-o", str(own), "--model", str(model)) == 0
    told = capsys.readouterr()
    assert "trained on 24 fakes: it needs hundreds" in told.err
    lines = told.out.splitlines()
    assert lines[0].split() == ["split", "method", "fakes", "reals", "AUC", "controls", "alarms"]
    assert [line.split()[:4] for line in lines[1:4]] == [
        ["test", "all", "12", "15"],
        ["test", "landmark_swap", "6", "15"],
        ["test", "self_blend", "6", "15"],
    ]
    assert all("too few" in line for line in lines[1:4])  # 6 or 12 fakes
    arguments = ["score", str(small), "--detector", str(model), "--split", "test", "--inline"]
    assert run([*arguments, "-o", str(again)]) == 0
    first, second = read_rows(own), read_rows(again)
    assert first["score"].to_list() == pytest.approx(second["score"].to_list(), abs=1e-12)
    assert json.loads(model.read_text())["trained_on"]["name"] == "small"
    again_model = tmp_path / "again.json"
    assert baseline(small, "--model", str(again_model)) == 0
    assert again_model.read_bytes() == model.read_bytes()


def test_scores_of_train_are_of_people_that_were_held_out(small: Path, tmp_path: Path) -> None:
    model, held, seen = (
        tmp_path / name for name in ("baseline.json", "held.parquet", "seen.parquet")
    )
    assert baseline(small, "-o", str(held), "--split", "train", "--model", str(model)) == 0
    arguments = ["score", str(small), "--detector", str(model), "--split", "train", "--inline"]
    assert run([*arguments, "-o", str(seen)]) == 0
    labels = pd.read_parquet(small / "manifest").set_index("sample_id")["label"]
    found = {}
    for name, path in (("held", held), ("seen", seen)):
        rows = read_rows(path).join(labels)
        by_label = [rows.loc[rows["label"] == label, "score"].to_numpy() for label in (0, 1)]
        found[name] = auc(*by_label)
    assert found["seen"] > found["held"]


def test_a_release_without_train_is_refused(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    only = tmp_path / "only"
    assert world.generate(only, "--inline", "--set", "splits={test: 6}") == 0
    assert baseline(only) == 2
    assert "has no split 'train' to train on" in capsys.readouterr().err
    few = tmp_path / "few"
    shares = "split.shares={train: 1/6, test: 5/6}"
    assert world.generate(few, "--inline", "--set", "splits={train: 6}", "--set", shares) == 0
    assert baseline(few) == 2
    assert "expected reals and fakes of at least 5 identities" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{}", "is not a model of 'datagen baseline'"),
        ('{"format": "datagen.probe"}', "which is now called 'datagen baseline': train it again"),
        ('{"format": "datagen.baseline", "features": 0}', "train it again with 'datagen baseline'"),
        ('{"format": "datagen.baseline", "features": 2}', "is damaged: KeyError"),
    ],
)
def test_a_damaged_model_is_refused(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, words: str
) -> None:
    model = tmp_path / "baseline.json"
    model.write_text(text)
    to = str(tmp_path / "s.parquet")
    assert run(["score", str(small), "--detector", str(model), "-o", to, "--inline"]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.ray
def test_ray_gives_the_same_model(ray_cluster: object, small: Path, tmp_path: Path) -> None:
    assert (
        run(["baseline", str(small), "--workers", "2", "--model", str(tmp_path / "ray.json")]) == 0
    )
    assert baseline(small, "--model", str(tmp_path / "inline.json")) == 0
    assert (tmp_path / "ray.json").read_bytes() == (tmp_path / "inline.json").read_bytes()
