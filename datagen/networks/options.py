"""Options that every learned method has."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from datagen.core.schema import Frozen
from datagen.engine.resources import Resources

__all__ = ["NetworkOptions"]

_GIB = 1 << 30


class NetworkOptions(Frozen):
    """Options of every learned method.

    Attributes:
        device: ``cpu`` or ``cuda``; ``cuda`` is refused on a machine without a GPU.
        batch: Number of faces per call of the network, 1 to 256; the bytes depend on it.
        precision: Precision of weights and activations on a GPU; on a CPU always ``fp32``.
        gpu_share: Share of a GPU per worker, above 0 and at most 1.
        memory: Main memory per worker in GiB; by default what the method declares.
        threads: CPU cores per worker, 1 to 256.
    """

    device: Literal["cpu", "cuda"] = "cpu"
    batch: int = Field(default=8, ge=1, le=256)
    precision: Literal["fp32", "fp16", "bf16"] = "fp32"
    gpu_share: float = Field(default=1.0, gt=0, le=1)
    memory: float | None = Field(default=None, gt=0)
    threads: int = Field(default=1, ge=1, le=256)

    def resources(self, memory: float) -> Resources:
        """Return the resources of one worker; ``memory`` in GiB is the method's default."""
        gpus = self.gpu_share if self.device == "cuda" else 0.0
        return Resources(float(self.threads), gpus, int((self.memory or memory) * _GIB))
