"""Building the small networks in a separate process, so that tests need not wait for it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Build", "SmallWeights", "read_options", "write_options"]

_SECONDS = 900
_OPTIONS = "options.json"


@dataclass(frozen=True, slots=True)
class SmallWeights:
    """A folder for ``DATAGEN_WEIGHTS``.

    Attributes:
        options: Of each learned method.
    """

    folder: Path
    options: dict[str, dict[str, Any]]

    def copy(self, name: str, folder: Path) -> None:
        """Copy the card ``name`` and its folder of weights into another folder."""
        (folder / "cards").mkdir(parents=True, exist_ok=True)
        shutil.copy(self.folder / "cards" / f"{name}.yaml", folder / "cards")
        shutil.copytree(self.folder / name, folder / name)


def read_options(folder: Path) -> SmallWeights | None:
    """Return what was built into a folder, once it is complete."""
    done = folder / _OPTIONS
    if not done.exists():
        return None
    return SmallWeights(folder, json.loads(done.read_text(encoding="utf-8")))


def write_options(small: SmallWeights) -> None:
    """Mark a folder as complete."""
    (small.folder / _OPTIONS).write_text(json.dumps(small.options), encoding="utf-8")


class Build:
    """A build that runs in parallel with the tests.

    Args:
        kept: Folder to build into, or that an earlier build has filled; by default a new one.
    """

    def __init__(self, kept: str | None) -> None:
        self._folder = Path(kept) if kept else Path(tempfile.mkdtemp(prefix="datagen-small-"))
        self._log = self._folder / "build.log"
        self._process: subprocess.Popen[bytes] | None = None
        if read_options(self._folder) is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "tests.support.small.all", str(self._folder)],
                    cwd=Path(__file__).parents[3],
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )

    def finished(self) -> SmallWeights:
        """Wait for the networks.

        Raises:
            RuntimeError: The build failed; with what it said.
        """
        if self._process is not None:
            self._process.wait(_SECONDS)
        small = read_options(self._folder)
        if small is None:
            told = self._log.read_text(encoding="utf-8", errors="replace")
            raise RuntimeError(f"the small networks were not built:\n{told[-4000:]}")
        return small

    def stop(self) -> None:
        """End it if it still runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
