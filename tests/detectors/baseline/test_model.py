from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from datagen.cli.main import run
from datagen.core.rng import rng
from datagen.core.stats import auc
from datagen.detectors.baseline.features import (
    FEATURES_VERSION,
    SMALLEST,
    feature_count,
    features_of,
)
from datagen.detectors.baseline.logistic import fit_logistic
from datagen.detectors.baseline.model import BaselineModel
from datagen.errors import DetectorError
from datagen.sources.procedural import render
from tests.detectors.made import read_rows
from tests.support.world import World


def baseline(out: Path, *options: str) -> int:
    return run(["baseline", str(out), "--inline", *options])


@pytest.mark.parametrize(("rows", "features"), [(60, 8), (20, 50)])
def test_the_fit_is_at_the_bottom(rows: int, features: int) -> None:
    draw = rng("logistic", rows)
    data = draw.normal(size=(rows, features))
    labels = (data[:, 0] + draw.normal(size=rows) > 0.3).astype(np.int64)
    model = fit_logistic(data, labels, 2.0)
    standard = (data - model.mean) / model.scale
    share = labels.mean()
    weight = np.where(labels == 1, 0.5 / share, 0.5 / (1 - share))
    slope = standard.T @ (weight * (model.probability(data) - labels)) + 2.0 * model.weights
    assert np.abs(slope).max() < 1e-3
    assert abs((weight * (model.probability(data) - labels)).sum()) < 1e-3


def test_a_fit_survives_flat_and_separating_features() -> None:
    labels = np.array([0, 0, 1, 1])
    data = np.column_stack([labels * 5.0, np.ones(4)])
    model = fit_logistic(data, labels, 0.01)
    assert auc(model.probability(data[:2]), model.probability(data[2:])) == 1
    assert np.isfinite(model.weights).all()


@pytest.mark.parametrize("side", [SMALLEST, 37, 128])
def test_features_are_finite_and_of_one_length(side: int) -> None:
    for image in (np.zeros((side, side, 3), np.uint8), render(1, 1, 0, side).image):
        row = features_of(image)
        assert row.shape == (feature_count(),)
        assert np.isfinite(row).all()
    with pytest.raises(ValueError, match="expected sides of at least"):
        features_of(np.zeros((SMALLEST - 1, 90, 3), np.uint8))


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
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["split", "method", "fakes", "reals", "AUC"]
    assert [line.split()[:4] for line in lines[1:]] == [
        ["test", "all", "12", "15"],
        ["test", "landmark_swap", "6", "15"],
        ["test", "self_blend", "6", "15"],
    ]
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
        ('{"format": "datagen.baseline", "features": 1}', "is damaged: KeyError"),
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


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("scale", 0.0, "scale: expected numbers of at least 1e-12"),
        ("scale", -1.0, "scale: expected numbers of at least 1e-12"),
        ("scale", 1e-320, "scale: expected numbers of at least 1e-12"),
        ("weights", 1e308, "weights: expected 529 numbers within 1e+12"),
        ("mean", -1e308, "mean: expected 529 numbers within 1e+12"),
        ("bias", 1e308, "bias: expected a number within 1e+12"),
    ],
)
def test_numbers_that_no_training_gives_are_refused(
    tmp_path: Path, key: str, value: float, words: str
) -> None:
    count = feature_count()
    body = {
        "format": "datagen.baseline",
        "features": FEATURES_VERSION,
        "trained_on": {},
        "ridge": 1.0,
        "bias": 0.0,
        **{name: [1.0] * count for name in ("weights", "mean", "scale")},
    }
    path = tmp_path / "model.json"
    path.write_text(json.dumps(body))
    assert BaselineModel.read(str(path)).ridge == 1
    body[key] = value if key == "bias" else [value] * count
    path.write_text(json.dumps(body))
    with pytest.raises(DetectorError) as error:
        BaselineModel.read(str(path))
    assert words in str(error.value)
