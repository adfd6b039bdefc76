"""A trained autoencoder, opened from its weight card once per process and run in batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Image, Mask
from datagen.core.text import first_line
from datagen.errors import DeviceError, ItemError, RecipeError, WeightsError
from datagen.networks.autoencoder.config import (
    CONFIG,
    TENSORS,
    AutoencoderConfig,
    read_autoencoder_config,
)
from datagen.networks.batch import BatchRunner
from datagen.networks.diffusion.settings import (
    at_work,
    check_device,
    is_out_of_memory,
    need_torch,
    torch_dtype,
)
from datagen.weights import WeightCard
from datagen.weights.store import WeightStore, weight_store

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "Swapper",
    "load_autoencoder",
    "open_swapper",
    "save_autoencoder",
    "torch_modules",
    "trained_config",
]

_KEPT = 4
_BLACK = 8

Asked: TypeAlias = tuple[NDArray[np.float32], int]
"""A normalized face, ``(size, size, 3)`` in [0, 1], and the position of the decoder."""

Made: TypeAlias = tuple[Image, Mask] | ItemError
"""Image and mask of ``size`` x ``size`` pixels, or the error that takes their place."""


def torch_modules() -> ModuleType:
    """Import the modules of the autoencoder, which import torch.

    Raises:
        MissingExtraError: ``torch`` or ``safetensors`` is not installed.
    """
    need_torch("An autoencoder")
    from datagen.networks.autoencoder import modules as autoencoder_modules

    return autoencoder_modules


def trained_config(card_id: str) -> AutoencoderConfig:
    """Return the config of a card's folder, with its identities; loads no network.

    Raises:
        CardError: The card is missing or invalid.
        RecipeError: The card has another form.
        WeightsError: The folder is missing, or was not written by ``datagen train``.
    """
    card = _card(card_id)
    folder = weight_store().find(card)
    if folder is None:
        raise WeightsError(
            f"weights {card_id!r}: no folder {card.file!r} in {weight_store().folder}. Copy the "
            "weights that 'datagen train' wrote there, or run it"
        )
    path = folder / CONFIG
    changed = path.stat().st_mtime_ns if path.is_file() else 0
    return _config(folder, changed)


@lru_cache(maxsize=_KEPT)
def _config(folder: Path, changed: int) -> AutoencoderConfig:
    return read_autoencoder_config(folder)


def _card(card_id: str) -> WeightCard:
    card = weight_store().card(card_id)
    if card.form != "datagen":
        raise RecipeError(
            f"weights: card {card_id!r} has form {card.form!r}, but this method needs form "
            "'datagen', as 'datagen train' writes it"
        )
    return card


def save_autoencoder(
    folder: Path, config: AutoencoderConfig, tensors: Mapping[str, Tensor]
) -> None:
    """Write ``config.json`` and ``model.safetensors`` into an existing folder."""
    from safetensors.torch import save

    text = config.model_dump_json(indent=2) + "\n"
    (folder / CONFIG).write_text(text, encoding="utf-8")
    data = save({name: value.contiguous() for name, value in tensors.items()})
    (folder / TENSORS).write_bytes(data)


def load_autoencoder(folder: Path) -> tuple[AutoencoderConfig, Any]:
    """Return the config and the ``Autoencoder`` of a trained folder, on the CPU.

    Raises:
        WeightsError: A file is missing or damaged, or does not match the config.
        MissingExtraError: ``torch`` or ``safetensors`` is not installed.
    """
    modules = torch_modules()
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    config = read_autoencoder_config(folder)
    module = modules.Autoencoder(config.shape, len(config.people))
    path = folder / TENSORS
    try:
        module.load_state_dict(load_file(path))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise WeightsError(
            f"{path}: is not the network described by {CONFIG} beside it ({first_line(error)}). "
            "Copy the complete folder again from where 'datagen train' wrote it"
        ) from None
    return config, module.eval()


class Swapper:
    """An opened autoencoder.

    Args:
        config: Config of its folder.
        module: The ``Autoencoder``, on its device.
        device, precision, batch, threads: See ``NetworkOptions``.
    """

    def __init__(
        self,
        config: AutoencoderConfig,
        module: Any,
        device: str,
        precision: str,
        batch: int,
        threads: int,
    ) -> None:
        self.config = config
        self._module = module
        self._device = device
        self._dtype = torch_dtype(device, precision)
        self._threads = threads
        self._runner = BatchRunner(batch, f"autoencoder on {device}")

    @property
    def batch(self) -> int:
        """Number of faces per call, after any halving."""
        return self._runner.size

    def __call__(self, faces: Sequence[Asked]) -> list[Made]:
        """Decode each face with its decoder.

        Raises:
            DeviceError: Not even one face fits.
        """
        return self._runner(self._batch, faces)

    def _batch(self, faces: list[Asked]) -> list[Made]:
        import torch

        with at_work(self._device, self._threads):
            stacked = np.stack([face for face, _ in faces]).transpose(0, 3, 1, 2)
            codes = self._module.encoder(
                torch.from_numpy(np.ascontiguousarray(stacked)).to(self._device, self._dtype)
            )
            # A decoder gets one face at a time, so that all its batches have one size.
            return [
                _made(self._module.decoders[identity](codes[n : n + 1]))
                for n, (_, identity) in enumerate(faces)
            ]


def _made(decoded: tuple[Tensor, Tensor]) -> Made:
    values, mask = (part[0].float().cpu() for part in decoded)
    if not (values.isfinite().all() and mask.isfinite().all()):
        return ItemError("network_failed", "the decoder's output is not finite")
    image = _bytes(values.permute(1, 2, 0).numpy())
    if image.max() < _BLACK:
        return ItemError("black_image", "the decoder's output is black")
    return image, _bytes(mask[0].numpy())


def _bytes(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(np.rint(values * 255).astype(np.uint8))


def open_swapper(card_id: str, device: str, precision: str, batch: int, threads: int) -> Swapper:
    """Return the network of a card of form ``datagen``, checked and on its device.

    Raises:
        CardError: The card is missing or invalid.
        RecipeError: The card has another form.
        WeightsError: Its folder is missing, damaged, or not the one that the card describes.
        DeviceError: The device is missing, or its memory is too small.
        MissingExtraError: ``torch`` or ``safetensors`` is not installed.
    """
    on_gpu = device == "cuda"
    return _opened(
        _card(card_id),
        weight_store(),
        device,
        precision if on_gpu else "fp32",
        batch,
        threads,
    )


@lru_cache(maxsize=_KEPT)
def _opened(
    card: WeightCard, store: WeightStore, device: str, precision: str, batch: int, threads: int
) -> Swapper:
    torch_modules()
    check_device(device)
    config, module = load_autoencoder(store.fetch(card))
    try:
        module.to(device, torch_dtype(device, precision))
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise DeviceError(
            f"{card.title} does not fit into the memory of {device}: use a larger device, or "
            "precision: fp16"
        ) from None
    return Swapper(config, module, device, precision, batch, threads)
