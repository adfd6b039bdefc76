"""Pipelines and autoencoders of diffusers, opened from a weight card once per process."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from datagen.errors import DeviceError, RecipeError, WeightsError
from datagen.networks.diffusion.folder import (
    autoencoder_folder,
    check_pipeline_folder,
    has_safety_checker,
    weights_variant,
)
from datagen.networks.diffusion.settings import (
    check_device,
    diffusers_class,
    diffusers_library,
    heard,
    is_out_of_memory,
    torch_dtype,
)
from datagen.weights import Diffusers, WeightCard
from datagen.weights.store import WeightStore, weight_store

__all__ = ["diffusers_contract", "move_to", "open_autoencoder", "open_pipeline"]

_AUTOENCODERS = ("AutoencoderKL", "AutoencoderTiny")
_KEPT = 4  # opened networks per process; the least recently used one is closed first
_MADE_UP = ("newly initialized", "MISSING")


def diffusers_contract(card_id: str, allowed: tuple[str, ...]) -> Diffusers:
    """Return the ``diffusers`` section of a card.

    Args:
        card_id: Id of the weight card.
        allowed: Values of ``diffusers.loads`` that the caller can use.

    Raises:
        CardError: The card is missing or invalid.
        RecipeError: The card is of another kind.
    """
    card = weight_store().card(card_id)
    found = card.form if card.diffusers is None else card.diffusers.loads
    if card.diffusers is None or found not in allowed:
        raise RecipeError(
            f"weights: card {card_id!r} loads {found!r}, but this method needs {', '.join(allowed)}"
        )
    return card.diffusers


def open_pipeline(card_id: str, device: str, precision: str, compiled: bool = False) -> Any:
    """Return the pipeline of a card: only local files, only safetensors, safety checker on.

    Args:
        card_id: Id of a weight card of form ``diffusers`` that loads a pipeline.
        device: ``cpu`` or ``cuda``.
        precision: ``fp32``, ``fp16`` or ``bf16``; on a CPU always ``fp32``.
        compiled: Whether the denoiser is compiled by ``torch.compile``; only on a GPU.

    Raises:
        WeightsError: The folder is missing, damaged, pickled or of another class.
        DeviceError: The device is missing, or its memory is too small.
        MissingExtraError: ``diffusers`` or what it needs is not installed.
    """
    on_gpu = device == "cuda"
    store = weight_store()
    return _pipeline(
        store.card(card_id),
        store,
        device,
        precision if on_gpu else "fp32",
        compiled and on_gpu,
    )


def open_autoencoder(card_id: str, device: str, precision: str) -> Any:
    """Return the autoencoder of a card; arguments and errors as in ``open_pipeline``.

    An autoencoder with ``force_upcast`` stays in ``fp32`` if ``fp16`` is requested.
    """
    store = weight_store()
    return _autoencoder(
        store.card(card_id),
        store,
        device,
        precision if device == "cuda" else "fp32",
    )


@lru_cache(maxsize=_KEPT)
def _pipeline(
    card: WeightCard, store: WeightStore, device: str, precision: str, compiled: bool
) -> Any:
    diffusers_library()
    check_device(device)
    loads = _loads(card)
    if loads in _AUTOENCODERS:
        raise RecipeError(f"weights: card {card.id!r} loads {loads!r}, expected a pipeline")
    folder = store.fetch(card)
    check_pipeline_folder(folder, card, loads)
    pipeline = _load(diffusers_class(loads), folder, card, torch_dtype(device, precision))
    if has_safety_checker(folder) and pipeline.safety_checker is None:
        raise WeightsError(f"{folder / 'safety_checker'}: was not loaded, but must stay on")
    pipeline.set_progress_bar_config(disable=True)
    move_to(pipeline, device, card)
    if compiled:
        import torch

        pipeline.unet = torch.compile(pipeline.unet)
    return pipeline


@lru_cache(maxsize=_KEPT)
def _autoencoder(card: WeightCard, store: WeightStore, device: str, precision: str) -> Any:
    diffusers_library()
    check_device(device)
    loads = _loads(card)
    if loads not in _AUTOENCODERS:
        raise RecipeError(
            f"weights: card {card.id!r} loads {loads!r}, expected {' or '.join(_AUTOENCODERS)}"
        )
    folder = autoencoder_folder(store.fetch(card), card, loads)
    model = _load(diffusers_class(loads), folder, card, torch_dtype(device, precision))
    if precision == "fp16" and model.config.get("force_upcast", False):
        model = model.float()
    move_to(model, device, card)
    return model.eval()


def _loads(card: WeightCard) -> str:
    if card.diffusers is None:
        raise RecipeError(f"weights: card {card.id!r} has form {card.form!r}, expected 'diffusers'")
    return card.diffusers.loads


def _load(kind: Any, folder: Path, card: WeightCard, dtype: Any) -> Any:
    from safetensors import SafetensorError

    wrong: tuple[type[Exception], ...] = (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        ImportError,
        RuntimeError,
        SafetensorError,
    )
    advice = (
        f"Card {card.id!r} needs a folder as written by {kind.__name__}.save_pretrained: "
        "get its files again, or point the card's 'file' to the right folder"
    )
    with heard() as said:
        try:
            loaded = kind.from_pretrained(
                str(folder),
                torch_dtype=dtype,
                local_files_only=True,
                use_safetensors=True,
                variant=weights_variant(folder),
            )
        except wrong as error:
            if is_out_of_memory(error):
                raise DeviceError(f"{folder}: does not fit into memory: {error}") from None
            raise WeightsError(
                f"{folder}: cannot be loaded: {_one_line(error)}. {advice}"
            ) from None
    # The libraries fill missing weights with random numbers and only log it.
    for text in said:
        if any(words in text for words in _MADE_UP):
            raise WeightsError(f"{folder}: weights are missing: {_one_line(text)}. {advice}")
    return loaded


def move_to(network: Any, device: str, card: WeightCard) -> None:
    """Move a network to a device.

    Raises:
        DeviceError: It does not fit into the device's memory.
    """
    try:
        with heard():
            network.to(device)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise DeviceError(
            f"{card.title} does not fit into the memory of {device}: use a larger device, "
            "precision: fp16, or a larger gpu_share"
        ) from None


def _one_line(text: object) -> str:
    line = " ".join(str(text).split())
    return line if len(line) <= 300 else line[:297] + "..."
