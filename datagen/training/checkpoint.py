"""Checkpoints: one file that appears whole or not at all; safetensors, never pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from datagen.core.digests import canonical_json
from datagen.core.files import write_atomically
from datagen.errors import ReleaseError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["CHECKPOINT", "read_checkpoint", "write_checkpoint"]

CHECKPOINT = "checkpoint.safetensors"

_ABOUT = "datagen"


def write_checkpoint(folder: Path, step: int, setup: str, tensors: Mapping[str, Tensor]) -> None:
    """Write what training needs to go on.

    Args:
        folder: Of the training.
        step: How many steps were taken.
        setup: Digest of the training's ``Setup``.
        tensors: Of the network, the critics and the optimizers.
    """
    from safetensors.torch import save

    # One entry: safetensors writes several in no fixed order.
    about = {_ABOUT: canonical_json({"step": step, "setup": setup})}
    write_atomically(folder / CHECKPOINT, save(dict(tensors), about))


def read_checkpoint(folder: Path, setup: str) -> tuple[int, dict[str, Tensor]] | None:
    """Return the steps taken and the tensors; ``None`` when there is none yet.

    Raises:
        ReleaseError: It is damaged, or of another training.
    """
    from safetensors import SafetensorError, safe_open

    path = folder / CHECKPOINT
    if not path.exists():
        return None
    try:
        with safe_open(path, "pt") as opened:
            about = json.loads((opened.metadata() or {})[_ABOUT])
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        step = int(about["step"])
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise ReleaseError(
            f"{path}: is damaged ({error}). Remove it to begin again, or name another folder"
        ) from None
    if about.get("setup") != setup:
        raise ReleaseError(f"{path}: is of another training. Name another folder")
    return step, tensors
