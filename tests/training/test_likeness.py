"""The identity loss: taught by an embedder whose terms the weights then have."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from datagen.errors import CardError
from datagen.networks.alignment.align import take_aligned
from datagen.networks.autoencoder.face import face_matrix
from datagen.networks.onnx.identity import cosine, open_identity
from datagen.sources.procedural import render
from datagen.training.aligned_faces import FINER, AlignedFaces
from datagen.training.likeness import Likeness, check_embedder
from datagen.training.setup import Identity, Setup
from tests.support.assets import weights
from tests.training.made import make_recipe, train

SIZE = 64
RESEARCH = {"use": "research", "redistribute": False}


@pytest.fixture(autouse=True)
def _embedder() -> None:
    weights("mobileface.onnx")


def aligned(person: int, count: int = 3) -> AlignedFaces:
    images, side = [], FINER * SIZE
    for number in range(count):
        portrait = render(1, person, number, 320)
        images.append(take_aligned(portrait.image, face_matrix(portrait.landmarks, side), side))
    color = np.array([[0.5] * 3, [0.2] * 3], np.float32)
    return AlignedFaces(np.stack(images), np.full((count, side, side), 255, np.uint8), color)


def test_its_embedding_of_an_aligned_face_is_nearly_that_of_the_photograph() -> None:
    likeness = Likeness("mobileface", [aligned(0), aligned(1)], "cpu")
    network = open_identity("mobileface")
    for person in (0, 1):
        portrait = render(1, person, 0, 320)
        straight = network.face(portrait.image, portrait.landmarks)
        images = torch.from_numpy(aligned(person, 1).images.transpose(0, 3, 1, 2).copy())
        found = likeness._embed(images.float() / 255)[0].numpy()
        assert cosine(straight, found) > 0.85


def test_it_is_least_for_the_donor_and_leads_there() -> None:
    faces = [aligned(0), aligned(1)]
    likeness = Likeness("mobileface", faces, "cpu")
    real, other = (
        torch.nn.functional.avg_pool2d(
            torch.from_numpy(one.images[:1].transpose(0, 3, 1, 2).copy()).float() / 255, 2
        )
        for one in faces
    )
    mask = torch.ones(1, 1, SIZE, SIZE)
    assert likeness.loss(other, mask, real, 0, 1) < likeness.loss(real, mask, real, 0, 1) - 0.1
    assert likeness.loss(other, 0 * mask, real, 0, 1) > likeness.loss(other, mask, real, 0, 1)
    made = real.clone().requires_grad_()
    losses = []
    for _ in range(6):
        loss = likeness.loss(made, mask, real, 0, 1)
        (slope,) = torch.autograd.grad(loss, made)
        losses.append(float(loss.detach()))
        made = (made - 0.02 * slope / slope.abs().max()).detach().requires_grad_()
    assert losses[-1] < losses[0] - 0.02


def test_an_embedder_that_takes_a_box_is_refused() -> None:
    with pytest.raises(CardError, match="'faceres' takes the face by its box"):
        check_embedder("faceres")


def test_a_training_resumes_bit_for_bit_and_its_card_names_the_embedder(tmp_path: Path) -> None:
    recipe = make_recipe(tmp_path, people=2, purpose=RESEARCH)
    options = ("--embedder", "mobileface", "--identity", "0.5")
    assert train(recipe, tmp_path / "one", "--steps", "4", *options) == 0
    for steps in ("2", "4"):
        assert train(recipe, tmp_path / "two", "--steps", steps, *options) == 0
    names = ("checkpoint.safetensors", "log.csv", "training.json")
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    lines = (tmp_path / "one" / "log.csv").read_text().splitlines()
    assert lines[0] == "step,image,mask,adversarial,critic,identity"
    assert 0 < float(lines[-1].split(",")[-1]) < 4
    (card,) = (tmp_path / "one" / "weights" / "cards").glob("*.yaml")
    body = yaml.safe_load(card.read_text())
    assert "LicenseRef-Research-Only" in body["license"]
    assert body["permits"] == {"research": True, "grounds": body["permits"]["grounds"]}
    assert "the networks 'mobileface'" in body["permits"]["grounds"]


def test_a_purpose_that_the_embedder_does_not_cover_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    purpose = {"use": "commercial", "redistribute": False}
    recipe = make_recipe(tmp_path, people=2, purpose=purpose)
    out = tmp_path / "out"
    assert train(recipe, out, "--steps", "2", "--embedder", "mobileface") == 2
    assert "does not permit commercial use" in capsys.readouterr().err
    assert not (out / "training.json").exists()


def test_trainings_without_it_keep_their_digest(tmp_path: Path) -> None:
    recipe = make_recipe(tmp_path, people=2)
    assert train(recipe, tmp_path / "out", "--steps", "1") == 0
    body = json.loads((tmp_path / "out" / "training.json").read_text())
    assert body.pop("identity") is None
    setup = Setup(**body)
    loss = Identity(embedder="mobileface", sha256="0" * 64, weight=0.1)
    assert setup.digest() != Setup(**body, identity=loss).digest()
