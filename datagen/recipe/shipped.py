"""The recipes that ship with the package, which a bare name such as ``quickstart`` means."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from datagen.core.text import near, reason, shortened
from datagen.errors import RecipeError

__all__ = ["ShippedRecipe", "find_recipe", "shipped_folder", "shipped_recipes"]

_HERE = Path(__file__).resolve().parent
_SUFFIX = ".yaml"


@dataclass(frozen=True, slots=True)
class ShippedRecipe:
    """A recipe of the package.

    Attributes:
        name: What stands for it in commands.
        path: Its file; its cards are beside it.
        title: Its first sentence.
    """

    name: str
    path: Path
    title: str


def shipped_folder() -> Path:
    """Return the folder of the shipped recipes and cards: in the package, or in a checkout."""
    packed = _HERE / "shipped"
    return packed if packed.is_dir() else _HERE.parents[1] / "recipes"


def shipped_recipes() -> list[ShippedRecipe]:
    """Return the shipped recipes, sorted by name."""
    paths = sorted(shipped_folder().glob(f"*{_SUFFIX}"), key=lambda path: path.stem)
    return [ShippedRecipe(path.stem, path, _title(path)) for path in paths]


def find_recipe(path: str | os.PathLike[str]) -> Path:
    """Return the file of a recipe: the path itself, or that of the shipped recipe it names.

    Args:
        path: A path, or the bare name of a shipped recipe. A file of that name comes first.

    Raises:
        RecipeError: It is a bare name, and neither a file nor a shipped recipe; or no file can have
            that name.
    """
    file = Path(path)
    try:
        file.stat()
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        if not os.path.islink(file):  # a link to itself is no file, and hides no shipped recipe
            told = f"{shortened(str(file), 100)} cannot be the file of a recipe: {reason(error)}"
            raise RecipeError(f"{told}. 'datagen list recipes' shows those that ship") from None
    if file.exists() and not file.is_dir():
        return file
    known = {path.stem: path for path in shipped_folder().glob(f"*{_SUFFIX}")}
    name = str(file)
    if file.name == name and not file.suffix:
        if name in known:
            return known[name]
        raise RecipeError(
            f"{name}: no such file, and no recipe of that name ships with datagen."
            f"{near(name, known)} 'datagen list recipes' shows them",
            path=name,
        )
    if file.stem in known and file.suffix == _SUFFIX and not file.exists():
        raise RecipeError(
            f"{name}: no such file. The recipe that ships with datagen is named {file.stem!r}, "
            "without folder and ending",
            path=name,
        )
    return file


def _title(path: Path) -> str:
    """Return the first sentence of the comment at the top of a recipe."""
    words: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("# "):
            break
        words.append(line.removeprefix("# "))
    return f"{' '.join(words).partition('. ')[0].removesuffix('.')}."
