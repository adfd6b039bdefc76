"""What to do about a method or a degradation that only a plug-in knows.

Nothing is imported from a release: whoever runs a recipe of others has read the plug-in and names
its file.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from datagen.core.text import first_of, near
from datagen.degradations.compose import known_degradations
from datagen.errors import RecipeError, ReleaseError
from datagen.methods import METHODS
from datagen.recipe.plugins import plugin_file
from datagen.recipe.schema import RecipeSpec
from datagen.release.folder import Folder
from datagen.release.reader import read_record

__all__ = ["plugins_named"]

_FILE = re.compile(r"\w[\w.-]{0,99}\.py")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_SHOWN = 5


@contextmanager
def plugins_named(spec: RecipeSpec, path: Path) -> Iterator[None]:
    """Add to the error of an unknown name which plug-in has it and what to run.

    Args:
        spec: The recipe.
        path: Its file, perhaps in the folder of a release.
    """
    try:
        yield
    except RecipeError as error:
        unknown = _unknown(spec) if str(error.key).endswith(".use") else None
        advice = "" if unknown is None else _advice(*unknown, path)
        if not advice:
            raise
        raise RecipeError(f"{error}\n{advice}", path=error.path, key=error.key) from error


def _unknown(spec: RecipeSpec) -> tuple[str, list[str]] | None:
    """Return the first name that nothing has, and the names of its kind."""
    degradations = [use.use for use in spec.degradations or ()]
    degradations += [spec.ladder.use] if spec.ladder else []
    for names, known in (
        ([use.use for use in spec.methods], list(METHODS)),
        (degradations, known_degradations()),
    ):
        for name in names:
            if name not in known:
                return name, known
    return None


def _advice(name: str, known: list[str], path: Path) -> str:
    made_with = _plugins_of(path.parent)
    if not made_with:
        if near(name, known):
            return ""
        return (
            "If a plug-in defines it, add --plugin FILE.py to the command (in Python: "
            "plugins=['FILE.py']), or install its package"
        )
    files = [file for file, _ in made_with]
    lines = [f"The release was made with the plug-in {first_of(files, _SHOWN)}."]
    options = []
    for file, digest in made_with:
        inside = path.parent / plugin_file(file, digest)
        options.append(f"--plugin {shlex.quote(str(inside if inside.is_file() else file))}")
        if not inside.is_file():
            lines.append(
                f"Its source is not in the release: ask whoever made it for {file} (sha256 "
                f"{digest})."
            )
    lines.append("Read it first, because it runs with your rights. Then run:")
    command = f"datagen generate {shlex.quote(str(path))} -o NEW {' '.join(options)}"
    return f"{' '.join(lines)}\n  {command}"


def _plugins_of(folder: Path) -> list[tuple[str, str]]:
    """Return name and digest of the plug-ins that the release in a folder was made with."""
    try:
        made = read_record(Folder(str(folder)))["made"]["with"].get("plugins")
    except (ReleaseError, OSError):
        return []  # no release, or a damaged one: its recipe is a recipe like any other
    if not isinstance(made, dict):
        return []
    return [
        (name, digest)
        for name, digest in sorted(made.items())
        if _FILE.fullmatch(name) and isinstance(digest, str) and _DIGEST.fullmatch(digest)
    ]
