"""Where the images of a source are: the key ``root``, and what a recipe may name at all.

A recipe may be a stranger's. So only variables that are meant for folders are expanded, and only as
the beginning of a root: never into the host or the path of an address, which would send them away.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from datagen.core.addresses import problem_of_address
from datagen.errors import RecipeError

__all__ = ["card_path", "check_root", "source_root", "unset_variables"]

_VARIABLE = re.compile(r"\$\{([^{}]*)\}|\$(\w+)")
_ALLOWED = re.compile(r"[A-Za-z0-9_]*_ROOT|DATAGEN_LONDON", re.ASCII)


def check_root(root: str, recipe: str, number: int) -> None:
    """Check the variables in a source's root, set or not.

    Args:
        root: The root as written.
        recipe: The recipe's file, for messages.
        number: Position of the source in the recipe, for messages.

    Raises:
        RecipeError: A variable is not one of those that are expanded, or not the beginning; or
            the address is none of storage.
    """
    if problem := problem_of_address(root):
        raise _error(problem, recipe, number)
    for found in _VARIABLE.finditer(root):
        name = found[1] or found[2]
        if not _ALLOWED.fullmatch(name or ""):
            raise _error(
                f"the environment variable {name!r} is not expanded: only names that end in _ROOT "
                "are, and DATAGEN_LONDON",
                recipe,
                number,
            )
        if found.start() or root[found.end() : found.end() + 1] not in ("", "/"):
            raise _error(
                f"{found.group()} must be the beginning, and a slash or nothing must follow: it "
                "is not put into addresses and names",
                recipe,
                number,
            )


def source_root(root: str, recipe: str, number: int) -> str:
    """Return a source's root with its variable expanded, absolute unless it is a URL.

    Args:
        root: The root as written; a relative one starts at the recipe's folder.
        recipe: The recipe's file.
        number: Position of the source in the recipe, for messages.

    Raises:
        RecipeError: See ``check_root``; or the variable is not set or empty.
    """
    check_root(root, recipe, number)
    for name in unset_variables(root):
        raise _error(
            f"environment variable {name} is not set. Set it to the source's folder, or pass "
            f"--set sources.{number}.root=/path/to/folder",
            recipe,
            number,
        )
    root = _VARIABLE.sub(lambda found: os.environ[found[1] or found[2]], root)
    if not root or "://" in root:
        return root
    try:
        return str(Path(recipe).resolve().parent / Path(root).expanduser())
    except (OSError, RuntimeError) as error:  # no such user behind ~, a circle of links
        raise _error(f"cannot be resolved: {error}", recipe, number) from None


def unset_variables(root: str) -> list[str]:
    """Return the environment variables that a source's root names and that are not set."""
    names = [braced or plain for braced, plain in _VARIABLE.findall(root)]
    return [name for name in names if not os.environ.get(name)]


def card_path(card: str, recipe: Path, number: int, allow_outside: bool) -> Path:
    """Return the path of a source card, which lies in the recipe's folder or below it.

    Args:
        card: The card as written, relative to the recipe.
        recipe: The recipe's file.
        number: Position of the source in the recipe, for messages.
        allow_outside: Whether the card may lie anywhere.

    Raises:
        RecipeError: It lies elsewhere, perhaps through a link.
    """
    if "://" in card:
        raise _error("is an address: a card is a file", str(recipe), number, "card")
    path = recipe.parent / card
    if allow_outside:
        return path
    try:
        found = path.resolve()
        inside = any(
            found.is_relative_to(folder)
            for folder in (recipe.parent.resolve(), recipe.resolve().parent)
        )
    except (OSError, RuntimeError, ValueError) as error:
        raise _error(f"{card!r} cannot be resolved: {error}", str(recipe), number, "card") from None
    if not inside:
        raise _error(
            f"{card!r} lies outside of the recipe's folder. Copy the card there, or allow it "
            "with --allow-outside (in Python: allow_outside=True)",
            str(recipe),
            number,
            "card",
        )
    return path


def _error(problem: str, recipe: str, number: int, key: str = "root") -> RecipeError:
    where = f"sources[{number}].{key}"
    return RecipeError(f"{recipe}: {where}: {problem}", path=recipe, key=where)
