"""A folder of a release: local, or in any storage that fsspec speaks."""

from __future__ import annotations

import posixpath
import shutil
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any

import fsspec

from datagen.core.files import move_into_place
from datagen.errors import MissingExtraError, ReleaseError

__all__ = ["Folder"]

_REQUESTS = 16  # at once, to object storage


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
    def _place(self) -> tuple[Any, str]:
        try:
            filesystem, path = fsspec.core.url_to_fs(self.address)
        except ImportError:
            protocol = self.address.partition("://")[0]
            extra = "s3" if protocol == "s3" else protocol
            raise MissingExtraError(f"{extra}fs", extra, f"address {self.address!r}") from None
        except ValueError as error:
            raise ReleaseError(f"address {self.address!r}: {error}") from None
        filesystem.use_listings_cache = False
        return filesystem, str(path).rstrip("/")

    def __getstate__(self) -> dict[str, str]:
        """Return the state without the open connection."""
        return {"address": self.address}

    @property
    def local(self) -> Path | None:
        """The path of a folder on a local disk, ``None`` for one in object storage."""
        filesystem, path = self._place
        protocols = filesystem.protocol
        protocols = (protocols,) if isinstance(protocols, str) else protocols
        return Path(path) if "file" in protocols else None

    def exists(self, name: str = "") -> bool:
        """Say whether a file, or the folder itself, exists."""
        return bool(self._place[0].exists(self._full(name)))

    def read(self, name: str) -> bytes:
        """Return a file's bytes; ``FileNotFoundError`` if it does not exist."""
        return bytes(self._place[0].cat_file(self._full(name)))

    def read_range(self, name: str, offset: int, size: int) -> bytes:
        """Return ``size`` bytes from ``offset``, with one request."""
        return bytes(self._place[0].cat_file(self._full(name), start=offset, end=offset + size))

    def names(self, under: str = "") -> list[str]:
        """Return the names of all files below ``under``, sorted; none if there are none."""
        filesystem, root = self._place
        filesystem.invalidate_cache()
        try:
            found = filesystem.find(self._full(under))
        except FileNotFoundError:
            return []
        return sorted(str(path)[len(root) + 1 :] for path in found)

    def sizes(self, under: str = "") -> dict[str, int]:
        """Return the size in bytes of every file below ``under``, by name, with one listing."""
        filesystem, root = self._place
        filesystem.invalidate_cache()
        try:
            found = filesystem.find(self._full(under), detail=True)
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
        return int(self._place[0].size(self._full(name)))

    def remove(self, name: str) -> None:
        """Remove a file, if it exists."""
        filesystem, _ = self._place
        try:
            filesystem.rm_file(self._full(name))
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

    def put(self, path: Path, name: str) -> None:
        """Move a finished local file to its place in the folder."""
        if self.local is None:
            self._place[0].put_file(str(path), self._full(name))
            return
        move_into_place(path, self.local / name)

    def staging(self) -> tempfile.TemporaryDirectory[str]:
        """Return a context with a private folder on the same disk, so that ``put`` can rename."""
        if self.local is None:
            return tempfile.TemporaryDirectory(prefix="datagen-")
        parent = self.local / ".staging"
        parent.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(dir=parent, ignore_cleanup_errors=True)

    def clear_staging(self) -> None:
        """Remove what killed runs left behind; no other run may be writing."""
        if self.local is not None:
            shutil.rmtree(self.local / ".staging", ignore_errors=True)

    def _full(self, name: str) -> str:
        root = self._place[1]
        return posixpath.join(root, name) if name else root

    def __str__(self) -> str:
        """Return the address."""
        return self.address
