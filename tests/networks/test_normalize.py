from __future__ import annotations

import numpy as np
import pytest

from datagen.core.arrays import Image
from datagen.core.rng import rng
from datagen.errors import ItemError
from datagen.networks.normalize import to_image, to_mask, to_network
from datagen.weights import FaceInput, Network

IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


def _face(size: int = 32) -> Image:
    return rng("normalize", size).integers(0, 256, (size, size, 3), dtype=np.uint8)


def _input(**how: object) -> FaceInput:
    return FaceInput.model_validate({"template": "ffhq_512", "size": 32, **how})


def _network(face: FaceInput, low: float = 0.0, high: float = 1.0) -> Network:
    return Network(task="edit", face=face, output=(low, high))


@pytest.mark.parametrize("color", ["rgb", "bgr"])
@pytest.mark.parametrize(
    ("mean", "low", "high"), [(0.0, 0.0, 1.0), (0.5, -1.0, 1.0), (0.5, -0.5, 0.5)]
)
def test_there_and_back_is_the_same_image(color: str, mean: float, low: float, high: float) -> None:
    std = 1 / (high - low)
    how = _input(color=color, mean=[mean], std=[std])
    network = _network(how, low, high)
    faces = [_face(), _face()[::-1]]
    for face, numbers in zip(faces, to_network(faces, how), strict=True):
        assert (to_image(numbers, network, face) == face).all()


def test_each_channel_has_its_own_scale_in_the_order_of_the_card() -> None:
    face = np.zeros((32, 32, 3), np.uint8)
    face[..., 0], face[..., 2] = 255, 51
    for color, seen in (("rgb", [1.0, 0.0, 0.2]), ("bgr", [0.2, 0.0, 1.0])):
        numbers = to_network([face], _input(color=color, **IMAGENET))
        wanted = (np.array(seen) - IMAGENET["mean"]) / IMAGENET["std"]
        assert numbers.shape == (1, 3, 32, 32)
        assert numbers.dtype == np.float32
        assert np.allclose(numbers[0, :, 5, 7], wanted, atol=1e-6)


def test_the_face_is_not_written_to_and_what_leaves_the_range_is_clipped() -> None:
    face = _face()
    kept = face.copy()
    numbers = to_network([face], _input())[0]
    numbers[0, 0, 0], numbers[1, 0, 0] = 1.5, -0.5
    made = to_image(numbers, _network(_input()), face)
    assert made[0, 0].tolist() == [255, 0, int(face[0, 0, 2])]
    assert (face == kept).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused(value: float) -> None:
    numbers = to_network([_face()], _input())[0]
    numbers[1, 4, 4] = value
    with pytest.raises(ItemError) as caught:
        to_image(numbers, _network(_input()), _face())
    assert caught.value.code == "network_failed"
    with pytest.raises(ItemError, match="network_failed"):
        to_mask(numbers[1:2], _face())


@pytest.mark.parametrize("level", [0.0, 0.5, 7.0, -7.0])
def test_one_level_all_over_is_refused_unless_the_face_was_so(level: float) -> None:
    numbers = np.full((3, 32, 32), level, np.float32)
    with pytest.raises(ItemError) as caught:
        to_image(numbers, _network(_input()), _face())
    assert caught.value.code == "black_image"
    flat = np.full((32, 32, 3), 90, np.uint8)
    assert np.ptp(to_image(numbers, _network(_input()), flat)) == 0


@pytest.mark.parametrize("side", [16, 64])
def test_an_output_of_another_size_is_brought_to_the_faces(side: int) -> None:
    numbers = np.broadcast_to(np.linspace(0, 1, side, dtype=np.float32), (3, side, side))
    made = to_image(numbers, _network(_input()), _face())
    assert made.shape == (32, 32, 3)
    assert np.abs(made[0, :, 0] - np.linspace(0, 255, 32)).max() < 6
    assert to_mask(numbers[:1], _face()).shape == (32, 32)
