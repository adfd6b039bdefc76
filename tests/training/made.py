"""A recipe that a few steps of training take seconds on, and the command to train."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml

from datagen.cli.main import run
from datagen.engine import InlineEngine
from datagen.faces.index import FaceIndex
from datagen.faces.indexing.build import FaceLimits, build_index
from datagen.recipe import Recipe, load_recipe
from datagen.rights import Purpose
from tests.support.small.faceswap import CARD, RECIPE

__all__ = ["TINY", "index_of", "make_recipe", "train"]

TINY = (
    "--size",
    "64",
    "--width",
    "4",
    "--batch",
    "2",
    "--min-images",
    "3",
    "--every",
    "2",
    "--inline",
)


def make_recipe(
    folder: Path, people: int = 3, images: int = 3, card: Any = None, **changes: Any
) -> Path:
    """Write card and recipe of a few people who don't exist."""
    folder.mkdir(parents=True, exist_ok=True)
    body = copy.deepcopy(CARD) | (card or {})
    body["options"] = {"identities": people, "images_per_identity": images, "seed": 1, "size": 192}
    (folder / "card.yaml").write_text(yaml.safe_dump(body), encoding="utf-8")
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump({**RECIPE, **changes}), encoding="utf-8")
    return path


def train(recipe: Path, out: Path, *options: str) -> int:
    """Run ``datagen train`` in this process; return its exit code."""
    return run(["train", str(recipe), "-o", str(out), *TINY, *options])


def index_of(recipe: Path) -> tuple[Recipe, FaceIndex]:
    """Return the recipe, without its methods, and its face index."""
    loaded = load_recipe(recipe, ["methods=[{use: self_blend, share: 1}]"])
    use = Purpose(use="research", redistribute=True)
    built = build_index(
        loaded.sources(),
        loaded.analyzer(),
        FaceLimits(40, 60.0),
        use,
        InlineEngine,
        lambda done, total: None,
    )
    return loaded, built.index
