"""The insightface analyzer, its face index, likeness of donors and ``inswapper``, in one run."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import yaml

from datagen.cli.main import run
from datagen.engine import InlineEngine
from datagen.faces.index import FaceIndex
from datagen.recipe import load_recipe
from datagen.release import Folder
from datagen.release.reader import Release
from datagen.sources.procedural import render
from tests.support.assets import weights
from tests.support.onnx_pack import MARK
from tests.support.small.inswapper import build_inswapper
from tests.support.world import CARD, RECIPE, index_of

pytest.importorskip("insightface")

PEOPLE, IMAGES, SIDE = 8, 2, 480
BOUNDS = (0.2, 0.9995)
_SLOPE = np.add.outer(np.arange(SIDE), np.arange(SIDE))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """People whose faces the pack's detector finds: bright squares, each with a face in it."""
    top = tmp_path_factory.mktemp("insightface")
    (top / "faces").mkdir()
    build_inswapper(top / "weights")
    side = round(MARK * SIDE / 640)
    rows = []
    for person in range(PEOPLE):
        for number in range(IMAGES):
            portrait = render(5, person, number, 240)
            # Twice the detector's square, for room about it, and so bright that it is one.
            face = cv2.resize(portrait.image[40:220, 30:210], (2 * side, 2 * side))
            # Dark, with as many levels as a photograph: an image of few of them is refused.
            image = np.repeat((50 + _SLOPE // 40)[:, :, None], 3, axis=2).astype(np.uint8)
            image[150 : 150 + 2 * side, 170 : 170 + 2 * side] = 190 + face // 4
            name = f"p{person}_{number}.png"
            assert cv2.imwrite(str(top / "faces" / name), image[:, :, ::-1])
            rows.append({"image": name, "identity": f"p{person}", "sex": portrait.sex})
    pd.DataFrame(rows).to_csv(top / "faces" / "faces.csv", index=False)
    card = {**CARD, "options": {"columns": {"sex": "sex"}}}
    (top / "nobody.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")
    return top


@pytest.fixture
def mobileface() -> Path:
    return weights("mobileface.onnx")


@pytest.fixture
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(folder / "weights"))
    # The faces are faint: no two of them are one photograph.
    monkeypatch.setattr("datagen.faces.indexing.likeness.MIN_PSNR", 99.0)
    return folder


def recipe(folder: Path, name: str = "recipe.yaml", **donor: object) -> Path:
    rule = {"strategy": "random", "embedding": list(BOUNDS), **donor}
    body = {
        **RECIPE,
        "splits": {"train": 12},
        "split": {"shares": {"train": 1}},
        "face": {"size": 96, "analyzer": "insightface", "min_side": 40},
        "methods": [
            {"use": "inswapper", "share": 1, "batch": 4, "min_change": 0.5, "donor": rule},
        ],
        "controls": 0.5,
        "encode": {"format": "png"},
    }
    path = folder / name
    path.write_text(yaml.safe_dump(body), encoding="utf-8")
    return path


def indexed(path: Path) -> FaceIndex:
    return index_of(load_recipe(path), InlineEngine()).index


def test_the_index_holds_an_embedding_of_every_face(here: Path) -> None:
    index = indexed(recipe(here))
    rows = index.table.to_pylist()
    assert len(rows) == PEOPLE * IMAGES
    found = index.embeddings
    assert found is not None
    assert found.shape == (PEOPLE * IMAGES, 512)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-4)
    alike = found @ found.T
    people = np.array([row["identity"] for row in rows])
    own = (people[:, None] == people) & ~np.eye(len(people), dtype=bool)
    other = people[:, None] != people
    assert alike[own].mean() > alike[other].mean()
    assert ((alike > BOUNDS[0]) & (alike < BOUNDS[1]))[other].any()


def test_an_embedder_of_a_card_takes_the_place_of_the_packs(
    mobileface: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = here / "both"
    shutil.copytree(here / "weights", both)
    shutil.copy(mobileface, both)
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(both))
    recipe(here)
    loaded = load_recipe(here / "recipe.yaml", {"face.embedder": "mobileface"})
    index = index_of(loaded, InlineEngine()).index
    assert index.embeddings is not None
    assert index.embeddings.shape == (PEOPLE * IMAGES, 256)


def test_donors_keep_the_bounds_of_likeness_and_faces_are_swapped(here: Path) -> None:
    path, out = recipe(here), here / "out"
    assert run(["generate", str(path), "-o", str(out), "--inline"]) == 0
    assert run(["verify", str(out)]) == 0
    release = Release(Folder(str(out)))
    rows = release.manifest
    assert rows["kind"].value_counts().to_dict() == {"real": 12, "fake": 12, "control": 6}
    index = indexed(path)
    found = index.embeddings
    assert found is not None
    place = {row["image_id"]: n for n, row in enumerate(index.table.to_pylist())}
    fakes = rows[rows["kind"] == "fake"]
    for _, row in fakes.iterrows():
        target, donor = (found[place[row[key]]] for key in ("image_id", "donor_image_id"))
        assert BOUNDS[0] - 1e-4 <= float(target @ donor) <= BOUNDS[1] + 1e-4
        assert row["identity_id"] != row["donor_identity_id"]
        named = {name.split("@")[0] for name in row["weights"]}
        assert named == {"inswapper_128", "insightface_buffalo_l"}
        real = rows[(rows["pair_id"] == row["pair_id"]) & (rows["kind"] == "real")].iloc[0]
        mask, fake = release.mask(row), release.image(row)
        np.testing.assert_array_equal(fake[mask == 0], release.image(real)[mask == 0])
        assert row["change"] >= 0.5


def test_a_rule_that_nobody_keeps_is_refused(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = recipe(here, "nobody_alike.yaml", embedding=[-1.0, -0.999])
    assert run(["generate", str(path), "-o", str(here / "none"), "--inline"]) == 2
    assert "inswapper" in capsys.readouterr().err


def test_a_closer_bound_chooses_other_donors(here: Path) -> None:
    far = here / "far"
    index = indexed(recipe(here))
    found = index.embeddings
    assert found is not None
    people = np.array([row["identity"] for row in index.table.to_pylist()])
    alike = np.where(people[:, None] == people, np.nan, found @ found.T)
    least = float(np.nanmax(np.nanmin(alike, axis=1)))
    path = recipe(here, "far.yaml", embedding=[-1.0, round(least + 1e-3, 4)])
    assert run(["generate", str(path), "-o", str(far), "--inline"]) == 0
    rows = Release(Folder(str(far))).manifest
    place = {row["image_id"]: n for n, row in enumerate(index.table.to_pylist())}
    for _, row in rows[rows["kind"] == "fake"].iterrows():
        pair = found[place[row["image_id"]]] @ found[place[row["donor_image_id"]]]
        assert float(pair) <= least + 2e-3
