"""Tasks for tests of engines; part of the package because workers cannot import test modules."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from datagen.errors import ContractError, ItemError

__all__ = ["DiesOnce", "Doubles", "FailsOn", "Slow"]


@dataclass(frozen=True)
class Doubles:
    """Returns twice the key."""

    def __call__(self, key: int) -> int:
        """See ``Task``."""
        return 2 * key


@dataclass(frozen=True)
class FailsOn:
    """Doubles, but fails on one key.

    Attributes:
        key: The key that fails.
        error: ``item``, ``contract`` (errors of this package) or ``machine``.
    """

    key: int
    error: Literal["item", "contract", "machine"] = "machine"

    def __call__(self, key: int) -> int:
        """See ``Task``."""
        if key == self.key:
            if self.error == "item":
                raise ItemError("no_donor", "no face left")
            if self.error == "contract":
                raise ContractError("method 'x' draws in 'apply'")
            raise OSError(28, "No space left on device")
        return 2 * key


@dataclass(frozen=True)
class DiesOnce:
    """Doubles, but its process kills itself the first time it receives one key.

    Attributes:
        key: The key that is fatal.
        mark: Path of a file that records the first death.
        always: Whether to die every time.
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
    """Doubles after a pause, and leaves a file per key with the process that has started it.

    Attributes:
        seconds: Length of the pause.
        folder: Existing folder for the files, which are named after their keys.
    """

    seconds: float
    folder: str

    def __call__(self, key: int) -> int:
        """See ``Task``."""
        path = Path(self.folder) / f".{key}"
        path.write_text(str(os.getpid()))
        path.rename(Path(self.folder) / str(key))
        time.sleep(self.seconds)
        return 2 * key
