"""Where workers note which task they have begun, and the driver which ones it has given up.

The notes are in the key-value store of the Ray cluster, so that no process more is needed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from datagen.engine.base import Outcome, Task, attempt
from datagen.engine.steps import hearing
from datagen.errors import RunError

__all__ = ["Board", "Place", "attempt_noted"]

K = TypeVar("K")
R = TypeVar("R")

_GIVEN_UP, _STEPS = "over", "steps"
_NOTED_EVERY = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class Place:
    """The process that runs a task.

    Attributes:
        pid: Number of the process.
        host: Name of its machine.
    """

    pid: int
    host: str

    @property
    def is_stopped(self) -> bool:
        """Whether a signal has stopped the process; false if it is on another machine."""
        return self._known("stat").rpartition(b")")[2].split()[:1] in ([b"T"], [b"t"])

    def kill(self) -> bool:
        """End the process; return false if it is on another machine or no worker of Ray."""
        if not self._known("cmdline").startswith(b"ray::"):
            return False
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(self.pid, signal.SIGKILL)
            return True
        return False

    def _known(self, what: str) -> bytes:
        if self.host != socket.gethostname():
            return b""
        with contextlib.suppress(OSError):
            return Path(f"/proc/{self.pid}/{what}").read_bytes()
        return b""

    def __str__(self) -> str:
        """Name the process for the reader."""
        return f"process {self.pid} on {self.host}"


@dataclass(frozen=True)
class Board:
    """The notes of one run of an engine; without a store nothing is known, and nothing fails.

    Attributes:
        name: Name of the run, which no other has.
    """

    name: str = field(default_factory=lambda: f"datagen-{uuid.uuid4().hex}")

    def begin(self, number: int) -> bool:
        """Note that this process begins a task; return false if the driver has given it up."""
        if self._get(f"{number}/{_GIVEN_UP}"):
            return False
        self._put(f"{number}", f"{os.getpid()} {socket.gethostname()}")
        return True

    def place(self, number: int) -> Place | None:
        """Return the process that began a task last, ``None`` if none has."""
        pid, _, host = self._get(f"{number}").partition(" ")
        return Place(int(pid), host) if pid.isdecimal() else None

    def give_up(self, number: int) -> None:
        """Note that the driver no longer waits for a task, so that Ray does not run it again."""
        self._put(f"{number}/{_GIVEN_UP}", "1")

    def steps(self, number: int) -> int:
        """Return how many steps of a task are done, as far as it has told."""
        told = self._get(f"{number}/{_STEPS}")
        return int(told) if told.isdecimal() else 0

    def counter(self, number: int) -> Callable[[int], None]:
        """Return a function that notes the steps of a task, once a second at most."""
        noted = time.monotonic()

        def note(done: int) -> None:
            nonlocal noted
            if time.monotonic() - noted >= _NOTED_EVERY:
                noted = time.monotonic()
                self._put(f"{number}/{_STEPS}", str(done))

        return note

    def clear(self) -> None:
        """Remove all notes."""
        self._call(lambda store: store._internal_kv_del(f"{self.name}/", del_by_prefix=True))

    def _get(self, key: str) -> str:
        found = self._call(lambda store: store._internal_kv_get(f"{self.name}/{key}"))
        return found.decode() if isinstance(found, bytes) else ""

    def _put(self, key: str, value: str) -> None:
        self._call(lambda store: store._internal_kv_put(f"{self.name}/{key}", value))

    @staticmethod
    def _call(use: Callable[[Any], object]) -> object:
        try:
            from ray.experimental import internal_kv

            return use(internal_kv)
        except Exception:  # noqa: BLE001  # notes are a convenience: the tasks are what counts
            return None


def attempt_noted(board: Board, number: int, task: Task[K, R], key: K) -> Outcome[K, R]:
    """Run a task on one key, see ``attempt``, after a note of where it runs."""
    if not board.begin(number):
        return Outcome(key, None, RunError("given up"))
    with hearing(board.counter(number)):
        return attempt(task, key)
