"""Checkpoints: one safetensors file, written atomically; never pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from datagen.core.digests import canonical_json, digest_of, sha256_bytes
from datagen.core.files import write_atomically
from datagen.errors import ReleaseError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["CHECKPOINT", "read_checkpoint", "write_checkpoint"]

CHECKPOINT = "checkpoint.safetensors"

_ABOUT = "datagen"


def write_checkpoint(folder: Path, step: int, setup: str, tensors: Mapping[str, Tensor]) -> None:
    """Write everything that is needed to continue training.

    Args:
        folder: Folder of the training.
        step: Number of steps taken.
        setup: Digest of the training's ``Setup``.
        tensors: Tensors of the network, the critics and the optimizers.
    """
    from safetensors.torch import save

    # A single entry, because safetensors writes several in no fixed order.
    about = {"step": step, "setup": setup, "sha256": _digest(step, setup, tensors)}
    data = save(dict(tensors), {_ABOUT: canonical_json(about)})
    write_atomically(folder / CHECKPOINT, data)


def read_checkpoint(folder: Path, setup: str) -> tuple[int, dict[str, Tensor]] | None:
    """Return the number of steps taken and the tensors; ``None`` if there is no checkpoint yet.

    Raises:
        ReleaseError: The checkpoint is damaged, or belongs to another training.
    """
    from safetensors import SafetensorError, safe_open

    path = folder / CHECKPOINT
    if not path.exists():
        return None
    try:
        with safe_open(path, "pt") as opened:
            about = json.loads((opened.metadata() or {})[_ABOUT])
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        step, begun = int(about["step"]), str(about["setup"])
        if about.get("sha256") != _digest(step, begun, tensors):
            raise ValueError("its digest differs")
    except (OSError, SafetensorError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise ReleaseError(
            f"{path}: is damaged ({error}). Remove it to start over, or use another folder"
        ) from None
    if begun != setup:
        raise ReleaseError(f"{path}: belongs to another training. Use another folder")
    return step, tensors


def _digest(step: int, setup: str, tensors: Mapping[str, Tensor]) -> str:
    """Return the digest of everything in a checkpoint, 64 hex digits."""
    import torch

    found = {}
    for name, tensor in tensors.items():
        content = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        found[name] = [str(tensor.dtype), list(tensor.shape), sha256_bytes(content)]
    return digest_of([step, setup, found])
