"""TAEF2 from its real tensors, against the figures that were measured with its authors' module."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from datagen.core.arrays import Image
from datagen.errors import WeightsError
from datagen.methods.vae_reconstruct import VaeReconstruct
from datagen.networks.diffusion.codec import open_codec
from datagen.networks.diffusion.images import checked_image
from datagen.networks.diffusion.settings import at_work
from datagen.networks.diffusion.taef2 import Taef2, load_taef2
from tests.support.assets import weights
from tests.support.photo_sets import face_squares, whole_photos

# dB over ten photographs: mean and least.
FIGURES: dict[tuple[str, int], tuple[float, float]] = {
    ("whole", 256): (37.02, 34.06),
    ("whole", 512): (37.95, 35.48),
    ("face", 256): (35.10, 32.30),
    ("face", 512): (36.48, 33.60),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of random tensors."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("taef2") / "taef2.safetensors"
    save_file({name: value.half() for name, value in Taef2().state_dict().items()}, path)
    return path


def _reconstructed(images: tuple[Image, ...]) -> list[Image]:
    codec = open_codec("taef2", "cpu", "fp32")
    made = []
    with at_work("cpu", 1):
        for image in images:
            (output,) = map(checked_image, codec([image], None))
            assert isinstance(output, np.ndarray)
            made.append(output)
    return made


@pytest.mark.photos
@pytest.mark.parametrize(
    ("part", "side"),
    [
        pytest.param(
            *key, marks=[pytest.mark.slow] if key[1] > 256 else [], id=f"{key[0]}-{key[1]}"
        )
        for key in FIGURES
    ],
)
def test_photographs_come_back_as_well_as_its_figures_say(part: str, side: int) -> None:
    weights("taef2.safetensors")
    sets: dict[str, Callable[[int], tuple[Image, ...]]] = {
        "whole": whole_photos,
        "face": face_squares,
    }
    images = sets[part](side)
    found = [cv2.PSNR(*pair) for pair in zip(images, _reconstructed(images), strict=True)]
    mean, least = FIGURES[part, side]
    assert statistics.fmean(found) == pytest.approx(mean, abs=0.05)
    assert min(found) == pytest.approx(least, abs=0.2)  # a single image


def test_the_whole_image_counts(made: Path) -> None:
    network = load_taef2(made)
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    other = image.clone()
    other[0, :, 2, 2] = 1 - other[0, :, 2, 2]
    with torch.inference_mode():
        latents = [network.encoder(one) for one in (image, other)]
    assert latents[0].shape == (1, 32, 8, 8)
    assert (latents[0] != latents[1])[..., -1, -1].any()


def test_a_batch_is_the_single_images(made: Path) -> None:
    network = load_taef2(made)
    images = torch.rand(3, 3, 40, 48, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        together, single = network(images), torch.cat([network(one[None]) for one in images])
    assert together.shape == images.shape
    torch.testing.assert_close(together, single, rtol=0, atol=1e-5)


@pytest.mark.parametrize("change", ["missing", "shape", "truncated", "other"])
def test_other_tensors_are_refused(made: Path, tmp_path: Path, change: str) -> None:
    path = tmp_path / "taef2.safetensors"
    tensors = load_file(made)
    if change == "missing":
        del tensors["encoder.11.pool.1.weight"]
    if change == "shape":
        tensors["decoder.1.weight"] = torch.zeros(64, 16, 3, 3)
    save_file(tensors, path)
    if change == "truncated":
        path.write_bytes(path.read_bytes()[:-100])
    if change == "other":
        path.write_bytes(b"PK\x03\x04 a pickle in a zip")
    with pytest.raises(WeightsError, match="does not have the tensors of TAEF2"):
        load_taef2(path)


@pytest.mark.slow
def test_a_batch_costs_what_the_bare_network_costs() -> None:
    network = load_taef2(weights("taef2.safetensors"))
    rng = np.random.Generator(np.random.Philox(key=1))
    images = [rng.integers(0, 256, (128, 128, 3), np.uint8) for _ in range(8)]
    numbers = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255
    method = VaeReconstruct.build({"weights": "taef2", "batch": 8, "grid": "corner"})
    items = [(image, 0) for image in images]

    def bare() -> None:
        with at_work("cpu", 1):
            network(numbers)

    def whole() -> None:
        method._pass(items)  # what `run` does for each batch

    took: dict[str, list[float]] = {"bare": [], "whole": []}
    for _ in range(5):
        for name, call in (("bare", bare), ("whole", whole)):
            start = time.process_time()
            call()
            took[name].append(time.process_time() - start)
    assert min(took["whole"]) < 1.1 * min(took["bare"])
