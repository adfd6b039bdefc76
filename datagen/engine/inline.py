"""Engine ``inline``: one process, for a debugger, and the reference for the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from datagen.engine.base import Outcome, Task, attempt

__all__ = ["InlineEngine"]

K = TypeVar("K")
R = TypeVar("R")


class InlineEngine:
    """Runs keys one after another, here."""

    workers = 1

    def run(self, task: Task[K, R], keys: Iterable[K]) -> Iterator[Outcome[K, R]]:
        """See ``Engine``."""
        for key in keys:
            yield attempt(task, key)
