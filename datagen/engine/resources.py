"""The share of a machine that a running task occupies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

__all__ = ["Resources"]


@dataclass(frozen=True, slots=True)
class Resources:
    """Resources that an engine must reserve for a task.

    Attributes:
        cpus: Number of processor cores.
        gpus: Number of GPUs; a fraction below 1 lets several tasks share one.
        memory: Main memory in bytes; 0 if not stated.
    """

    cpus: float = 1.0
    gpus: float = 0.0
    memory: int = 0

    @classmethod
    def maximum(cls, parts: Iterable[Self]) -> Resources:
        """Return resources that cover any one of ``parts``; at least one core."""
        found = list(parts)
        return Resources(
            max([1.0, *(part.cpus for part in found)]),
            max([0.0, *(part.gpus for part in found)]),
            max([0, *(part.memory for part in found)]),
        )
