"""A folder of a release: local, or in any storage that fsspec speaks."""

from __future__ import annotations

import os
import posixpath
import shutil
import stat
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from datagen.core.addresses import problem_of_address
from datagen.core.files import below, move_into_place
from datagen.core.storage import Storage, open_storage
from datagen.errors import ReleaseError

__all__ = ["Folder"]

_REQUESTS = 16  # at once, to object storage
_AHEAD = 8 << 20  # bytes of one request for a file that is read to its end
# Never through a link, and never waiting for the reader of a pipe.
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK


class Folder:
    """A folder as a mapping of names to bytes; a file appears whole or not at all.

    On a local disk a file is written beside its place, flushed, and renamed; on object storage
    it is a single put. Picklable: a worker opens its own connection.

    Args:
        address: A path, or an address such as ``s3://bucket/name``.
    """

    def __init__(self, address: str) -> None:
        if not address.strip():
            raise ReleaseError("the name of the folder is empty: name one, e.g. -o out")
        self.address = address.rstrip("/") or "/"

    @cached_property
    def _place(self) -> tuple[Storage, str]:
        try:
            return open_storage(self.address, listings=False)
        except ValueError as error:
            why = problem_of_address(self.address) or error
            raise ReleaseError(f"address {self.address!r}: {why}", path=self.address) from None

    def __getstate__(self) -> dict[str, str]:
        """Return the state without the open connection."""
        return {"address": self.address}

    @property
    def local(self) -> Path | None:
        """The path of a folder on a local disk, ``None`` for one in object storage."""
        storage, path = self._place
        return Path(path) if storage.is_local else None

    def exists(self, name: str = "") -> bool:
        """Say whether a file, or the folder itself, exists."""
        return bool(self._place[0].exists(self._full(name)))

    def missing_bucket(self) -> str:
        """Return the name of the folder's bucket if there is none of that name, or else nothing."""
        storage, path = self._place
        return storage.missing_bucket(path)

    def path(self, name: str) -> Path:
        """Return the path of a file in a local folder that is to be read.

        Raises:
            FileNotFoundError: It does not exist.
            ReleaseError: The name leads outside of the folder, also through a link, or is that of
                something else than a file, such as a pipe, for which a reader would wait.
        """
        if self.local is None:
            raise ReleaseError(f"{self} is not a folder on this machine", path=self.address)
        path = self._below(name)
        if not stat.S_ISREG(path.stat().st_mode):
            raise ReleaseError(f"{self}/{name} is not a regular file", path=f"{self}/{name}")
        return path

    def read(self, name: str, limit: int | None = None) -> bytes:
        """Return a file's bytes; ``FileNotFoundError`` if it does not exist.

        Args:
            name: Name of the file, see ``path``.
            limit: Most bytes to read; a larger file is a ``ReleaseError``.
        """
        if limit is not None and (size := self.size(name)) > limit:
            raise ReleaseError(
                f"{self}/{name} has {size:,} bytes, at most {limit:,} are read",
                path=f"{self}/{name}",
            )
        if self.local is not None:
            return self.path(name).read_bytes()
        return bytes(self._place[0].cat_file(self._full(name)))

    def fetch(self, name: str, path: Path) -> Path:
        """Copy a file to a path on this machine, in pieces, and return the path."""
        self._place[0].get_file(self._full(name), str(path))
        return path

    def read_range(self, name: str, offset: int, size: int) -> bytes:
        """Return ``size`` bytes from ``offset``, with one request."""
        if self.local is not None:
            with self.path(name).open("rb") as handle:
                handle.seek(offset)
                return handle.read(size)
        return bytes(self._place[0].cat_file(self._full(name), start=offset, end=offset + size))

    def read_ranges(self, pieces: Sequence[tuple[str, int, int]]) -> list[bytes]:
        """Return several pieces, with several requests at once.

        Args:
            pieces: Name, offset and size of each, see ``read_range``.
        """
        with ThreadPoolExecutor(min(_REQUESTS, max(1, len(pieces)))) as pool:
            return list(pool.map(lambda piece: self.read_range(*piece), pieces))

    def open(self, name: str) -> BinaryIO:
        """Return an open file, for reading it from its start to its end."""
        if self.local is not None:
            return self.path(name).open("rb")
        opened: BinaryIO = self._place[0].open(
            self._full(name), "rb", block_size=_AHEAD, cache_type="readahead"
        )
        return opened

    def names(self, under: str = "") -> list[str]:
        """Return the names of all files below ``under``, sorted; none if there are none."""
        storage, root = self._place
        storage.invalidate_cache()
        try:
            found = storage.find(self._full(under))
        except FileNotFoundError:
            return []
        return sorted(str(path)[len(root) + 1 :] for path in found)

    def sizes(self, under: str = "") -> dict[str, int]:
        """Return the size in bytes of every file below ``under``, by name, with one listing."""
        storage, root = self._place
        storage.invalidate_cache()
        try:
            found = storage.find(self._full(under), detail=True)
        except FileNotFoundError:
            return {}
        return {str(path)[len(root) + 1 :]: int(info["size"]) for path, info in found.items()}

    def read_all(self, names: Sequence[str]) -> dict[str, bytes]:
        """Return the bytes of small files by name, without those that do not exist."""
        with ThreadPoolExecutor(_REQUESTS) as pool:
            found = zip(names, pool.map(self._read_if_there, names), strict=True)
            return {name: data for name, data in found if data is not None}

    def _read_if_there(self, name: str) -> bytes | None:
        try:
            return self.read(name)
        except FileNotFoundError:
            return None

    def size(self, name: str) -> int:
        """Return a file's size in bytes; ``FileNotFoundError`` if it does not exist."""
        if self.local is not None:
            return self.path(name).stat().st_size
        return int(self._place[0].size(self._full(name)))

    def remove(self, name: str) -> None:
        """Remove a file, if it exists."""
        self._refuse_outside(name)
        try:
            self._place[0].rm_file(self._full(name))
        except FileNotFoundError:
            return

    def write(self, name: str, data: bytes) -> None:
        """Write a small file atomically."""
        if self.local is None:
            self._place[0].pipe_file(self._full(name), data)
            return
        with self.staging() as folder:
            path = Path(folder) / "file"
            path.write_bytes(data)
            self.put(path, name)

    def append(self, name: str, data: bytes) -> None:
        """Append to a file of a local folder, at once; for logs, not for files of a release.

        Raises:
            ReleaseError: The folder is in object storage, or the name leads elsewhere.
            OSError: It cannot be written.
        """
        if self.local is None:
            raise ReleaseError(f"{self} is not a folder on this machine", path=self.address)
        self._refuse_outside(name)
        path = self.local / name
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, _APPEND, 0o644)
        try:
            found = os.fstat(handle)
            if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
                raise ReleaseError(
                    f"{self}/{name} is no regular file of its own", path=f"{self}/{name}"
                )
            os.write(handle, data)
        finally:
            os.close(handle)

    def put(self, path: Path, name: str) -> None:
        """Move a finished local file to its place in the folder."""
        if self.local is None:
            self._place[0].put_file(str(path), self._full(name))
            return
        self._refuse_outside(name)
        move_into_place(path, self.local / name)

    def staging(self) -> tempfile.TemporaryDirectory[str]:
        """Return a context with a private folder on the same disk, so that ``put`` can rename."""
        if self.local is None:
            return tempfile.TemporaryDirectory(prefix="datagen-")
        parent = self._below(".staging")
        parent.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(dir=parent, ignore_cleanup_errors=True)

    def clear_staging(self) -> None:
        """Remove what killed runs left behind; no other run may be writing."""
        if self.local is not None:
            shutil.rmtree(self.local / ".staging", ignore_errors=True)

    def _below(self, name: str) -> Path:
        try:
            return below(Path(self._place[1]), name)
        except ValueError as error:
            hint = (
                ". Copy the release without links, e.g. with 'cp -rL'"
                if "link" in str(error)
                else ""
            )
            raise ReleaseError(f"{self}: {error}{hint}", path=self.address) from None

    def _refuse_outside(self, name: str) -> None:
        """Refuse to write or remove a file in a folder that a link puts outside."""
        parent = posixpath.dirname(name)
        if self.local is not None and parent:
            self._below(parent)

    def _full(self, name: str) -> str:
        root = self._place[1]
        if name.startswith("/") or ".." in name.split("/"):
            raise ReleaseError(f"{self}: {name[:80]!r} leads outside of it", path=self.address)
        return posixpath.join(root, name) if name else root

    def __str__(self) -> str:
        """Return the address."""
        return self.address
