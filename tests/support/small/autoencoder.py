"""Small autoencoders that a test trains until they truly reconstruct faces.

Their classes, files and calls are those of the real ones; a latent cell is 4 pixels wide, not 8.
They learn procedural people, on one core, from fixed seeds, in a fixed number of steps: of people
that they have not seen, crops of 128 pixels come back at 28.7 and 30.0 dB.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from datagen.core.arrays import Image
from datagen.faces.crop import CropJitter, crop_matrix, face_box, take_crop
from datagen.networks.diffusion.settings import diffusers_library, heard
from datagen.sources.procedural import render
from tests.support.small.carry import carry_through_kl, carry_through_tiny
from tests.support.small.diffusion import write_card

__all__ = [
    "SIDE",
    "build_autoencoders",
    "face_crops",
    "one_core",
    "tensor_of",
    "train",
    "trained_autoencoder",
]

SIDE = 128
_PART = 48
_BATCH = 4
_LATENT = 4
_PEOPLE = 120
_SEED = 7
_PRIOR = 1e-6
_YCC = ((0.299, 0.587, 0.114), (0.5, -0.419, -0.081), (-0.169, -0.331, 0.5))


def build_autoencoders(folder: Path) -> dict[str, dict[str, Any]]:
    """Write both autoencoders and their cards under ``folder``.

    Returns:
        Options by name of method.
    """
    for name, kind in (("sd_vae_ft_mse", "AutoencoderKL"), ("taesd", "AutoencoderTiny")):
        with heard():
            trained_autoencoder(kind).save_pretrained(folder / name, safe_serialization=True)
        contract = {"loads": kind, "size": SIDE, "sides": 4}
        title = f"Small stand-in for {name}, trained on procedural people"
        write_card(folder, name, kind, title=title, diffusers=contract)
    return {"vae_reconstruct": {"weights": "sd_vae_ft_mse", "batch": 2}}


@cache
def trained_autoencoder(kind: str) -> Any:
    """Return an ``AutoencoderKL`` or ``AutoencoderTiny``; it is trained once a process."""
    faces = _faces()
    with one_core():
        if kind == "AutoencoderKL":
            network = _kl()
            carry_through_kl(network)
            train(network, 210, 2e-3, lambda draw: _kl_loss(network, _parts(faces, draw), draw))
        else:
            network = _tiny()
            carry_through_tiny(network)
            train(network, 270, 3e-3, lambda draw: _tiny_loss(network, _parts(faces, draw)))
    return network.eval()


@cache
def _faces() -> torch.Tensor:
    return tensor_of(face_crops(_SEED, range(_PEOPLE)))


def face_crops(seed: int, people: range, side: int = SIDE) -> list[Image]:
    """Return one crop of each procedural person, as a release would hold it."""
    crops = []
    for person in people:
        portrait = render(seed, person, person % 3, 2 * side)
        jitter = CropJitter(flip=bool(person % 2))
        matrix = crop_matrix(face_box(portrait.landmarks), 1.3, side, jitter)
        crops.append(take_crop(portrait.image, matrix, side, 1))
    return crops


@contextmanager
def one_core() -> Iterator[None]:
    """Hold torch to one core and leave its global generator as it was."""
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            yield
    finally:
        torch.set_num_threads(before)


def train(
    network: nn.Module,
    steps: int,
    rate: float,
    loss: Callable[[torch.Generator], torch.Tensor],
) -> None:
    """Train in a fixed number of steps.

    Args:
        network: In place.
        steps: Of Adam.
        rate: Highest rate of one cycle (Smith and Topin, 2019).
        loss: Draws a batch from the generator.
    """
    draw = torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam(network.parameters(), rate)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps, pct_start=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        far: Any = loss(draw)  # torch does not say what backward takes
        far.backward()
        optimizer.step()
        rates.step()


def _kl() -> Any:
    return diffusers_library().AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        block_out_channels=(16, 16, 24),
        layers_per_block=1,
        latent_channels=_LATENT,
        norm_num_groups=1,
        sample_size=SIDE,
    )


def _tiny() -> Any:
    return diffusers_library().AutoencoderTiny(
        encoder_block_out_channels=(16,) * 3,
        decoder_block_out_channels=(16,) * 3,
        num_encoder_blocks=(1,) * 3,
        num_decoder_blocks=(1,) * 3,
        latent_channels=_LATENT,
    )


def _kl_loss(network: Any, part: torch.Tensor, draw: torch.Generator) -> torch.Tensor:
    posterior = network.encode(part).latent_dist
    noise = torch.randn(posterior.mean.shape, generator=draw)
    made = network.decode(posterior.mean + posterior.std * noise).sample
    prior: torch.Tensor = posterior.kl().mean()
    return _far(made, part) + _PRIOR * prior


def _tiny_loss(network: Any, part: torch.Tensor) -> torch.Tensor:
    return _far(network.decode(network.encode(part).latents).sample, part)


def _far(made: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Return how far images are apart; color, of which faces have little, counts twice."""
    far = made - wanted
    ycc = torch.einsum("ij,njhw->nihw", torch.tensor(_YCC), far)
    squared = ycc.square().mean((0, 2, 3)) * torch.tensor((1.0, 2.0, 2.0))
    loss: torch.Tensor = squared.sum() + 0.05 * far.abs().mean()
    return loss


def _parts(faces: torch.Tensor, draw: torch.Generator) -> torch.Tensor:
    """Draw a batch of parts of the crops."""
    which = torch.randint(len(faces), (_BATCH,), generator=draw)
    y, x = torch.randint(SIDE - _PART + 1, (2,), generator=draw).tolist()
    return faces[which, :, y : y + _PART, x : x + _PART]


def tensor_of(images: list[Image]) -> torch.Tensor:
    """Return ``(n, 3, h, w)`` float32 from -1 to 1."""
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 127.5 - 1
