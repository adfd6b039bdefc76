"""The shipped recipe of small trained networks on real photographs."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from datagen.cli.main import run
from datagen.engine import InlineEngine
from datagen.recipe import load_recipe
from datagen.release.reader import Release
from tests.e2e.test_clients import NETWORKS
from tests.support.assets import london, weights
from tests.support.world import index_of

RECIPE = Path(__file__).parents[2] / "recipes" / "networks.yaml"
SMALL = {"face.size": 160, "face.min_side": 60}

pytestmark = pytest.mark.photos


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    london()
    for file in NETWORKS:
        weights(file)
    out = tmp_path_factory.mktemp("networks") / "out"
    sizes = [text for key, value in SMALL.items() for text in ("--set", f"{key}={value}")]
    limit = ["--limit", "10", "--set", "controls=1", "--set", "shard_pairs=5"]
    assert run(["generate", str(RECIPE), "-o", str(out), "--inline", *sizes, *limit]) == 0
    return Release(out)


@pytest.fixture(scope="module")
def fakes(release: Release) -> pd.DataFrame:
    rows = release.table()
    return rows[rows["kind"] == "fake"]


def test_it_is_verified_and_shown(release: Release, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", str(release.folder)]) == 0
    assert capsys.readouterr().out == ""
    assert run(["show", str(release.folder), "-n", "4"]) == 0
    page = Path(capsys.readouterr().out.strip()).read_text(encoding="utf-8")
    assert "vae_reconstruct" in page
    assert "nearer to donor" in page


def test_each_network_makes_fakes_and_is_named(fakes: pd.DataFrame) -> None:
    used = {
        (row["method"], name.split("@")[0])
        for row in fakes.to_dict("records")
        for name in row["weights"]
    }
    assert {("vae_reconstruct", "taef2"), ("gan_upsample", "esrgan_slim_x2")} <= used
    assert ("onnx_edit", "esrgan_slim_x4") in used


def test_the_terms_of_the_embedder_are_those_of_each_fake(fakes: pd.DataFrame) -> None:
    for row in fakes.to_dict("records"):
        assert "mobileface" in {name.split("@")[0] for name in row["weights"]}
        assert list(row["purposes"]) == ["research"]


def test_reconstructions_stay_the_person_and_swaps_become_another(fakes: pd.DataFrame) -> None:
    swaps = fakes["donor_image_id"].notna()
    assert fakes["similarity_target"].notna().all()
    assert (fakes["similarity_donor"].notna() == swaps).all()
    assert fakes.loc[~swaps, "similarity_target"].min() > 0.9
    assert (fakes["similarity_donor"] > fakes["similarity_target"])[swaps].mean() > 0.5


def test_donors_keep_the_bounds_of_the_embedder(fakes: pd.DataFrame) -> None:
    index = index_of(load_recipe(RECIPE, SMALL), InlineEngine()).index
    assert index.embeddings is not None
    place = {name: n for n, name in enumerate(index.column("image_id"))}
    swaps = fakes[fakes["donor_image_id"].notna()]
    assert len(swaps)
    for row in swaps.to_dict("records"):
        target, donor = (index.embeddings[place[row[k]]] for k in ("image_id", "donor_image_id"))
        assert 0.05 - 1e-3 <= float(target @ donor) <= 0.45 + 1e-3
