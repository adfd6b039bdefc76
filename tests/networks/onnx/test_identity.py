from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from datagen.engine import InlineEngine
from datagen.errors import CardError, ItemError, RightsError, WeightsError
from datagen.faces.analyzers import ANALYZERS
from datagen.faces.indexing.apart import different_people, people_apart
from datagen.faces.indexing.same_photograph import same_photographs
from datagen.generation.prepare import prepare
from datagen.networks.check_card import check_card
from datagen.networks.onnx.identity import cosine, embedder_card, face_input, open_identity
from datagen.networks.onnx.with_identity import WithIdentity
from datagen.recipe import load_recipe
from datagen.sources.base import Record
from datagen.sources.procedural.portrait import render
from datagen.weights.card import read_weight_card
from datagen.weights.catalog import shipped_card_path
from datagen.weights.store import WeightStore, weight_store
from tests.support.assets import london_photo, weights
from tests.support.photo_sets import ten_names
from tests.support.world import index_of

ROOT = Path(__file__).parents[3]
QUICK = ROOT / "recipes" / "quickstart.yaml"
EMBEDDERS = ("mobileface", "faceres")
NETWORKS = {
    "taef2": "safetensors",
    "esrgan_slim_x2": "onnx",
    "esrgan_slim_x4": "onnx",
    "realesrgan_x4plus": "onnx",
    "mobileface": "onnx",
    "faceres": "onnx",
}


@pytest.fixture(autouse=True)
def _files() -> None:
    for name in EMBEDDERS:
        weights(f"{name}.onnx")


@pytest.mark.parametrize("name", EMBEDDERS)
def test_pictures_of_one_person_are_nearer_than_those_of_two(name: str) -> None:
    network = open_identity(name)
    one, again, other = (render(3, who, take, 320) for who, take in ((0, 0), (0, 1), (1, 0)))
    found = [network.face(portrait.image, portrait.landmarks) for portrait in (one, again, other)]
    assert found[0].shape == (network.contract.length,)
    assert all(abs(float(np.linalg.norm(row)) - 1) < 1e-5 for row in found)
    assert cosine(found[0], found[1]) > cosine(found[0], found[2])


@pytest.mark.parametrize("name", EMBEDDERS)
def test_the_size_of_a_picture_hardly_matters(name: str) -> None:
    network = open_identity(name)
    small, large = (render(3, 0, 0, size) for size in (320, 1024))
    pair = [network.face(portrait.image, portrait.landmarks) for portrait in (small, large)]
    assert cosine(*pair) > 0.93


def test_points_that_coincide_show_no_face() -> None:
    how = embedder_card("mobileface")[1]
    with pytest.raises(ItemError):
        face_input(np.zeros((64, 64, 3), np.uint8), np.zeros((68, 2), np.float32), how)


def test_a_card_of_another_kind_is_refused() -> None:
    with pytest.raises(CardError, match=r"no section 'embedder'.*faceres, mobileface"):
        embedder_card("simswap_256")


@pytest.mark.parametrize("name", EMBEDDERS)
def test_check_proves_separation_and_fails_for_another_range(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = weight_store()
    card = store.card(name)
    path = store.find(card)
    assert path is not None
    assert "only 'nearer to' holds" in check_card(store, card, path)
    (tmp_path / "cards").mkdir()
    shutil.copy(path, tmp_path / path.name)
    body = yaml.safe_load(shipped_card_path(name).read_text())
    body["embedder"]["values"] = [0, 1]
    (tmp_path / "cards" / f"{name}.yaml").write_text(yaml.safe_dump(body))
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(tmp_path))
    own = WeightStore(tmp_path)
    with pytest.raises(WeightsError, match="does not tell people apart"):
        check_card(own, own.card(name), tmp_path / path.name)


def test_a_file_of_another_length_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = weight_store().find(weight_store().card("mobileface"))
    assert path is not None
    (tmp_path / "cards").mkdir()
    shutil.copy(path, tmp_path / path.name)
    body = yaml.safe_load(shipped_card_path("mobileface").read_text())
    body["embedder"]["length"] = 512
    (tmp_path / "cards" / "mobileface.yaml").write_text(yaml.safe_dump(body))
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightsError, match="not the embedder of weight card 'mobileface'"):
        open_identity("mobileface")


