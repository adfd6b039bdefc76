"""Torch modules of the first deepfakes: one encoder, a decoder per identity.

Import this module only inside functions, because it imports torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from datagen.networks.autoencoder.config import Shape

__all__ = ["Autoencoder", "PatchCritic", "initialize"]

_MIN = 4  # side of the encoder's last map in pixels
_SLOPE = 0.1


class _Upscale(nn.Sequential):
    """Doubles the side by sub-pixel convolution (Shi et al., CVPR 2016)."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__(
            nn.Conv2d(inside, 4 * outside, 3, padding=1), nn.LeakyReLU(_SLOPE), nn.PixelShuffle(2)
        )


class _Encoder(nn.Module):
    """Strided convolutions down to 4 x 4, two dense layers, one step up to 8 x 8."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        most = 8 * shape.width
        layers: list[nn.Module] = []
        inside, outside = 3, shape.width
        for _ in range((shape.size // _MIN).bit_length() - 1):
            layers += [nn.Conv2d(inside, outside, 5, 2, 2), nn.LeakyReLU(_SLOPE)]
            inside, outside = outside, min(2 * outside, most)
        self.down = nn.Sequential(*layers)
        self.inner = nn.Linear(most * _MIN**2, most)
        self.outer = nn.Linear(most, most * _MIN**2)
        self.up = _Upscale(most, _channels(shape, 2 * _MIN))
        self.most = most

    def forward(self, faces: Tensor) -> Tensor:
        """Map ``(n, 3, size, size)`` to the code, ``(n, channels, 8, 8)``."""
        code = self.outer(self.inner(self.down(faces).flatten(1)))
        mapped: Tensor = self.up(code.view(-1, self.most, _MIN, _MIN))
        return mapped


class _Decoder(nn.Module):
    """Steps up to the full size, then the image and its mask."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        side = 2 * _MIN
        while side < shape.size:
            layers.append(_Upscale(_channels(shape, side), _channels(shape, 2 * side)))
            side *= 2
        self.up = nn.Sequential(*layers)
        # Parameter names are part of the format: weights are stored by them, and initialized in
        # their order.
        self.picture = nn.Conv2d(_channels(shape, side), 3, 5, padding=2)
        self.mask = nn.Conv2d(_channels(shape, side), 1, 5, padding=2)

    def forward(self, code: Tensor) -> tuple[Tensor, Tensor]:
        """Return the image ``(n, 3, size, size)`` and the mask ``(n, 1, size, size)``."""
        inside = self.up(code)
        return torch.sigmoid(self.picture(inside)), torch.sigmoid(self.mask(inside))


def _channels(shape: Shape, side: int) -> int:
    """Return half of ``width`` at full size, doubled at each halving, at most ``8 width``."""
    return min(max(shape.width // 2, 1) * (shape.size // side), 8 * shape.width)


class Autoencoder(nn.Module):
    """A shared encoder and a decoder for each identity.

    After the first deepfakes tool (u/deepfakes 2017, as described by Perov et al. 2020,
    DeepFaceLab, section 3.2, "DF" structure), whose sizes it has with ``size`` 64 and ``width``
    128; the mask beside the image is DeepFaceLab's. All values are in [0, 1].
    """

    def __init__(self, shape: Shape, identities: int) -> None:
        super().__init__()
        self.encoder = _Encoder(shape)
        self.decoders = nn.ModuleList(_Decoder(shape) for _ in range(identities))

    def forward(self, faces: Tensor, identity: int) -> tuple[Tensor, Tensor]:
        """Turn ``(n, 3, size, size)`` faces into that identity: images and masks."""
        decoded: tuple[Tensor, Tensor] = self.decoders[identity](self.encoder(faces))
        return decoded


class PatchCritic(nn.Module):
    """Tells real from generated patches (Isola et al., CVPR 2017, PatchGAN), for one identity."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width = shape.width
        self.layers = nn.Sequential(
            nn.Conv2d(3, width, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * width, 4 * width, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(4 * width, 1, 4, 1, 1),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return one score per patch; trained toward 1 for real ones (Mao et al., ICCV 2017)."""
        scores: Tensor = self.layers(images)
        return scores


def initialize(module: nn.Module, rng: np.random.Generator) -> None:
    """Initialize weights in the order of their names: uniform (He et al., ICCV 2015), biases 0."""
    with torch.no_grad():
        for name, values in sorted(module.named_parameters()):
            if values.ndim < 2:
                values.zero_()
                continue
            fan = int(np.prod(values.shape[1:]))
            # The last layers are followed by a sigmoid, not by a rectifier.
            gain = 1.0 if ".picture." in name or ".mask." in name else 2 / (1 + _SLOPE**2)
            bound = float(np.sqrt(3 * gain / fan))
            drawn = rng.uniform(-bound, bound, tuple(values.shape)).astype(np.float32)
            values.copy_(torch.from_numpy(drawn))
