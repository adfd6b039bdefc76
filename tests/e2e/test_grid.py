"""Real videos whose people were not asked whether they may be altered: indexed, and no more."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from datagen.cli.main import run
from datagen.errors import RightsError
from datagen.faces.indexing.cache import place_of
from datagen.faces.indexing.clip_cache import ClipCache
from datagen.generation.prepare import prepare
from datagen.recipe import load_recipe
from tests.support.assets import grid, weights

SPEAKERS = {"id2": "one", "pwij3p": "one", "lbbc2a": "two", "sbia1a": "three"}

CARD = """
id: grid
title: GRID audio-visual sentence corpus
license: CC-BY-4.0
attribution: "Cooke, Barker, Cunningham and Shao 2006: the GRID audio-visual corpus"
consent:
  basis: unknown
  alteration: unknown
  analysis: true
  adults_only: true
  grounds: "For these tests: published for research; by its paper all talkers are adults."
layout: table
"""

RECIPE = """
name: grid
version: 1
seed: 1
purpose: {use: research}
sources: [{card: grid.yaml, root: ROOT}]
clip: {frames: 16}
splits: {train: 2}
face: {size: 128, analyzer: mediapipe, min_side: 48, max_yaw: 60}
methods: [{use: self_blend, share: 1}]
"""


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    weights("face_landmarker.task")
    top = tmp_path_factory.mktemp("grid")
    root = top / "videos"
    root.mkdir()
    for name in SPEAKERS:
        shutil.copy(grid(f"{name}.mpg"), root)
    rows = [{"image": f"{name}.mpg", "identity": who} for name, who in SPEAKERS.items()]
    pd.DataFrame(rows).to_csv(root / "faces.csv", index=False)
    (top / "grid.yaml").write_text(CARD, encoding="utf-8")
    path = top / "recipe.yaml"
    path.write_text(RECIPE.replace("ROOT", str(root)), encoding="utf-8")
    return path


def test_grid_is_indexed(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATAGEN_CACHE", str(tmp_path))
    assert run(["index", str(recipe), "--inline"]) == 0
    said = capfd.readouterr()
    assert "4 faces; cached in" in said.out
    assert "4 tracks of 300 frames" in said.err
    loaded = load_recipe(recipe)
    source = loaded.sources()[0]
    found = ClipCache("grid", place_of(source), loaded.analyzer().version).load()
    assert set(found) == set(SPEAKERS)
    for rows in found.values():
        (row,) = rows
        track = row["track"]
        assert (len(track), row["fps_num"], row["fps_den"]) == (75, 25, 1)
        assert np.diff(track.pts).tolist() == [3600] * 74
        width = track.boxes[:, 2] - track.boxes[:, 0]
        assert width.min() > 80
        assert width.max() < 150
        away = np.linalg.norm(track.landmarks - track.raw, axis=2)
        assert np.median(away) < 0.5


@pytest.mark.parametrize(
    "command",
    [["plan"], ["validate"], ["generate", "-o", "out"], ["train", "-o", "out", "--name", "net"]],
)
def test_grid_is_not_manipulated(
    recipe: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    command: list[str],
) -> None:
    monkeypatch.setenv("DATAGEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    assert run([command[0], str(recipe), *command[1:]]) == 2
    said = capfd.readouterr().err
    assert "consent.alteration is unknown" in said
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "cache").exists()


def test_in_python_nothing_is_asked_less(recipe: Path) -> None:
    with pytest.raises(RightsError, match=r"consent\.alteration is unknown"):
        prepare(load_recipe(recipe))
