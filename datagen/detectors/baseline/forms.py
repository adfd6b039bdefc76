"""The modules of the network form, which need torch, imported when they are used."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Literal

from datagen.errors import MissingExtraError

__all__ = ["network_form"]


def network_form(name: Literal["network_model", "train_network"]) -> ModuleType:
    """Return a module of the network form.

    Raises:
        MissingExtraError: torch or safetensors is not installed.
    """
    try:
        return import_module(f"datagen.detectors.baseline.{name}")
    except ModuleNotFoundError as error:
        package = error.name or ""
        if package not in ("torch", "safetensors"):
            raise
        raise MissingExtraError(package, "torch", "The network form of the baseline") from None
