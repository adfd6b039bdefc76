"""Whether work ends: what it guards against takes minutes, and busy machines take their time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["SOON", "ends_soon"]

SOON = 60  # seconds of this thread: no measure of speed


@contextmanager
def ends_soon() -> Iterator[None]:
    begin = time.thread_time()
    yield
    assert time.thread_time() - begin < SOON
