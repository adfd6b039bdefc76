"""Local files: written whole or not at all, and locked against a second process."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

__all__ = ["Timeout", "locked", "move_into_place", "staged", "write_atomically"]

_MODE = 0o644


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that a reader sees the old content or the new one, even after a crash."""
    with staged(path) as part:
        part.write_bytes(data)


@contextmanager
def staged(path: Path) -> Iterator[Path]:
    """Yield a hidden file beside ``path`` to be written; it replaces ``path`` on success.

    The folder is created if need be. On an exception ``path`` stays as it was and nothing is
    left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".part-", suffix=path.suffix)
    os.close(handle)
    part = Path(name)
    try:
        yield part
        part.chmod(_MODE)  # mkstemp makes it private
        move_into_place(part, path)
    finally:
        part.unlink(missing_ok=True)


def move_into_place(part: Path, path: Path) -> None:
    """Move a finished file or folder to ``path`` on the same disk and flush both to the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _flush(part)
    part.replace(path)
    _flush(path.parent)


@contextmanager
def locked(path: Path, timeout: float = -1, remove: bool = False) -> Iterator[None]:
    """Hold the lock file ``path``; the operating system frees it when the process dies.

    Args:
        path: The lock file, created if need be.
        timeout: Seconds to wait for another process: 0 does not wait, -1 waits for ever.
        remove: Remove the lock file in the end. A process that waits for it notices.

    Raises:
        Timeout: Another process holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path, timeout=timeout):
        try:
            yield
        finally:
            if remove:
                path.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
