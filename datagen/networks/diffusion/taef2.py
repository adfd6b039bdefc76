"""TAEF2, the tiny autoencoder of FLUX.2's latents (Boer Bohan, 2025), as its tensors describe it.

Three blocks on either side of the latents have a group normalization over the whole image: an image
in tiles would come out different from the whole one.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from datagen.core.text import first_line
from datagen.errors import WeightsError

__all__ = ["CELL", "Taef2", "load_taef2"]

CELL = 8
_WIDTH = 64
_LATENT = 32
_GROUPS = 4
_LIMIT = 3.0


class Taef2(nn.Module):
    """Encoder and decoder; images are ``(n, 3, h, w)`` in [0, 1], sides multiples of ``CELL``."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            _conv(3, _WIDTH),
            _Block(),
            *(layer for _ in range(2) for layer in (_halve(), _Block(), _Block(), _Block())),
            _halve(),
            *(_Block(whole=True) for _ in range(3)),
            _conv(_WIDTH, _LATENT),
        )
        self.decoder = nn.Sequential(
            _Limit(),
            _conv(_LATENT, _WIDTH),
            nn.ReLU(),
            *(_Block(whole=True) for _ in range(3)),
            *(
                layer
                for _ in range(2)
                for layer in (_double(), _plain(), _Block(), _Block(), _Block())
            ),
            _double(),
            _plain(),
            _Block(),
            _conv(_WIDTH, 3),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Encode and decode; values may be slightly outside [0, 1]."""
        made: Tensor = self.decoder(self.encoder(images))
        return made


class _Block(nn.Module):
    """Three convolutions beside the input; ``whole``: after a step normalized over the image."""

    def __init__(self, whole: bool = False) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            _conv(_WIDTH, _WIDTH),
            nn.ReLU(),
            _conv(_WIDTH, _WIDTH),
            nn.ReLU(),
            _conv(_WIDTH, _WIDTH),
        )
        self.pool: nn.Module | None = None
        if whole:
            wide = _GROUPS * _WIDTH
            self.pool = nn.Sequential(
                nn.Conv2d(_WIDTH, wide, 1, bias=False),
                nn.GroupNorm(_GROUPS, wide),
                nn.ReLU(),
                nn.Conv2d(wide, _WIDTH, 1, bias=False),
            )

    def forward(self, values: Tensor) -> Tensor:
        if self.pool is not None:
            values = values + self.pool(values)
        return torch.relu(self.conv(values) + values)


class _Limit(nn.Module):
    def forward(self, latent: Tensor) -> Tensor:
        return torch.tanh(latent / _LIMIT) * _LIMIT


def _conv(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1)


def _halve() -> nn.Conv2d:
    return nn.Conv2d(_WIDTH, _WIDTH, 3, padding=1, stride=2, bias=False)


def _plain() -> nn.Conv2d:
    return nn.Conv2d(_WIDTH, _WIDTH, 3, padding=1, bias=False)


def _double() -> nn.Upsample:
    return nn.Upsample(scale_factor=2)


def load_taef2(path: Path) -> Taef2:
    """Read a file of tensors into a network in float32, on the CPU.

    Raises:
        WeightsError: The file is damaged, or has other tensors.
    """
    network = Taef2()
    try:
        network.load_state_dict(load_file(path))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise WeightsError(
            f"{path}: does not have the tensors of TAEF2 ({first_line(error)}). Convert "
            "taef2_encoder.pth and taef2_decoder.pth again, see the notes of card 'taef2'",
            path=path,
        ) from None
    return network.eval()
