"""The lock of a release's folder: a file inside it, so that every run that writes there sees it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from datagen.core.files import Timeout, locked
from datagen.core.text import reason, shortened
from datagen.errors import ReleaseError
from datagen.release.folder import Folder

__all__ = ["LOCK_NAME", "lock_folder"]

LOCK_NAME = ".lock"


@contextmanager
def lock_folder(folder: Folder) -> Iterator[None]:
    """Keep other runs out of a local folder while the context lasts.

    The lock is a file in the folder: it holds whatever cache the other run uses, and on whatever
    machine it is, where the file system shares locks. It is removed in the end, and so is the
    folder if nothing was written into it. Object storage has no locks: files are put whole, and
    what another run has overwritten is found before ``release.json`` is written.

    Args:
        folder: Folder of the release.

    Raises:
        ReleaseError: Another run holds the lock, or the folder cannot be written.
    """
    local = folder.local
    if local is None:
        yield
        return
    made = _missing(folder, local)
    try:
        with contextlib.ExitStack() as stack:
            _take(stack, folder, local)
            yield
    finally:
        for path in made:
            with contextlib.suppress(OSError):
                path.rmdir()  # only if it is empty


def _missing(folder: Folder, local: Path) -> list[Path]:
    """Return the folders that are not there yet, the innermost first."""
    try:
        local.lstat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError) as error:  # ValueError: a name with a null character
        shown = shortened(folder.address, 100)
        raise ReleaseError(
            f"{shown} cannot be used as a folder: {reason(error)}. Choose a new folder"
        ) from None
    if local.exists() and not local.is_dir():
        raise ReleaseError(f"{folder} is a file: choose a new folder", path=folder.address)
    return [path for path in (local, *local.parents) if not path.exists()]


def _take(stack: contextlib.ExitStack, folder: Folder, local: Path) -> None:
    try:
        stack.enter_context(locked(local / LOCK_NAME, timeout=0, remove=True))
    except Timeout:
        raise ReleaseError(
            f"{folder}: another 'datagen generate' is writing here. Wait for it, or choose "
            "another folder",
            path=folder.address,
        ) from None
    except (OSError, NotImplementedError) as error:
        raise ReleaseError(
            f"{folder} cannot be written: {error}. Choose another folder", path=folder.address
        ) from None
