"""What stands in a release: no credentials, and no place on the disk of who made it."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml

from datagen.cli.main import run
from datagen.recipe import load_recipe
from tests.support.world import CARD, World

SECRET = "hunter2"
PLUGIN = """
from datagen import Method
from datagen.methods.self_blend import SelfBlend
class Mine(SelfBlend):
    name = "mine"
"""


def everything(folder: Path) -> str:
    """Return all texts of a release; texts in Parquet stand in them as they are."""
    texts = []
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".parquet":
            texts.append(f"{pq.read_table(path).to_pydict()} {pq.read_schema(path).metadata}")
        elif path.is_file() and path.suffix != ".tar":
            texts.append(path.read_text(encoding="utf-8"))
    return "\n".join(texts)


@pytest.fixture
def release(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A release from a recipe full of places and secrets."""
    home = tmp_path / "home" / "somebody"
    (home / "recipes").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    words = f"see {home}/consents/2025.pdf or https://u:{SECRET}@host/x?token={SECRET}"
    consent = {**CARD["consent"], "words": words, "grounds": f"as in {home}/board.pdf"}
    card = {**CARD, "consent": consent, "homepage": f"https://me:{SECRET}@host/faces"}
    card["attribution"] = f"{home}/who.txt"
    (home / "recipes" / "nobody.yaml").write_text(yaml.safe_dump(card))
    (home / "recipes" / "plugin.py").write_text(PLUGIN)
    path = home / "recipes" / "recipe.yaml"
    body = yaml.safe_load(world.recipe.read_text())
    body["sources"][0]["root"] = str(world.faces)
    body["splits"] = {"train": 4, "test": 2}
    body["methods"] = [{"use": "mine", "share": 1, "min_change": 0.5}]
    path.write_text(yaml.safe_dump(body))
    plugin = str(home / "recipes" / "plugin.py")
    out = tmp_path / "out"
    assert run(["generate", str(path), "-o", str(out), "--inline", "--plugin", plugin]) == 0
    return out


def test_a_release_names_no_place_and_no_secret(release: Path, tmp_path: Path) -> None:
    found = everything(release)
    assert SECRET not in found
    assert str(tmp_path) not in found
    assert "somebody" not in found
    assert os.fspath(Path.cwd()) not in found
    assert "…/2025.pdf or https://***@host/x?token=***" in found
    assert '"plugin.py": "' in (release / "release.json").read_text()


def test_the_recipe_of_a_release_runs_again(
    release: Path, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = tmp_path / "home/somebody/recipes/plugin.py"
    body = yaml.safe_load((release / "recipe.yaml").read_text())
    assert body["sources"][0]["root"] == "${NOBODY_ROOT}"
    again = load_recipe(release / "recipe.yaml", plugins=[plugin])
    assert again.unset_variables() == ["NOBODY_ROOT"]
    monkeypatch.setenv("NOBODY_ROOT", str(world.faces))
    assert again.sources()[0].root == str(world.faces)


def test_scores_keep_the_program_and_not_its_token(release: Path, tmp_path: Path) -> None:
    program = tmp_path / "program.sh"
    program.write_text(  # a score for the first image alone
        f"#!/bin/sh\necho 'no --password {SECRET}' >&2\n"
        "echo path,score > $3\nhead -n 1 $2 | sed 's/$/,0.5/' >> $3\n"
    )
    program.chmod(0o755)
    scores = tmp_path / "scores.parquet"
    spec = f"cmd: {program} --token={SECRET} {{paths}} {{scores}}"
    assert run(["score", str(release), "--detector", spec, "-o", str(scores), "--inline"]) == 0
    metadata = pq.read_schema(scores).metadata[b"datagen.detector"].decode()
    assert "program.sh --token=*** {paths} {scores}" in metadata
    assert SECRET not in metadata + pd.read_parquet(scores).to_csv()
    assert str(tmp_path) not in metadata
