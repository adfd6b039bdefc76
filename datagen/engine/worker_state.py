"""What a worker process keeps between tasks: plans, open models, decoded images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["WorkerState", "worker_state"]

T = TypeVar("T")


class WorkerState:
    """A cache with one entry per slot, so that its memory is bounded.

    A slot is a use, such as ``"detector"``. A worker that turns to another detector drops the
    first one before it opens the second: two models need not fit into memory together.
    """

    def __init__(self) -> None:
        self._slots: dict[str, tuple[str, Any]] = {}

    def get(self, slot: str, key: str, build: Callable[[], T]) -> T:
        """Return the entry of a slot, built first if the slot is empty or holds another key.

        Args:
            slot: Name of the use.
            key: Identifies the value; equal keys must mean interchangeable values.
            build: Makes the value.
        """
        held = self._slots.get(slot)
        if held is None or held[0] != key:
            self._slots.pop(slot, None)
            del held
            value = build()
            self._slots[slot] = key, value
            return value
        found: T = held[1]
        return found


_STATE = WorkerState()


def worker_state() -> WorkerState:
    """Return the state of this process; an engine's worker is one process."""
    return _STATE
