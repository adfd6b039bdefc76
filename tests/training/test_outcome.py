from __future__ import annotations

import csv
import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from datagen.networks.autoencoder.config import AutoencoderConfig, read_autoencoder_config
from datagen.rights.gate import decide_weights
from datagen.rights.purpose import Purpose
from datagen.weights import WeightCard, read_weight_card
from datagen.weights.digest import digest_at
from tests.support.small.faceswap import CARD, FACESWAP
from tests.training.made import index_of, make_recipe, train

# As the London set: may be used in research, and not passed on.
LONDON_LIKE: dict[str, Any] = {
    "title": "Portraits of a laboratory",
    "license": "CC-BY-4.0",
    "attribution": "The laboratory (2020).",
    "consent": {
        **CARD["consent"],
        "basis": "signed",
        "commercial": False,
        "redistribution": False,
        "expires": "2199-12-31",
    },
}
DAY = dt.date(2026, 6, 1)
RESEARCH = {"use": "research", "redistribute": False}


def made(folder: Path, **changes: Any) -> tuple[WeightCard, Path]:
    recipe = make_recipe(folder, **changes)
    assert train(recipe, folder / "out", "--steps", "2") == 0
    weights = folder / "out" / "weights"
    return read_weight_card(weights / "cards" / f"{FACESWAP}.yaml"), weights / FACESWAP


@pytest.fixture(scope="module")
def bound(tmp_path_factory: pytest.TempPathFactory) -> tuple[WeightCard, Path]:
    """Weights of people who consented to research alone."""
    return made(tmp_path_factory.mktemp("bound"), card=LONDON_LIKE, purpose=RESEARCH)


def test_the_card_has_the_terms_of_license_and_consent_together(
    bound: tuple[WeightCard, Path],
) -> None:
    card, folder = bound
    assert (card.id, card.file, card.form) == (FACESWAP, FACESWAP, "datagen")
    assert card.license == "CC-BY-4.0"
    assert card.permits is not None
    assert card.permits.research
    assert not card.permits.commercial  # the license alone would say yes
    assert not card.permits.redistribute
    config = read_autoencoder_config(folder)
    assert "'procedural'" in card.permits.grounds
    assert config.cards["procedural"][:16] in card.permits.grounds
    assert card.citation == "The laboratory (2020)."
    assert "Portraits of a laboratory" in card.title


def test_the_gate_counts_the_weights_like_their_faces(bound: tuple[WeightCard, Path]) -> None:
    card, _ = bound
    assert decide_weights(card, Purpose(use="research"), DAY).covered
    assert not decide_weights(card, Purpose(use="commercial"), DAY).covered
    assert not decide_weights(card, Purpose(use="research", redistribute=True), DAY).covered


def test_free_faces_give_free_weights(tmp_path: Path) -> None:
    card, _ = made(tmp_path)
    assert card.license == "CC0-1.0"
    assert decide_weights(card, Purpose(use="commercial", redistribute=True), DAY).covered


def test_an_end_of_consent_is_told(bound: tuple[WeightCard, Path]) -> None:
    card, folder = bound
    assert read_autoencoder_config(folder).expires == "2199-12-31"
    assert card.permits is not None
    assert "expires on 2199-12-31" in card.permits.grounds
    assert card.expires == dt.date(2199, 12, 31)
    research = Purpose(use="research")
    (reason,) = decide_weights(card, research, dt.date(2200, 1, 1)).reasons
    assert reason == "the terms expired on 2199-12-31"


def test_every_face_can_be_traced(bound: tuple[WeightCard, Path]) -> None:
    _, folder = bound
    with (folder / "faces.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == 6
    assert {row["split"] for row in rows} == {"train"}
    _, index = index_of(folder.parents[2] / "recipe.yaml")
    known = {face.face_id: face for face in map(index.face, range(len(index)))}
    for row in rows:
        face = known[row["face"]]
        assert (row["source"], row["identity"]) == (face.source, face.identity)
        assert row["sha256"] == face.sha256
    people = [f"{row['source']}/{row['identity']}" for row in rows]
    assert {person.identity: person.faces for person in read_autoencoder_config(folder).people} == {
        name: people.count(name) for name in people
    }


def test_size_and_digest_are_those_of_the_folder(bound: tuple[WeightCard, Path]) -> None:
    card, folder = bound
    assert card.sha256 == digest_at(card, folder, fresh=True)
    files = sorted(path.name for path in folder.iterdir())
    assert files == ["config.json", "faces.csv", "model.safetensors"]
    assert card.size == sum(path.stat().st_size for path in folder.iterdir())


def test_people_of_two_splits_in_one_network_are_refused(bound: tuple[WeightCard, Path]) -> None:
    body = json.loads((bound[1] / "config.json").read_text())
    body["people"][0]["split"] = "test"
    with pytest.raises(ValueError, match="several splits"):
        AutoencoderConfig.model_validate(body)
