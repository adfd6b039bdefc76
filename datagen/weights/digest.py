"""Digests of weight files and folders, remembered so that gigabytes are not read at each start."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from datagen.core.digests import digest_of, sha256_bytes, sha256_file
from datagen.core.paths import cache_folder
from datagen.errors import WeightsError
from datagen.weights.card import WeightCard

__all__ = ["digest_at", "files_of", "size_at"]


def files_of(card: WeightCard, path: Path) -> list[Path]:
    """Return the files that count, sorted by their names relative to ``path``.

    Of an insightface pack the networks alone, so that a license file that comes or expires does
    not make it another pack; of other folders all but hidden ones, where downloaders keep notes.
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
    """Return the bytes of the file, or of all files of the folder that count."""
    return sum(file.stat().st_size for file in files_of(card, path))


def digest_at(card: WeightCard, path: Path, fresh: bool = False) -> str:
    """Return the sha256 of the file at ``path``; of a folder that of its names and digests.

    A folder's is the sha256 of ``{name: sha256}`` as canonical JSON, with names relative to it.
    What was read before is remembered in the cache by path, size and times of the file.

    Args:
        card: Says which files of a folder count.
        path: A file or a folder that is there.
        fresh: Read everything again.

    Raises:
        WeightsError: A file cannot be read, or the folder holds none.
    """
    try:
        files = files_of(card, path)
        if not files:
            raise WeightsError(f"{path}: no weights in this folder. Put the files of {card.id} in")
        memory = _Memory(path)
        found = {_name(file, path): memory.sha256(file, fresh) for file in files}
        memory.keep()
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read: {error}") from None
    return digest_of(found) if path.is_dir() else found[path.name]


def _name(file: Path, path: Path) -> str:
    return path.name if file == path else file.relative_to(path).as_posix()


class _Memory:
    """Digests of the files of one card, in a small file of the cache."""

    def __init__(self, path: Path) -> None:
        place = path.resolve()
        self._file = cache_folder() / "digests" / f"{sha256_bytes(str(place).encode())[:32]}.json"
        self._known = _read(self._file)
        self._seen: dict[str, list[Any]] = {}

    def sha256(self, file: Path, fresh: bool) -> str:
        """Return the digest of one file, read only if it is not the one that is remembered."""
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
        """Write what was found; a cache that cannot be written costs time and nothing else."""
        if self._seen == self._known:
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(
                "w", dir=self._file.parent, prefix=".", delete=False, encoding="utf-8"
            ) as out:
                json.dump(self._seen, out)
            os.replace(out.name, self._file)
        except OSError:
            return


def _stamp(file: Path) -> list[int]:
    """Return what changes when a file does; ``ctime`` also when somebody sets ``mtime`` back."""
    status = file.stat()
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def _read(file: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
