"""The terms of a network that finds the faces are those of every row where it restricts them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from datagen.cli.main import run
from datagen.faces.analyzers.given import Given
from datagen.recipe import load_recipe
from tests.support.world import World


@pytest.fixture(autouse=True)
def _finds_faces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(tmp_path / "weights"))
    (tmp_path / "weights" / "cards").mkdir(parents=True)
    monkeypatch.setattr(Given, "weights", ("finder",))


def write_card(folder: Path, **changes: Any) -> None:
    card = {"id": "finder", "title": "Finder of faces", "file": "finder.task", "form": "task"}
    place = folder / "weights" / "cards" / "finder.yaml"
    place.write_text(yaml.safe_dump({**card, "license": "Apache-2.0"} | changes))


def generated(world: World, folder: Path) -> tuple[pd.DataFrame, Path]:
    out = folder / "out"
    changes = {"splits": {"train": 6}, "split": {"shares": {"train": 1.0}}}
    recipe = world.write_recipe("restricted.yaml", purpose={"use": "research"}, **changes)
    assert run(["generate", str(recipe), "-o", str(out), "--inline"]) == 0
    return pd.concat(map(pd.read_parquet, sorted(out.glob("manifest/*.parquet")))), out


def test_terms_that_restrict_count_in_every_row(world: World, tmp_path: Path) -> None:
    write_card(tmp_path, license="LicenseRef-Research-Only")
    rows, out = generated(world, tmp_path)
    assert set(rows["kind"]) == {"real", "fake", "control"}
    for row in rows.to_dict("records"):
        assert list(row["purposes"]) == ["research"]
        assert list(row["licenses"]) == ["CC0-1.0", "LicenseRef-Research-Only"]
        assert "Finder of faces" in row["attribution"]
    licenses = json.loads((out / "croissant.json").read_text())["license"]
    assert licenses == ["CC0-1.0", "LicenseRef-Research-Only"]
    assert "## Finder of faces" in (out / "rights" / "ATTRIBUTION.md").read_text()


def test_terms_that_permit_all_are_named_with_the_release_alone(
    world: World, tmp_path: Path
) -> None:
    write_card(tmp_path)
    rows, out = generated(world, tmp_path)
    for row in rows.to_dict("records"):
        assert list(row["purposes"]) == ["research", "commercial", "redistribute"]
        assert list(row["licenses"]) == ["CC0-1.0"]
    licenses = json.loads((out / "croissant.json").read_text())["license"]
    assert licenses == ["Apache-2.0", "CC0-1.0"]
    assert "## Finder of faces" in (out / "rights" / "ATTRIBUTION.md").read_text()


def test_a_card_that_restricts_is_part_of_the_digest(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_card(tmp_path)
    free = load_recipe(world.recipe).digest
    write_card(tmp_path, license="CC-BY-NC-4.0")
    assert load_recipe(world.recipe).digest != free
    monkeypatch.setattr(Given, "weights", ())
    assert load_recipe(world.recipe).digest == free
