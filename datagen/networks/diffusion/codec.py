"""Autoencoders of images behind one call, from a folder of diffusers or a file of tensors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Image
from datagen.errors import WeightsError
from datagen.networks.diffusion.noise import noise
from datagen.networks.diffusion.pipeline import diffusers_contract, move_to, open_autoencoder
from datagen.networks.diffusion.settings import check_device, need_torch, torch_dtype
from datagen.weights import Autoencoder, Diffusers, WeightCard
from datagen.weights.store import WeightStore, weight_store

__all__ = ["Codec", "CodecContract", "codec_contract", "open_codec"]

CodecContract: TypeAlias = Diffusers | Autoencoder

_DIFFUSERS = ("AutoencoderKL", "AutoencoderTiny")
_KINDS = (*_DIFFUSERS, "taef2")
_KEPT = 4


class Codec(ABC):
    """An opened autoencoder.

    Attributes:
        cell: Number of pixels that the side of an image must be a multiple of.
        channels: Number of channels of its input and its output.
    """

    cell: int
    channels: tuple[int, int]

    @abstractmethod
    def __call__(self, images: Sequence[Image], seeds: Sequence[int] | None) -> NDArray[np.float32]:
        """Encode and decode images of one shape; to be called in ``at_work``.

        Args:
            images: The images, with sides in multiples of ``cell``.
            seeds: One for each image, to draw from the posterior; ``None``: its mode.

        Returns:
            The images, ``(n, 3, height, width)``, black 0 and white 1, not clipped.
        """


class _DiffusersCodec(Codec):
    def __init__(self, network: Any) -> None:
        settings = network.config
        widths = settings.get("block_out_channels") or settings.get("encoder_block_out_channels")
        self._network = network
        self.cell = 2 ** (len(widths) - 1)
        self.channels = (settings.in_channels, settings.out_channels)

    def __call__(self, images: Sequence[Image], seeds: Sequence[int] | None) -> NDArray[np.float32]:
        network = self._network
        batch = _stacked(images) / 127.5 - 1
        encoded = network.encode(batch.to(network.device, network.dtype))
        if hasattr(encoded, "latents"):
            latent = encoded.latents
        elif seeds is None:
            latent = encoded.latent_dist.mode()
        else:
            posterior = encoded.latent_dist
            drawn = noise(list(seeds), posterior.mean.shape[1:])
            latent = posterior.mean + posterior.std * drawn.to(posterior.mean)
        return np.asarray((network.decode(latent).sample.float().cpu() / 2 + 0.5).numpy())


class _Taef2Codec(Codec):
    channels = (3, 3)

    def __init__(self, network: Any, cell: int) -> None:
        self._network = network
        self.cell = cell

    def __call__(self, images: Sequence[Image], seeds: Sequence[int] | None) -> NDArray[np.float32]:
        parameter = next(self._network.parameters())
        batch = (_stacked(images) / 255).to(parameter.device, parameter.dtype)
        return np.asarray(self._network(batch).float().cpu().numpy())


def codec_contract(card_id: str) -> CodecContract:
    """Return the section of a card that describes its autoencoder.

    Raises:
        CardError: The card is missing or invalid.
        RecipeError: The card is of another kind.
    """
    card = weight_store().card(card_id)
    return card.autoencoder or diffusers_contract(card_id, _KINDS)


def open_codec(card_id: str, device: str, precision: str) -> Codec:
    """Return the autoencoder of a card, once per process for each device and precision.

    Args:
        card_id: Id of the weight card.
        device: ``cpu`` or ``cuda``.
        precision: ``fp32``, ``fp16`` or ``bf16``; on a CPU always ``fp32``.

    Raises:
        RecipeError: The card is of another kind.
        WeightsError: Its files are missing, damaged, or not what the card describes.
        DeviceError: The device is missing, or its memory is too small.
        MissingExtraError: A package that it needs is not installed.
    """
    contract, store = codec_contract(card_id), weight_store()
    if isinstance(contract, Diffusers):
        codec: Codec = _DiffusersCodec(open_autoencoder(card_id, device, precision))
    else:
        precision = precision if device == "cuda" else "fp32"
        codec = _taef2(store.card(card_id), store, device, precision)
    if contract.sides % codec.cell:
        section = "diffusers" if isinstance(contract, Diffusers) else "autoencoder"
        raise WeightsError(
            f"card {card_id!r}: {section}.sides is {contract.sides}, but its network takes "
            f"multiples of {codec.cell} pixels. Set {section}.sides to {codec.cell}"
        )
    if codec.channels != (3, 3):
        raise WeightsError(
            f"card {card_id!r}: its network has {codec.channels[0]} input and "
            f"{codec.channels[1]} output channels, but an autoencoder of RGB images has 3 and 3"
        )
    return codec


@lru_cache(maxsize=_KEPT)
def _taef2(card: WeightCard, store: WeightStore, device: str, precision: str) -> Codec:
    need_torch("The autoencoder TAEF2")
    from datagen.networks.diffusion.taef2 import CELL, load_taef2

    check_device(device)
    network = load_taef2(store.fetch(card)).to(torch_dtype(device, precision))
    move_to(network, device, card)
    return _Taef2Codec(network, CELL)


def _stacked(images: Sequence[Image]) -> Any:
    import torch

    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float()
