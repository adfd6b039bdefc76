"""Every learned method in one recipe, on real photographs, on Ray, with the small networks.

The shipped recipe runs as it is, with one method more: an autoencoder that ``datagen train`` makes
here, of people of the train split.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from datagen.methods import METHODS
from datagen.release import Folder
from datagen.release.reader import Release
from tests.support.assets import london, weights
from tests.support.small.build import SmallWeights
from tests.support.small.shipped import put_under_shipped_ids
from tests.support.world import digests

RECIPES = Path(__file__).parents[2] / "recipes"
OWN = "london_two"
ELSEWHERE = {"gan_upsample"}  # with real weights, in test_networks
LEARNED = {name for name in METHODS if METHODS.load(name).learned} - ELSEWHERE
NO_CONTROL = {name for name in LEARNED if not METHODS.load(name).has_control}

pytestmark = [pytest.mark.photos, pytest.mark.ray, pytest.mark.slow]


def datagen(arguments: Iterable[str], folder: Path) -> str:
    """Run a command in a process of its own, whose cluster sees the small networks."""
    done = subprocess.run(
        [sys.executable, "-m", "datagen", *arguments],
        env={**os.environ, "DATAGEN_WEIGHTS": str(folder)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def write_recipe(folder: Path) -> Path:
    """Write the shipped recipe with fewer pairs, small steps, and the autoencoder."""
    body: dict[str, Any] = yaml.safe_load((RECIPES / "learned.yaml").read_text(encoding="utf-8"))
    body["sources"][0]["card"] = shutil.copy(RECIPES / "cards" / "london.yaml", folder)
    body["splits"] = {"train": 40, "test": 20}
    body["face"]["size"] = 256
    body["shard_pairs"] = 20
    body["controls"] = 0.5
    for use in body["methods"]:
        use["share"] = str(Fraction(str(use["share"])) * Fraction(9, 10))
        use |= {"batch": 3, "memory": 1.5}
        if use["use"].startswith("diffusion"):
            use["steps"] = 8
        if use["use"] == "diffusion_face":
            use["weights"] = "sd15_faces"  # the small sd15 smooths images and cannot make faces
    donor = {"strategy": "random"}
    own = {"use": "autoencoder_swap", "share": 0.1, "weights": OWN, "donor": donor}
    body["methods"].append({**own, "splits": ["train"], "batch": 3, "memory": 1.5})
    path = folder / "learned.yaml"
    path.write_text(yaml.safe_dump(body), encoding="utf-8")
    return path


class Made:
    """What the commands left."""

    def __init__(self, folder: Path, small: SmallWeights) -> None:
        self.weights = folder / "weights"
        shutil.copytree(small.folder, self.weights, symlinks=True)
        put_under_shipped_ids(self.weights)
        self.recipe = write_recipe(folder)
        work = folder / "work"
        size = ["--size", "64", "--width", "8", "--batch", "4"]
        size += ["--min-images", "2", "--max-identities", "2"]
        steps = ["--rate", "1e-3", "--steps", "60", "--every", "60", "--inline"]
        datagen(["train", str(self.recipe), "-o", str(work), *size, *steps], self.weights)
        shutil.copytree(work / "weights", self.weights, dirs_exist_ok=True)
        self.out = folder / "out"
        command = ["generate", str(self.recipe), "-o", str(self.out), "--workers", "2"]
        self.told = datagen(command, self.weights)
        self.release = Release(Folder(str(self.out)))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, small_weights: SmallWeights) -> Made:
    london()
    weights("face_landmarker.task")
    return Made(tmp_path_factory.mktemp("learned"), small_weights)


def test_every_learned_method_made_its_pairs(made: Made) -> None:
    rows = made.release.manifest
    fakes = rows[rows["kind"] == "fake"]
    assert set(fakes["method"]) == LEARNED
    rejects = pd.read_parquet(made.out / "rejects")
    assert len(fakes) + (rejects["stage"] == "item").sum() == 60
    assert len(fakes) >= 56
    controls = set(rows[rows["kind"] == "control"]["method"])
    assert controls == LEARNED - NO_CONTROL


def test_verify_is_silent(made: Made) -> None:
    said = datagen(["verify", str(made.out)], made.weights)
    assert said.splitlines()[0] == f"{made.out} is intact"


def test_rows_name_the_weights_and_their_terms(made: Made) -> None:
    rows = made.release.manifest
    fakes = rows[rows["kind"] == "fake"]
    for method, group in fakes.groupby("method"):
        assert (group["weights"].map(len) > 0).all(), method
    swaps = fakes[fakes["method"] == "inswapper"]
    named = {text.partition("@")[0] for text in swaps["weights"].iloc[0]}
    assert named == {"inswapper_128", "insightface_buffalo_l"}
    assert all(len(text.partition("@")[2]) == 64 for text in swaps["weights"].iloc[0])
    reals = rows[(rows["kind"] == "real") & rows["enhancer"].isna()]
    assert (reals["weights"].map(len) == 0).all()
    enhanced = rows[rows["enhancer"].notna()]
    assert set(enhanced["kind"]) == {"real", "control", "fake"}
    assert (enhanced["method"] == "onnx_swap").all()
    assert (enhanced.groupby("pair_id")["kind"].nunique() >= 2).all()


def test_the_commits_tell_what_the_networks_ran_on(made: Made) -> None:
    for path in sorted((made.out / "commits").glob("*.json")):
        networks = json.loads(path.read_text(encoding="utf-8"))["networks"]
        assert networks
        for facts in networks.values():
            assert facts["device"] == "cpu"
            assert facts["batch"] == 3


def test_one_process_makes_the_same_bytes(made: Made, tmp_path: Path) -> None:
    out = tmp_path / "inline"
    datagen(["generate", str(made.recipe), "-o", str(out), "--inline"], made.weights)
    assert digests(out) == digests(made.out)


def test_every_fake_is_an_image_and_shows_its_change(made: Made) -> None:
    release = made.release
    rows = release.manifest
    for _, fake in rows[rows["kind"] == "fake"].iterrows():
        real = rows[(rows["pair_id"] == fake["pair_id"]) & (rows["kind"] == "real")].iloc[0]
        image = release.image(fake)
        assert image.shape == (256, 256, 3)
        assert image.std() > 5
        assert (image != release.image(real)).any()
        assert fake["change"] >= METHODS.load(fake["method"]).min_change
