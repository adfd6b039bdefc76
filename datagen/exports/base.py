"""What every export does first: look at the release, its terms and the place for the copy."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from datagen.core.digests import sha256_bytes
from datagen.core.files import below, write_atomically
from datagen.core.progress import Progress
from datagen.core.text import counted, near
from datagen.errors import ReleaseError, UserError
from datagen.release.reader import Release
from datagen.release.whereabouts import EXPORT_MARK

__all__ = [
    "EXPORTS",
    "Export",
    "Exported",
    "copy_files",
    "export_release",
    "place_in",
    "terms_warning",
]

EXPORTS: Mapping[str, str] = {
    "deepfakebench": "datagen.exports.deepfakebench:write",
    "hf": "datagen.exports.huggingface:write",
}
"""The function that writes each form."""


@dataclass(frozen=True, slots=True)
class Export:
    """What a form is written from.

    Attributes:
        release: The release.
        folder: Folder of the copy; it exists.
        workers: Threads.
        progress: Shows how far it is.
        strided: Whether clips may be written whose frames are not consecutive.
    """

    release: Release
    folder: Path
    workers: int
    progress: Progress
    strided: bool = False


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export came to.

    Attributes:
        folder: Where the copy is.
        images: Images or clips of the copy, masks not counted.
        files: Its files.
        reused: Those that an earlier run had written.
        warnings: What the user must know before the copy is passed on.
        clips: Whether the images are clips.
    """

    folder: Path
    images: int
    files: int
    reused: int
    warnings: tuple[str, ...] = field(default=())
    clips: bool = False

    def __str__(self) -> str:
        """Return all of it in one line."""
        reused = f" ({self.reused} already there)" if self.reused else ""
        images = counted(self.images, "clip" if self.clips else "image")
        files = counted(self.files, "file")
        return f"{self.folder}: {images} in {files}{reused}"


def export_release(
    release: Release,
    to: str,
    folder: Path,
    workers: int,
    progress: Progress,
    strided: bool = False,
) -> Exported:
    """Write a copy of a release in another form, or what is missing of it.

    Args:
        release: The release.
        to: Name of the form, see ``EXPORTS``.
        folder: New or empty folder, or that of the same export, which was stopped.
        workers: Threads.
        progress: Shows how far it is.
        strided: Whether DeepfakeBench may get clips whose frames are not consecutive.

    Raises:
        UserError: There is no such form, or the folder holds something else.
        ReleaseError: The release is damaged.
    """
    if to not in EXPORTS:
        raise UserError(
            f"there is no export {to!r}.{near(to, EXPORTS)} Known: {', '.join(EXPORTS)}", key="to"
        )
    facts = {"to": to, **_facts(release)}
    _claim(folder, facts)
    module, _, name = EXPORTS[to].partition(":")
    write: Callable[[Export], Exported] = getattr(import_module(module), name)
    done = write(Export(release, folder, workers, progress, strided))
    _mark(folder, {**facts, "complete": True})
    return done


def place_in(folder: Path, name: str) -> Path:
    """Return the path of a file of a copy: names of a release may be a stranger's.

    Raises:
        ReleaseError: The name leads outside of the folder.
    """
    try:
        return below(folder, name)
    except ValueError as error:
        raise ReleaseError(f"{folder}: {error}", path=folder) from None


def copy_files(export: Export, beginning: str) -> None:
    """Copy files of the release as they are.

    Args:
        export: The export.
        beginning: How their names begin: ``rights/`` for cards and attribution.

    Raises:
        ReleaseError: One of them is not what ``release.json`` says.
    """
    for name, stated in export.release.record["files"].items():
        if not name.startswith(beginning):
            continue
        place = place_in(export.folder, name)
        data = export.release.folder.read(name, limit=stated["size"])
        if sha256_bytes(data) != stated["sha256"]:
            where = f"{export.release.folder}/{name}"
            raise ReleaseError(
                f"{where}: its sha256 is {sha256_bytes(data)}, and release.json says "
                f"{stated['sha256']}: what was changed is not passed on. 'datagen verify' lists "
                "what is damaged",
                path=where,
            )
        write_atomically(place, data)


def terms_warning(release: Release) -> str:
    """Return what whoever holds a copy may not do, as a sentence; empty if it may be passed on."""
    if release.record["purpose"]["redistribute"]:
        return ""
    return (
        f"{release.record['release_id']} was made for {release.record['purpose']['use']} without "
        "redistribution: this copy is for your own use and may not be passed on or uploaded to a "
        "public place. Its README.md says so"
    )


def _facts(release: Release) -> dict[str, Any]:
    return {"release_id": release.record["release_id"], "digest": release.record["digest"]}


def _claim(folder: Path, facts: Mapping[str, Any]) -> None:
    if folder.exists() and not folder.is_dir():
        raise ReleaseError(f"{folder} is a file: choose a new folder", path=folder)
    mark = folder / EXPORT_MARK  # written first, and whole at the end
    if mark.is_file():
        try:
            found = json.loads(mark.read_text(encoding="utf-8"))
            known = {key: found.get(key) for key in facts}
        except (ValueError, AttributeError, RecursionError):
            known = {}
        if known != facts:
            raise ReleaseError(
                f"{folder} holds another export ({known.get('to')} of "
                f"{known.get('release_id')}; this one is {facts['to']} of {facts['release_id']}). "
                "Choose another folder",
                path=folder,
            )
    elif folder.exists() and any(folder.iterdir()):
        raise ReleaseError(
            f"{folder} is not empty and holds no export. Choose a new folder", path=folder
        )
    folder.mkdir(parents=True, exist_ok=True)
    _mark(folder, {**facts, "complete": False})


def _mark(folder: Path, facts: Mapping[str, Any]) -> None:
    write_atomically(folder / EXPORT_MARK, (json.dumps(facts, indent=1) + "\n").encode())
