from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from datagen.cli.main import run
from datagen.errors import RecipeError, SourceError
from datagen.sources import SOURCES, load_card
from datagen.sources.base import Source
from datagen.sources.procedural import describe, render, truth

ROOT = Path(__file__).parents[3]
CARD = ROOT / "recipes" / "cards" / "procedural.yaml"


def source(**options: object) -> Source:
    return SOURCES.load("procedural").build(load_card(CARD), "", options)


def test_records_are_the_truth_of_each_image() -> None:
    records = list(source(identities=3, images_per_identity=2, seed=9, size=256).records())
    assert [record.image_id for record in records[:3]] == [
        "p0000000_0000",
        "p0000000_0001",
        "p0000001_0000",
    ]
    assert len({record.identity for record in records}) == 3
    last, known = records[-1], truth(9, 2, 1, 256)
    assert last.landmarks is not None
    assert last.mesh is not None
    np.testing.assert_array_equal(last.landmarks, known.landmarks)
    np.testing.assert_array_equal(last.mesh, known.mesh)
    assert last.pose == (known.yaw, known.pitch, known.roll)
    assert (last.age, last.sex) == (known.age, known.sex)
    assert last.size == (256, 256)
    assert last.extra == {"monk": str(describe(9, 2)["monk"])}


def test_an_image_is_made_from_its_id_alone() -> None:
    one = source(identities=3, seed=9, size=256)
    np.testing.assert_array_equal(one.render("p0000002_0001"), render(9, 2, 1, 256).image)
    with pytest.raises(SourceError, match="no image 'photo'"):
        one.render("photo")


def test_more_people_change_nobody() -> None:
    few = list(source(identities=2, images_per_identity=1).records())
    many = list(source(identities=4, images_per_identity=1).records())
    for one, other in zip(few, many, strict=False):
        assert one.image_id == other.image_id
        assert one.landmarks is not None
        assert other.landmarks is not None
        np.testing.assert_array_equal(one.landmarks, other.landmarks)


def test_wrong_options_are_named() -> None:
    with pytest.raises(RecipeError, match=r"identitys: unknown key\. Did you mean 'identities'"):
        source(identitys=3)


def test_the_card_is_the_freest_and_says_nobody() -> None:
    card = load_card(CARD)
    assert card.license == "CC0-1.0"
    assert card.consent.basis == "synthetic"
    assert (card.consent.commercial, card.consent.redistribution) == (True, True)
    assert "no real person" in card.consent.words.lower()


def test_the_index_is_made_without_an_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def never(*arguments: object) -> None:
        raise AssertionError("an image was rendered")

    monkeypatch.setattr("datagen.sources.procedural.source.render", never)
    monkeypatch.setenv("DATAGEN_CACHE", str(tmp_path))
    recipe = str(ROOT / "recipes" / "quickstart.yaml")
    assert run(["plan", recipe, "--inline"]) == 0
    assert "480 faces of 60 identities" in capsys.readouterr().err


def test_the_quickstart_makes_a_release(tmp_path: Path) -> None:
    recipe = str(ROOT / "recipes" / "quickstart.yaml")
    out = tmp_path / "out"
    assert run(["generate", recipe, "-o", str(out), "--inline", "--limit", "20"]) == 0
    assert run(["verify", str(out)]) == 0
    rows = pd.read_parquet(out / "manifest")
    assert rows["kind"].value_counts()[["real", "fake"]].tolist() == [20, 20]
    assert set(rows["purposes"].map(tuple)) == {("research", "commercial", "redistribute")}
    assert (rows["age"] >= 20).all()
