"""Local files: written whole or not at all, and locked against a second process."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from filelock import FileLock, Timeout

__all__ = ["Timeout", "below", "locked", "move_into_place", "staged", "write_atomically"]

_MODE = 0o644
_SHOWN = 80


def below(root: Path, name: str) -> Path:
    """Return the path of ``name``, which must lie below the folder ``root``.

    Every name that comes from outside, such as a row of a manifest, goes through here before a
    file is opened or written: it is relative, has no ``..``, and no link in it leads outside.

    Raises:
        ValueError: It does not; the message says why.
    """
    shown = repr(name if len(name) <= _SHOWN else f"{name[:_SHOWN]}...")
    if not name or "\x00" in name or "\\" in name:
        raise ValueError(f"{shown} is not the name of a file")
    given = PurePosixPath(name)
    if given.is_absolute() or ".." in given.parts or not given.parts:
        raise ValueError(f"{shown} leads outside of its folder: expected a relative path below it")
    try:
        top = root.resolve()
        path = (top / given).resolve()
    except (OSError, RuntimeError) as error:  # a circle of links, a name that is too long
        raise ValueError(f"{shown} cannot be resolved: {error}") from None
    if path == top or not path.is_relative_to(top):
        raise ValueError(f"{shown} leads outside of its folder through a link")
    return path


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that a reader sees the old content or the new one, even after a crash."""
    with staged(path) as part:
        part.write_bytes(data)


@contextmanager
def staged(path: Path) -> Iterator[Path]:
    """Yield a hidden file beside ``path`` to be written; it replaces ``path`` on success.

    The folder is created if need be. On an exception ``path`` stays as it was and nothing is
    left behind. An error of the disk, such as a full one, names ``path``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".part-", suffix=path.suffix)
    os.close(handle)
    part = Path(name)
    try:
        yield part
        part.chmod(_MODE)  # mkstemp makes it private
        move_into_place(part, path)
    except OSError as error:
        if error.errno is None or str(error.filename or name) != name:
            raise  # about another file
        raise OSError(error.errno, error.strerror, str(path)) from error
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
        remove: Remove the lock file in the end, unless someone has replaced it. A process that
            waits for it notices.

    Raises:
        Timeout: Another process holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path, timeout=timeout):
        own = path.stat().st_ino
        try:
            yield
        finally:
            if remove and path.exists() and path.stat().st_ino == own:
                path.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
