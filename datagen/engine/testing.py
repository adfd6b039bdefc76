"""Tasks for tests of engines; in the package because workers cannot import test modules."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from datagen.errors import ItemError

__all__ = ["DiesOnce", "Doubles", "FailsOn", "Slow"]


@dataclass(frozen=True)
class Doubles:
    """Returns twice the key."""

    def __call__(self, key: int) -> int:
        """See ``Task``."""
        return 2 * key


@dataclass(frozen=True)
class FailsOn:
    """Doubles, but fails on one key: with our own error, or with the machine's."""

    key: int
    ours: bool = False

    def __call__(self, key: int) -> int:
        """See ``Task``."""
        if key == self.key:
            if self.ours:
                raise ItemError("no_donor", "nobody")
            raise OSError(28, "No space left on device")
        return 2 * key


@dataclass(frozen=True)
class DiesOnce:
    """Doubles, but its process kills itself the first time it sees one key.

    Attributes:
        mark: A file that says that it has happened.
        always: Die every time.
    """

    key: int
    mark: str
    always: bool = False

    def __call__(self, key: int) -> int:
        """See ``Task``."""
        if key == self.key and (self.always or not Path(self.mark).exists()):
            Path(self.mark).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return 2 * key


@dataclass(frozen=True)
class Slow:
    """Doubles, after some seconds, and leaves a file for each key it has begun."""

    seconds: float
    folder: str

    def __call__(self, key: int) -> int:
        """See ``Task``."""
        (Path(self.folder) / str(key)).touch()
        time.sleep(self.seconds)
        return 2 * key