def test_a_card_that_changes_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = weight_store().find(weight_store().card("mobileface"))
    assert path is not None
    (tmp_path / "cards").mkdir()
    shutil.copy(path, tmp_path / path.name)
    body = yaml.safe_load(shipped_card_path("mobileface").read_text())
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(tmp_path))
    found = []
    for color in ("rgb", "bgr"):
        body["embedder"]["color"] = color
        (tmp_path / "cards" / "mobileface.yaml").write_text(yaml.safe_dump(body))
        found.append(open_identity("mobileface").contract.color)
    assert found == ["rgb", "bgr"]


def test_research_only_embedders_are_refused_for_commercial_purposes() -> None:
    purpose = {"use": "commercial", "redistribute": False}
    recipe = load_recipe(QUICK, {"face.embedder": "mobileface", "purpose": purpose})
    with pytest.raises(RightsError, match=r"mobileface.*does not permit commercial use"):
        prepare(recipe)


def test_an_embedder_gives_every_analyzer_embeddings_and_donors_by_them() -> None:
    donor = {"embedding": [-1.0, 0.9], "fallback": "any"}
    spec = {"face.embedder": "mobileface", "sources.0.options": {"identities": 14}}
    plain = load_recipe(QUICK, {"sources.0.options": {"identities": 14}})
    recipe = load_recipe(QUICK, spec)
    assert recipe.digest != plain.digest
    index = index_of(recipe, InlineEngine()).index
    assert index.embeddings is not None
    assert index.embeddings.shape[1] == 256
    assert index_of(plain, InlineEngine()).index.embeddings is None
    names = [use.use for use in recipe.spec.methods]
    swap = names.index("morph")
    load_recipe(QUICK, {**spec, f"methods.{swap}.donor": donor})


def test_the_wrapped_analyzer_keeps_what_the_other_gives() -> None:
    inner = ANALYZERS.load("mediapipe")()
    wrapped = WithIdentity(inner, "mobileface")
    assert wrapped.gives_mesh
    assert wrapped.gives_embedding
    assert wrapped.same_person.cosine == 0.5
    assert inner.version in wrapped.version
    assert wrapped.version != inner.version
    assert set(wrapped.weights) == {*inner.weights, "mobileface"}


@pytest.mark.photos
@pytest.mark.parametrize("name", EMBEDDERS)
def test_photographs_of_one_person_match_and_those_of_two_do_not(name: str) -> None:
    weights("face_landmarker.task")
    analyzer = WithIdentity(ANALYZERS.load("mediapipe")(), name)
    analyzer.open()
    first, second = ten_names()[:2]
    found = []
    for photo in (first, first.replace("_03", "_08"), second):
        image = london_photo(photo, 675)
        (face,) = analyzer.analyze(image, Record(image_id=photo, identity=photo))
        assert face.embedding is not None
        found.append(face.embedding)
    assert cosine(found[0], found[1]) > analyzer.same_person.cosine
    assert cosine(found[0], found[2]) < analyzer.same_person.cosine


def test_the_cards_of_all_networks_are_found_and_checked() -> None:
    store = weight_store()
    for name, form in NETWORKS.items():
        path = store.find(store.card(name))
        assert path is not None
        assert path == weights(f"{name}.{form}")
        assert check_card(store, store.card(name), path)


def test_drawn_people_are_held_to_their_own_percentile() -> None:
    recipe = load_recipe(
        QUICK, {"face.embedder": "mobileface", "sources.0.options": {"identities": 24}}
    )
    built = index_of(recipe, InlineEngine())
    rows = built.index.table.to_pylist()
    limits = people_apart(recipe.sources(), rows, recipe.analyzer().same_person)
    (limit,) = limits.values()
    people = [row["identity"] for row in rows]
    measured = different_people(np.array([row["embedding"] for row in rows], np.float32), people)
    assert measured is not None
    assert limit == pytest.approx(max(measured, 0.5))
    found = same_photographs(recipe.sources(), rows, InlineEngine, recipe.analyzer().same_person)
    assert found.pairs == ()


def test_few_people_claim_nothing() -> None:
    vectors = np.eye(4, dtype=np.float32)
    assert different_people(vectors, ["a", "a", "b", "b"]) is None


def test_cards_without_an_embedder_keep_their_digests() -> None:
    card = read_weight_card(shipped_card_path("simswap_256"))
    assert "embedder" in type(card).model_fields
    with_one = card.model_copy(update={"network": None, "embedder": embedder_card("faceres")[1]})
    assert with_one.digest() != card.digest()
