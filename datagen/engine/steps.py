"""How far a running task is: told by the task, heard by whoever waits for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["hearing", "tell_steps"]

_heard: list[Callable[[int], None]] = []


@contextmanager
def hearing(tell: Callable[[int], None]) -> Iterator[None]:
    """Hear of the steps of what runs while the context lasts.

    Args:
        tell: Called with the number of steps that all running tasks have done so far.
    """
    _heard.append(tell)
    try:
        yield
    finally:
        _heard.remove(tell)


def tell_steps(done: int) -> None:
    """Tell how many steps are done; nothing happens where no one waits."""
    if _heard:
        _heard[-1](done)
