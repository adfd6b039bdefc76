"""Inputs as commands of their own, with what the operating system says they used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

from tests.support.fuzz.child import SECONDS
from tests.support.fuzz.guard import GIB
from tests.support.fuzz.pool import ready_base
from tests.support.house import ROOT

__all__ = ["MAX_MEMORY", "run_alone"]

MAX_MEMORY = 2 * GIB
_START = 10.0
"""Processor time of starting Python and importing everything on a slow machine."""


def run_alone(
    base: Path, folder: Path, inputs: Iterable[tuple[str, int]], at_once: int
) -> Iterator[dict[str, Any]]:
    """Yield what came out of each input ``(reader, number)``, run as a command of its own.

    Args:
        base: Folder of the accepted inputs, written if it does not exist.
        folder: Folder for the inputs.
        inputs: Which.
        at_once: Number of commands at the same time.
    """
    ready_base(base)
    places = count()
    with ThreadPoolExecutor(at_once) as threads:
        yield from threads.map(lambda one: _run(base, folder / str(next(places)), *one), inputs)


def _run(base: Path, folder: Path, reader: str, number: int) -> dict[str, Any]:
    folder.mkdir(parents=True)
    started = time.monotonic()
    with (folder / "stderr").open("wb") as log, (folder / "answer").open("wb") as answer:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.support.fuzz.child"),
                *(str(base), str(folder), reader, str(number)),
            ],
            cwd=ROOT,
            env={**os.environ, "FUZZ_OUTSIDE": str(base / "outside")},
            stdout=answer,
            stderr=log,
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    said = (folder / "answer").read_text(encoding="utf-8")
    if process.returncode or not said:
        problems = [f"the process died ({process.returncode})"]
        output = (folder / "stderr").read_text(encoding="utf-8", errors="replace")[-3000:]
        found: dict[str, Any] = {
            "reader": reader,
            "number": number,
            "code": None,
            "accepted": False,
            "problems": problems,
            "arguments": [],
            "output": output,
        }
    else:
        found = json.loads(said)
    if (peak := found.get("peak", 0)) > MAX_MEMORY:
        found["problems"].append(f"took {peak / GIB:.1f} GiB")
    if used.ru_utime + used.ru_stime > SECONDS + _START:
        found["problems"].append(f"took {used.ru_utime + used.ru_stime:.1f} s")
    found["seconds"] = round(time.monotonic() - started, 3)
    return found
