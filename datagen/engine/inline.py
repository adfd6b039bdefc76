"""Engine ``inline``: one process, for use with a debugger, and the reference for other engines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from datagen.engine.allocator import keep_freed_memory
from datagen.engine.base import Outcome, Task, attempt

__all__ = ["InlineEngine"]

K = TypeVar("K")
R = TypeVar("R")


class InlineEngine:
    """Runs keys one after another in the calling process."""

    workers = 1

    def run(self, task: Task[K, R], keys: Iterable[K]) -> Iterator[Outcome[K, R]]:
        """See ``Engine``."""
        keep_freed_memory()
        for key in keys:
            yield attempt(task, key)
