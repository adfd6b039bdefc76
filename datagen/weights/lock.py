"""One process at a time fetches a file; the others wait and then find it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

__all__ = ["alone"]


@contextmanager
def alone(part: Path) -> Iterator[IO[bytes]]:
    """Open ``part`` to append, for this process only; an empty one is removed in the end."""
    part.parent.mkdir(parents=True, exist_ok=True)
    while True:
        with part.open("ab") as out:
            fcntl.flock(out, fcntl.LOCK_EX)
            if not _same(part, out):  # the process before us moved or removed it
                continue
            try:
                yield out
            finally:
                if _same(part, out) and not part.stat().st_size:
                    part.unlink()
            return


def _same(part: Path, out: IO[bytes]) -> bool:
    try:
        return os.path.samestat(part.stat(), os.fstat(out.fileno()))
    except FileNotFoundError:
        return False
