"""What a run finds in its folder at the end: every file that ``release.json`` is about to name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from datagen.core.digests import sha256_bytes
from datagen.core.text import counted, first_of
from datagen.errors import RunError
from datagen.release.commit import COMMITS, FileRecord
from datagen.release.folder import Folder

__all__ = ["check_present"]

_SHOWN = 5
_READ = (COMMITS, "recipe.yaml")


def check_present(folder: Folder, files: Mapping[str, FileRecord]) -> None:
    """Check that all files are in the folder: by size, commits and the recipe by digest.

    Workers have reported these files, but since then someone may have removed the folder, or
    another run may have written into it.

    Args:
        folder: The release, before its ``release.json`` is written.
        files: Every file that ``release.json`` will name.

    Raises:
        RunError: Files are missing or differ; the message names the first ones.
    """
    wrong = list(_wrong(folder, files))
    if wrong:
        raise RunError(
            f"{folder}: {counted(len(wrong), 'file')} of {len(files)} that this run has made are "
            f"gone or differ: {first_of(wrong, _SHOWN)}. Another program removes or writes files "
            "there. No release.json was written: stop that program and rerun the same command, "
            "which makes what is missing",
            path=folder.address,
        )


def _wrong(folder: Folder, files: Mapping[str, FileRecord]) -> Iterator[str]:
    sizes = folder.sizes()
    read = folder.read_all([name for name in files if name.startswith(_READ)])
    for name, record in sorted(files.items()):
        data = read.get(name)
        if name not in sizes:
            yield f"{name} (missing)"
        elif sizes[name] != record.size:
            yield f"{name} ({sizes[name]} bytes, {record.size} were written)"
        elif data is not None and sha256_bytes(data) != record.sha256:
            yield f"{name} (other bytes of the same size)"
