from __future__ import annotations

import numpy as np
import pytest
import torch

from datagen.core.rng import rng
from datagen.networks.alignment.align import take_aligned
from datagen.networks.autoencoder.config import AutoencoderConfig, Shape
from datagen.networks.autoencoder.face import encoder_input, face_matrix, hull_mask, normalized
from datagen.networks.autoencoder.modules import Autoencoder, PatchCritic, initialize
from tests.support.faces_made import made_face


@pytest.mark.parametrize("size", [64, 128, 256])
def test_every_size_gives_images_and_masks_of_that_size(size: int) -> None:
    shape = Shape.model_validate({"size": size, "width": 4})
    network = Autoencoder(shape, 3)
    faces = torch.rand(2, 3, size, size)
    assert network.encoder(faces).shape[2:] == (8, 8)
    for person in range(3):
        with torch.inference_mode():
            picture, mask = network(faces, person)
        assert picture.shape == (2, 3, size, size)
        assert mask.shape == (2, 1, size, size)
        assert float(picture.min()) >= 0
        assert float(picture.max()) <= 1
    assert PatchCritic(shape)(faces).shape[1] == 1


def test_64_pixels_and_128_channels_are_the_first_tool_s() -> None:
    network = Autoencoder(Shape(size=64, width=128), 2)
    shapes = {name: tuple(value.shape) for name, value in network.named_parameters()}
    down = [shapes[f"encoder.down.{place}.weight"][:2] for place in (0, 2, 4, 6)]
    assert down == [(128, 3), (256, 128), (512, 256), (1024, 512)]
    assert shapes["encoder.inner.weight"] == (1024, 1024 * 4 * 4)
    assert shapes["encoder.outer.weight"] == (1024 * 4 * 4, 1024)
    up = [shapes[f"decoders.0.up.{place}.0.weight"][:2] for place in range(3)]
    assert up == [(4 * 256, 512), (4 * 128, 256), (4 * 64, 128)]


def test_first_weights_are_named_by_the_generator() -> None:
    def drawn(*name: str) -> list[torch.Tensor]:
        network = Autoencoder(Shape(size=64, width=4), 2)
        initialize(network, rng(*name))
        return list(network.state_dict().values())

    one, same, other = drawn("a"), drawn("a"), drawn("b")
    assert all(torch.equal(x, y) for x, y in zip(one, same, strict=True))
    assert not all(torch.equal(x, y) for x, y in zip(one, other, strict=True))


def test_the_encoder_sees_no_light_and_no_surroundings() -> None:
    face = made_face(3, 160)
    matrix = face_matrix(face.landmarks, 64)
    aligned, mask = take_aligned(face.image, matrix, 64), hull_mask(face.landmarks, matrix, 64)
    darker = np.rint(aligned * np.array([0.6, 0.7, 0.5]) + 12).astype(np.uint8)
    seen, seen_dark = encoder_input(aligned, mask), encoder_input(darker, mask)
    assert np.abs(seen - seen_dark)[mask > 200].mean() < 0.02
    assert not seen[mask == 0].any()
    elsewhere = aligned.copy()
    elsewhere[mask == 0] = 255
    assert (encoder_input(elsewhere, mask) == seen).all()
    values = normalized(aligned, mask)[mask == 255]
    assert np.allclose(values.mean(axis=0), 0.5, atol=0.1)


@pytest.mark.parametrize("number", range(6))
def test_the_whole_face_lies_well_inside_the_square(number: int) -> None:
    face = made_face(number, 200)
    mask = hull_mask(face.landmarks, face_matrix(face.landmarks, 100), 100)
    rows, columns = np.nonzero(mask > 127)
    assert rows.min() >= 5
    assert rows.max() <= 93
    assert columns.min() >= 5
    assert columns.max() <= 95


def test_a_config_names_the_place_of_a_decoder() -> None:
    people = [{"identity": f"a/{name}", "split": "val", "faces": 3} for name in "xy"]
    body = {"shape": {"size": 64}, "people": people, "steps": 1, "cards": {}, "settings": ""}
    config = AutoencoderConfig.model_validate(body)
    assert config.place("a/y") == 1
    assert config.place("a/z") is None
    with pytest.raises(ValueError, match="listed twice"):
        AutoencoderConfig.model_validate({**body, "people": [people[0], people[0]]})
