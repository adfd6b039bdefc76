"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from datagen.recipe.shipped import shipped_recipes

__all__ = [
    "Address",
    "AllowOutside",
    "FramePooling",
    "Inline",
    "Json",
    "Limit",
    "PluginFiles",
    "RecipeFile",
    "ReleaseFolder",
    "Set",
    "ShardTimeout",
    "Workers",
]


def _recipes_beginning(incomplete: str) -> list[str]:
    """Return what a shell completes for a recipe: shipped names, YAML files and folders."""
    names = [recipe.name for recipe in shipped_recipes() if recipe.name.startswith(incomplete)]
    folder, _, beginning = incomplete.rpartition("/")
    place = Path(folder or ("/" if incomplete.startswith("/") else "."))
    found = sorted(place.glob(f"{beginning}*")) if place.is_dir() else []
    files = [str(path) for path in found if path.suffix in (".yaml", ".yml")]
    return [*names, *files, *(f"{path}/" for path in found if path.is_dir())]


RecipeFile = Annotated[
    Path,
    typer.Argument(
        metavar="RECIPE",
        help="Recipe: a YAML file, or the name of a shipped one ('datagen list recipes').",
        show_default=False,
        autocompletion=_recipes_beginning,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON (docs/running.md names its keys).")]
FramePooling = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--pooling",
        metavar="RULE",
        help="How scores of frames become those of clips: mean, max, or top:0.1, the mean of the "
        "highest tenth.",
    ),
]
ReleaseFolder = Annotated[
    str,
    typer.Argument(metavar="OUT", help="Folder or address of the release.", show_default=False),
]
Set = Annotated[
    Optional[list[str]],  # noqa: UP045  # typer reads the annotation at run time
    typer.Option(
        "--set",
        metavar="KEY.PATH=VALUE",
        help="Override a key of the recipe, e.g. splits.train=100 or "
        "'splits={train: 100, test: 20}'; may be repeated.",
    ),
]
PluginFiles = Annotated[
    Optional[list[Path]],  # noqa: UP045
    typer.Option(
        "--plugin",
        metavar="FILE.py",
        help="Python file that defines methods or degradations; may be repeated.",
    ),
]
AllowOutside = Annotated[
    bool,
    typer.Option(
        "--allow-outside",
        help="Read cards outside of the recipe's folder, and tables outside of a source's root.",
    ),
]
Limit = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(
        "--limit",
        min=1,
        metavar="N",
        help="Take only the first N pairs (base pairs, with a ladder), shared proportionally "
        "among the splits.",
    ),
]
Workers = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option("--workers", min=1, metavar="N", help="Parallel tasks; default: one per CPU."),
]
Address = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--address",
        metavar="ADDRESS",
        help="Ray cluster to join: auto, HOST:PORT or ray://HOST:PORT; default: start one here.",
    ),
]
ShardTimeout = Annotated[
    Optional[float],  # noqa: UP045
    typer.Option(
        "--shard-timeout",
        metavar="SECONDS",
        help="Give up a shard that takes longer; default: wait, and say so after a minute.",
    ),
]
Inline = Annotated[
    bool,
    typer.Option("--inline", help="Run in this process, without Ray, for use with a debugger."),
]
