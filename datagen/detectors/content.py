"""What decides the answers of a detector that is code: its source, and the files that it names.

Only what can be read without running it is found: modules of the user's own folder that are
imported, and files whose names stand in the source or in the command line. What an environment
variable, a configuration or a download decides is not seen here; ``repeat`` asks the detector.
"""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterable, Iterator
from modulefinder import ModuleFinder
from pathlib import Path

from datagen.core.digests import digest_of, sha256_file

__all__ = ["content_digest"]

_INSTALLED = {"site-packages", "dist-packages"}
_LONGEST = 255
_CHECKPOINT = "config.json"  # a folder with one is a checkpoint of a library such as transformers
_MAX_FILES = 1000


def content_digest(text: str, names: Iterable[str | Path], folder: Path) -> str:
    """Return a digest of a text and of the files that it leads to.

    Args:
        text: The spec or the command.
        names: Files and folders that are named in it; others are passed over.
        folder: Working directory of the detector.
    """
    found: dict[Path, None] = {}
    for name in names:
        for path in _files(folder, str(name)):
            found.update(dict.fromkeys([path, *_beneath(path, folder)]))
    files = sorted(found)[:_MAX_FILES]
    return digest_of([text, *([path.name, sha256_file(path)] for path in files)])


def _beneath(path: Path, folder: Path) -> Iterator[Path]:
    """Yield what a Python file imports of the user's own, and the files that these name."""
    if path.suffix != ".py":
        return
    for source in [path, *_imported(path, folder)]:
        yield source
        for name in _texts(source):
            yield from _files(folder, name)
            yield from _files(source.parent, name)


def _imported(path: Path, folder: Path) -> list[Path]:
    roots = [str(one) for one in dict.fromkeys((path.parent, folder)) if not _is_installed(one)]
    if not roots or _is_installed(path):
        return []
    finder = ModuleFinder(roots)
    with contextlib.suppress(Exception):  # what cannot be read fails, with its name, when it runs
        finder.load_file(str(path))
    names = (getattr(module, "__file__", None) for module in finder.modules.values())
    files = [Path(name).resolve() for name in names if name]
    return [one for one in files if one.suffix == ".py" and one.is_file()]


def _is_installed(path: Path) -> bool:
    return not _INSTALLED.isdisjoint(path.parts)


def _texts(source: Path) -> set[str]:
    """Return the texts in a Python file that may be names of files."""
    try:
        tree = ast.parse(source.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    texts = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return {text for text in texts if isinstance(text, str) and _may_be_a_name(text)}


def _may_be_a_name(text: str) -> bool:
    return 0 < len(text) <= _LONGEST and text.isprintable() and text.strip() == text


def _files(folder: Path, name: str) -> Iterator[Path]:
    """Yield the file of a name, or the files of a checkpoint's folder."""
    with contextlib.suppress(OSError, RuntimeError, ValueError):  # not the name of any file
        path = (folder / Path(name).expanduser()).resolve()
        if path.is_file():
            yield path
        elif (path / _CHECKPOINT).is_file():
            yield from (one for one in sorted(path.iterdir()) if one.is_file())
