"""A few child processes that run inputs, and what came out."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from tests.support.fuzz.child import SECONDS
from tests.support.house import ROOT

__all__ = ["Pool", "Summary", "ready_base", "summarized"]

_PATIENCE = 12 * SECONDS
"""After this many seconds without an answer a child hangs where no alarm reaches it."""


@dataclass
class Summary:
    """What came out for one reader.

    Attributes:
        inputs: Number of inputs.
        accepted: Number of inputs that were used whole.
        slowest: Longest time in seconds.
        failures: Answers with problems.
    """

    inputs: int = 0
    accepted: int = 0
    slowest: float = 0.0
    failures: list[dict[str, Any]] = field(default_factory=list)

    def kinds(self) -> Counter[str]:
        """Return the problems with the number of inputs that have them."""
        return Counter(problem for one in self.failures for problem in one["problems"])


class Pool:
    """Child processes that share the inputs of a run.

    Args:
        base: Folder of the accepted inputs, written if it does not exist.
        folder: Folder for the inputs.
        size: Number of children.
    """

    def __init__(self, base: Path, folder: Path, size: int) -> None:
        ready_base(base)
        self._children = [_Child(base, folder / str(number)) for number in range(size)]

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        for child in self._children:
            child.stop()

    def run(self, inputs: Iterable[tuple[str, int]]) -> Iterator[dict[str, Any]]:
        """Yield what came out of each input ``(reader, number)``, in the order of their ends."""
        waiting, busy = iter(inputs), set[_Child]()
        for child in self._children:
            if child.next_of(waiting):
                busy.add(child)
        while busy:
            for child in _ready(busy):
                yield child.answer()
                if not child.next_of(waiting):
                    busy.discard(child)


class _Child:
    def __init__(self, base: Path, folder: Path) -> None:
        self._base, self._folder = base, folder
        self._process: subprocess.Popen[str] | None = None
        self._asked = ("", 0)
        folder.mkdir(parents=True, exist_ok=True)

    def next_of(self, waiting: Iterator[tuple[str, int]]) -> bool:
        asked = next(waiting, None)
        if asked is None:
            return False
        self._asked = asked
        if self._process is None or self._process.poll() is not None:
            self._process = self._start()
        assert self._process.stdin is not None
        self._process.stdin.write(f"{asked[0]} {asked[1]}\n")
        self._process.stdin.flush()
        return True

    def _start(self) -> subprocess.Popen[str]:
        with (self._folder / "stderr").open("wb") as log:
            return subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "tests.support.fuzz.child",
                    str(self._base),
                    str(self._folder),
                ],
                cwd=ROOT,
                env={**os.environ, "FUZZ_OUTSIDE": str(self._base / "outside")},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    @property
    def stream(self) -> IO[str]:
        assert self._process is not None
        assert self._process.stdout is not None
        return self._process.stdout

    def answer(self, hangs: bool = False) -> dict[str, Any]:
        line = "" if hangs else self.stream.readline()
        if line:
            return dict(json.loads(line))
        assert self._process is not None
        self._process.kill()
        code = self._process.wait()
        self._process = None
        problem = "hangs where no alarm reaches it" if hangs else f"the process died ({code})"
        said = (self._folder / "stderr").read_text(encoding="utf-8", errors="replace")
        reader, number = self._asked
        return {
            "reader": reader,
            "number": number,
            "code": None,
            "accepted": False,
            "seconds": 0.0,
            "problems": [problem],
            "arguments": [],
            "output": said[-3000:],
        }

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()


def _ready(busy: set[_Child]) -> list[_Child]:
    with selectors.DefaultSelector() as selector:
        for child in busy:
            selector.register(child.stream, selectors.EVENT_READ, child)
        found = [key.data for key, _ in selector.select(_PATIENCE)]
    return found or list(busy)


def ready_base(base: Path) -> None:
    """Write the accepted inputs, in a process of its own, unless they are there."""
    if base.exists():
        return
    base.mkdir(parents=True)
    code = "import sys; from pathlib import Path; from tests.support.fuzz.base import write_base; "
    done = subprocess.run(
        [sys.executable, "-c", f"{code}write_base(Path(sys.argv[1]))", str(base)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the accepted inputs could not be written:\n{done.stderr[-2000:]}")


def summarized(answers: Iterable[dict[str, Any]]) -> dict[str, Summary]:
    """Return a summary per reader."""
    found: dict[str, Summary] = {}
    for answer in answers:
        one = found.setdefault(answer["reader"], Summary())
        one.inputs += 1
        one.accepted += answer["accepted"]
        one.slowest = max(one.slowest, answer["seconds"])
        if answer["problems"]:
            one.failures.append(answer)
    return found
