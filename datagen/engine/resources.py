"""What one task at work holds of a machine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

__all__ = ["Resources"]


@dataclass(frozen=True, slots=True)
class Resources:
    """What an engine must keep free for a task.

    Attributes:
        cpus: Processor cores.
        gpus: GPUs; a share below 1 lets several tasks live on one.
        memory: Bytes of main memory; 0: not stated.
    """

    cpus: float = 1.0
    gpus: float = 0.0
    memory: int = 0

    @classmethod
    def most(cls, parts: Iterable[Self]) -> Resources:
        """Return what covers each of ``parts``, one at a time; at least one core."""
        found = list(parts)
        return Resources(
            max([1.0, *(part.cpus for part in found)]),
            max([0.0, *(part.gpus for part in found)]),
            max([0, *(part.memory for part in found)]),
        )
