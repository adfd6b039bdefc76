"""Where a copy may be written."""

from __future__ import annotations

from pathlib import Path

from datagen.errors import UserError
from datagen.release.folder import Folder
from datagen.release.reader import Release

__all__ = ["checked_destination"]


def checked_destination(folder: str, release: Release) -> Path:
    """Return the path of a copy's folder.

    Args:
        folder: What the user named.
        release: The release that will be copied.

    Raises:
        UserError: It is an address, or lies inside of the release.
    """
    place = Folder(folder).local if "://" in folder else Path(folder)
    if place is None:
        raise UserError(
            f"{folder}: a copy is written to a folder on this machine. Export to one, then upload "
            "it with your storage's own tool",
            path=folder,
        )
    own = release.folder.local
    if own is not None and place.resolve().is_relative_to(own.resolve()):
        raise UserError(
            f"{folder} lies in the release {own}, whose files 'datagen verify' compares with its "
            "record: choose a folder outside of it",
            path=folder,
        )
    return place
