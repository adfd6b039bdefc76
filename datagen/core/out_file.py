"""Checks of the file that a command will write, before anything is computed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from datagen.core.text import shortened
from datagen.errors import UserError

__all__ = ["check_out_file"]


def check_out_file(
    path: Path, suffixes: Sequence[str], error: type[UserError], is_new: bool = False
) -> None:
    """Check the path of a file that is about to be written.

    Args:
        path: The path.
        suffixes: The suffixes that it may have, of which the first is shown as an example.
        error: Raised if the path cannot be such a file.
        is_new: Whether a file that is there would be lost.
    """
    if path.is_dir():
        raise error(f"{path} is a folder: name a file in it, e.g. {path / 'name'}{suffixes[0]}")
    if path.suffix.lower() not in suffixes:
        found = f"the suffix {shortened(path.suffix)}" if path.suffix else "no suffix"
        raise error(
            f"{path}: must end in {' or '.join(suffixes)} (found {found}). Name it "
            f"{path.with_suffix(suffixes[0])}",
            path=path,
        )
    parent = next(parent for parent in path.absolute().parents if parent.exists())
    if not parent.is_dir():
        raise error(f"{path}: {parent} is a file, not a folder: choose another path", path=path)
    if is_new and path.exists():
        raise error(f"{path} already exists: choose another path, or remove it first", path=path)
