"""Digests of weight files and folders, remembered so that gigabytes are not read at every start."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from datagen.core.digests import digest_of, sha256_bytes, sha256_file
from datagen.core.paths import cache_folder
from datagen.core.sealed import read_sealed, write_sealed
from datagen.errors import WeightsError
from datagen.weights.card import WeightCard

__all__ = ["digest_at", "files_of", "size_at"]


def files_of(card: WeightCard, path: Path) -> list[Path]:
    """Return the files that the digest covers, sorted by their names relative to ``path``.

    For an insightface pack only the networks, so that a license file that is added or expires
    does not change the digest; for other folders all files but hidden ones, in which downloaders
    keep notes.
    """
    if not path.is_dir():
        return [path]
    pattern = "*.onnx" if card.form == "insightface" else "*"
    found = [
        file
        for file in path.rglob(pattern)
        if file.is_file() and not any(part.startswith(".") for part in file.relative_to(path).parts)
    ]
    return sorted(found, key=lambda file: file.relative_to(path).as_posix())


def size_at(card: WeightCard, path: Path) -> int:
    """Return the size in bytes of the file, or of the folder's files that the digest covers."""
    return sum(file.stat().st_size for file in files_of(card, path))


def digest_at(card: WeightCard, path: Path, fresh: bool = False) -> str:
    """Return the sha256 of the file at ``path``, or a digest of the folder's files.

    The digest of a folder is the sha256 of ``{name: sha256}`` as canonical JSON, with names
    relative to it. Digests are remembered in the cache by path, size and times of the file.

    Args:
        card: Decides which files of a folder are covered.
        path: An existing file or folder.
        fresh: Read everything again instead of using remembered digests.

    Raises:
        WeightsError: A file cannot be read, or the folder has none.
    """
    try:
        files = files_of(card, path)
        if not all(file.is_file() for file in files):  # a pipe would be waited for
            raise WeightsError(f"{path} is no regular file: remove it", path=path)
        if not files:
            raise WeightsError(
                f"{path}: no weights in this folder. Put the files of {card.id} there"
            )
        memory = _Memory(path)
        found = {_name(file, path): memory.sha256(file, fresh) for file in files}
        memory.keep()
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read: {error}") from None
    return digest_of(found) if path.is_dir() else found[path.name]


def _name(file: Path, path: Path) -> str:
    return path.name if file == path else file.relative_to(path).as_posix()


class _Memory:
    """Remembered digests of the files of one card, in a small file of the cache."""

    def __init__(self, path: Path) -> None:
        place = path.resolve()
        self._file = cache_folder() / "digests" / f"{sha256_bytes(str(place).encode())[:32]}.json"
        self._known = _read(self._file)
        self._seen: dict[str, list[Any]] = {}

    def sha256(self, file: Path, fresh: bool) -> str:
        """Return the digest of one file; it is read only if it changed."""
        place = str(file.resolve())
        stamp = _stamp(file)
        known = self._known.get(place)
        if not fresh and isinstance(known, list) and known[:-1] == stamp:
            found = str(known[-1])
        else:
            found = sha256_file(file)
        self._seen[place] = [*stamp, found]
        return found

    def keep(self) -> None:
        """Write the digests; a cache that cannot be written only costs time."""
        if self._seen == self._known:
            return
        with contextlib.suppress(OSError):
            write_sealed(self._file, json.dumps(self._seen).encode())


def _stamp(file: Path) -> list[int]:
    """Return values that change with the file; ``ctime`` changes even if ``mtime`` is set back."""
    status = file.stat()
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def _is_own(file: Path) -> bool:
    """Whether the memory is this user's: another one may state any digest in a shared cache."""
    with contextlib.suppress(OSError):
        return not hasattr(os, "getuid") or file.stat().st_uid == os.getuid()
    return False


def _read(file: Path) -> Mapping[str, Any]:
    data = read_sealed(file)
    if data is None or not _is_own(file):
        return {}
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
