"""Where the release is that someone meant who named another folder."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from datagen.core.text import first_of
from datagen.release.folder import Folder
from datagen.release.record import RELEASE_NAME

__all__ = ["EXPORT_MARK", "meant_instead"]

EXPORT_MARK = "datagen-export.json"
"""File in a copy that ``datagen export`` wrote."""

_LOOKED_AT = 1000  # files of a folder
_SHOWN = 3


def meant_instead(folder: Folder) -> str:
    """Return what to name instead of a folder that is no release, as the end of a sentence.

    Args:
        folder: A folder that exists.
    """
    try:
        found = None if folder.local is None else _beside(folder.local)
    except OSError:  # such as a folder that may not be listed
        found = None
    return found or "name the folder that 'datagen generate -o' wrote"


def _beside(folder: Path) -> str | None:
    if (folder / EXPORT_MARK).is_file():
        return "it is a copy made by 'datagen export', name the release that it was made from"
    for parent in islice(folder.absolute().parents, 2):
        if (parent / RELEASE_NAME).is_file():
            return f"it is a part of the release {parent}, name that"
    inside = [one for one in islice(folder.iterdir(), _LOOKED_AT) if (one / RELEASE_NAME).is_file()]
    return f"name {first_of(sorted(inside), _SHOWN)}" if inside else None
