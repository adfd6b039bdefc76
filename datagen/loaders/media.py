"""Reading pieces of tars, from many processes and threads at once."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock
from typing import NamedTuple

from datagen.errors import ReleaseError
from datagen.release.folder import Folder

__all__ = ["MediaReader", "Piece"]

_OPEN = 64  # tars of one release that a process keeps open


class Piece(NamedTuple):
    """Some bytes of a tar.

    Attributes:
        path: Name of the tar in its release.
        offset: Where they begin.
        size: How many they are.
    """

    path: str
    offset: int
    size: int


class MediaReader:
    """Reads pieces of the tars of one release.

    Local tars are read with ``pread``, which has no position that a forked worker or a thread could
    share. It can be pickled; each process opens its own connection to object storage.

    Args:
        folder: The release.
    """

    def __init__(self, folder: Folder) -> None:
        self._start(folder)

    def _start(self, folder: Folder) -> None:
        self._folder = folder
        self._process = os.getpid()
        self._lock = Lock()
        self._handles: OrderedDict[str, _Handle] = OrderedDict()

    def __getstate__(self) -> dict[str, Folder]:
        """Return the state without open files and connections."""
        return {"folder": self._folder}

    def __setstate__(self, state: dict[str, Folder]) -> None:
        """Start anew in this process."""
        self._start(state["folder"])

    def read(self, pieces: Sequence[Piece]) -> list[bytes]:
        """Return the bytes of some pieces, in the order given.

        Args:
            pieces: The pieces; on a local disk they are read in the order of the tars.

        Raises:
            ReleaseError: A tar is missing, unreadable or cut short.
        """
        if self._process != os.getpid():  # forked: connections and locks are the parent's
            self._start(Folder(self._folder.address))
        if self._folder.local is None:
            return self._each(pieces, lambda: self._folder.read_ranges(pieces))
        found: dict[Piece, bytes] = {}
        for piece in sorted(set(pieces)):
            (found[piece],) = self._each([piece], lambda: [self._pread(piece)])  # noqa: B023
        return [found[piece] for piece in pieces]

    def _each(self, pieces: Sequence[Piece], read: Callable[[], list[bytes]]) -> list[bytes]:
        path = f"{self._folder}/{pieces[0].path}" if len(pieces) == 1 else f"{self._folder}"
        try:
            found = read()
        except OSError as error:
            missing = isinstance(error, FileNotFoundError)
            raise ReleaseError(
                f"{path} {'is missing' if missing else f'cannot be read: {error}'}. Get the "
                "release again",
                path=path,
            ) from error
        for piece, data in zip(pieces, found, strict=True):
            if len(data) != piece.size:
                raise ReleaseError(
                    f"{self._folder}/{piece.path} is cut short: {len(data)} of {piece.size} bytes "
                    f"at {piece.offset}. Get the release again",
                    path=f"{self._folder}/{piece.path}",
                )
        return found

    def _pread(self, piece: Piece) -> bytes:
        handle = self._handle(piece.path)  # kept here: another thread may drop it meanwhile
        return os.pread(handle.number, piece.size, piece.offset)

    def _handle(self, name: str) -> _Handle:
        with self._lock:
            handle = self._handles.get(name)
            if handle is None:
                handle = _Handle(os.open(self._folder.path(name), os.O_RDONLY | os.O_CLOEXEC))
                self._handles[name] = handle
                if len(self._handles) > _OPEN:
                    self._handles.popitem(last=False)
            self._handles.move_to_end(name)
            return handle


class _Handle:
    """An open file that is closed when its last reader has let go of it."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number

    def __del__(self, close: Callable[[int], None] = os.close) -> None:
        close(self.number)
