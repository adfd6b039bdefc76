"""How a network is run: the options that every learned method has."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from datagen.core.schema import Frozen
from datagen.engine.resources import Resources

__all__ = ["NetworkOptions"]

_GIB = 1 << 30


class NetworkOptions(Frozen):
    """What a recipe may set of any learned method.

    Attributes:
        device: ``cuda`` asks for a GPU and is refused where there is none.
        batch: Faces that go through the network at once; part of what names the bytes.
        precision: Of the weights and activations on a GPU; on CPU always ``fp32``.
        gpu_share: Share of a GPU that one worker holds.
        memory: GiB of main memory that one worker holds; by default what the method says.
        threads: Cores that one worker gives the network.
    """

    device: Literal["cpu", "cuda"] = "cpu"
    batch: int = Field(default=8, ge=1, le=256)
    precision: Literal["fp32", "fp16", "bf16"] = "fp32"
    gpu_share: float = Field(default=1.0, gt=0, le=1)
    memory: float | None = Field(default=None, gt=0)
    threads: int = Field(default=1, ge=1, le=256)

    def resources(self, memory: float) -> Resources:
        """Return what one worker holds; ``memory`` in GiB where the recipe says nothing."""
        gpus = self.gpu_share if self.device == "cuda" else 0.0
        return Resources(float(self.threads), gpus, int((self.memory or memory) * _GIB))
