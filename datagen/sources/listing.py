"""What lies below the root of a source: its files, and what is passed over and why.

A card covers the images below the root. So a link is followed where it leads to a place below the
root, and nothing is taken for a person that a system or a program has put there.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from datagen.core.system_files import is_hidden

__all__ = [
    "HIDDEN",
    "IMAGE_SUFFIXES",
    "OUTSIDE",
    "VIDEO_SUFFIXES",
    "TooManyLinksError",
    "local_files",
    "only_with",
    "passed_over_words",
    "without_system",
]

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")

VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg")

OUTSIDE = "a link that leads outside of the root"

HIDDEN = "hidden or system"
_BROKEN = "broken link"
_CIRCLE = "link in a circle"
_FOREIGN = "link out of the root"
_SPECIAL = "no regular file"
_UNREADABLE = "folder without permission"

_SUFFIX = re.compile(r".\.([a-z0-9_+-]{1,8})", re.DOTALL)
_MAX_LINKS = 100_000


class TooManyLinksError(ValueError):
    """Links to folders multiply the tree beyond what a data set has."""


def without_system(paths: Iterable[str], passed: Counter[str]) -> Iterator[str]:
    """Yield the paths of which no part is hidden or of a system; each such top counts once."""
    told: set[str] = set()
    for path in paths:
        parts = path.split("/")
        hidden = next((n for n, part in enumerate(parts) if is_hidden(part)), None)
        if hidden is None:
            yield path
            continue
        top = "/".join(parts[: hidden + 1])
        passed[HIDDEN] += top not in told
        told.add(top)


def only_with(
    suffixes: tuple[str, ...], paths: Iterable[str], passed: Counter[str]
) -> Iterator[str]:
    """Yield the paths that have one of some extensions; the others are counted by theirs."""
    for path in paths:
        name = path.rpartition("/")[2].lower()
        if name.endswith(suffixes):
            yield path
            continue
        suffix = _SUFFIX.fullmatch(name[max(name.rfind(".") - 1, 0) :])
        passed[f".{suffix[1]}" if suffix else "of no known extension"] += 1


def passed_over_words(passed: Mapping[str, int]) -> str:
    """Return what was passed over, most first: ``3 .heic, 1 broken link``."""
    ordered = sorted(passed.items(), key=lambda one: (-one[1], one[0]))
    words = ", ".join(f"{count} {kind}" for kind, count in ordered)
    return f"{words} (--allow-outside follows links)" if passed.get(_FOREIGN) else words


def local_files(root: str, top: str, outside: bool, passed: Counter[str]) -> list[str]:
    """Return the regular files below a folder of this machine, relative to the root, sorted.

    Args:
        root: The root of the source.
        top: The root, or a folder below it.
        outside: Whether links may lead out of the root.
        passed: Counts what is passed over, by kind.

    Raises:
        TooManyLinksError: More links to folders than a data set has.
    """
    return sorted(_Walk(root, outside, passed).below(top))


class _Walk:
    """One walk over a tree; every folder is known by its real place, so that circles end."""

    def __init__(self, root: str, outside: bool, passed: Counter[str]) -> None:
        self._root = root
        self._real_root = Path(os.path.realpath(root))
        self._outside = outside
        self._passed = passed
        self._links = 0

    def below(self, top: str) -> Iterator[str]:
        waiting: list[tuple[str, tuple[str, ...]]] = [(top, (os.path.realpath(top),))]
        while waiting:
            folder, chain = waiting.pop()
            try:
                entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
            except OSError:
                self._passed[_UNREADABLE] += 1
                continue
            for entry in entries:
                path = f"{folder}/{entry.name}"
                real = self._place(entry, path, chain)
                if real is None:
                    continue
                if os.path.isdir(real):
                    waiting.append((path, (*chain, real)))
                elif os.path.isfile(real):  # a pipe or a device could block forever
                    yield path[len(self._root) + 1 :]
                else:
                    self._passed[_SPECIAL] += 1

    def _place(self, entry: os.DirEntry[str], path: str, chain: tuple[str, ...]) -> str | None:
        """Return the real path of an entry, or count why it is passed over."""
        if is_hidden(entry.name):
            self._passed[HIDDEN] += 1
            return None
        if not entry.is_symlink():
            return f"{chain[-1]}/{entry.name}"
        real = os.path.realpath(path)
        if not os.path.exists(real):
            self._passed[_BROKEN] += 1
        elif not self._outside and not Path(real).is_relative_to(self._real_root):
            self._passed[_FOREIGN] += 1
        elif os.path.isdir(real) and any(Path(one).is_relative_to(real) for one in chain):
            self._passed[_CIRCLE] += 1
        else:
            self._follow(real)
            return real
        return None

    def _follow(self, real: str) -> None:
        self._links += os.path.isdir(real)
        if self._links > _MAX_LINKS:
            raise TooManyLinksError(
                f"more than {_MAX_LINKS:,} links to folders: they multiply the images below"
            )
