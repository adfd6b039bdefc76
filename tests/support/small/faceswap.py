"""A small autoencoder of people who don't exist, truly trained by ``datagen train``."""

from __future__ import annotations

import functools
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import yaml

from datagen.cli.main import run

__all__ = ["FACESWAP", "build_faceswap", "train_faceswap"]

FACESWAP = "small_faceswap"
PEOPLE = ("p0000000", "p0000012")
# Images from this number on are kept for looking at what was learned.
IMAGES = 40

CARD: dict[str, Any] = {
    "id": "procedural",
    "title": "People who don't exist",
    "license": "CC0-1.0",
    "consent": {
        "basis": "synthetic",
        "alteration": True,
        "commercial": True,
        "redistribution": True,
        "adults_only": True,
        "words": "Nobody: computed by a program.",
    },
    "layout": "procedural",
    "options": {"identities": 13, "images_per_identity": IMAGES, "seed": 1, "size": 192},
}

RECIPE: dict[str, Any] = {
    "name": "faceswap",
    "seed": 1,
    "purpose": {"use": "research", "redistribute": True},
    "sources": [{"card": "card.yaml"}],
    "splits": {"train": 8},
    "split": {"shares": {"train": 1}},
    "face": {"size": 160, "analyzer": "given", "min_side": 40},
    "methods": [{"use": "autoencoder_swap", "share": 1, "weights": FACESWAP}],
}
HOW = ("--size", "64", "--width", "16", "--batch", "4", "--rate", "1e-3", "--every", "1200")


def train_faceswap(recipe: Path, out: Path, *options: str) -> None:
    """Run ``datagen train`` with the small network's shape."""
    code = run(["train", str(recipe), "-o", str(out), "--inline", *HOW, *options])
    assert code == 0, f"datagen train ended with {code}"


@functools.cache
def _trained() -> Path:
    """Train once in a process; the folder lies in the tests' cache."""
    folder = Path(tempfile.mkdtemp(dir=os.environ.get("DATAGEN_CACHE")))
    (folder / "card.yaml").write_text(yaml.safe_dump(CARD), encoding="utf-8")
    recipe = folder / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(RECIPE), encoding="utf-8")
    train_faceswap(recipe, folder / "out", "--identities", ",".join(PEOPLE), "--steps", "1200")
    return folder / "out"


def build_faceswap(folder: Path) -> dict[str, dict[str, Any]]:
    """Write trained weights of two people into a folder for ``DATAGEN_WEIGHTS``."""
    shutil.copytree(_trained() / "weights", folder, dirs_exist_ok=True)
    return {"autoencoder_swap": {"weights": FACESWAP}}
