"""A small world for runs that make clips: moving people who don't exist, rendered on demand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from datagen.cli.main import run

CARD = Path(__file__).parents[2] / "recipes" / "cards" / "procedural.yaml"

CLIP_RECIPE: dict[str, Any] = {
    "name": "small-clips",
    "seed": 7,
    "purpose": {"use": "research", "redistribute": True},
    "sources": [
        {
            "card": "procedural.yaml",
            "options": {
                "identities": 9,
                "images_per_identity": 1,
                "seed": 2,
                "size": 160,
                "video": {"per_identity": 1, "seconds": 0.4},
            },
        }
    ],
    "clip": {"frames": 4},
    "splits": {"train": 4, "test": 4},
    "split": {"shares": {"train": "2/3", "test": "1/3"}},
    "face": {"size": 96, "analyzer": "given", "min_side": 40, "jitter": {"shift": 0.02}},
    "methods": [
        {"use": "self_blend", "share": 0.5, "min_change": 0.5},
        {"use": "landmark_swap", "share": 0.5, "min_change": 0.5},
    ],
    "encode": {"format": "mp4", "codec": "h264", "crf": 20, "gop": 4, "preset": "veryfast"},
    "controls": 0.5,
    "shard_pairs": 2,
}


@dataclass(frozen=True)
class ClipWorld:
    """The folder of the small world of clips."""

    folder: Path

    @property
    def recipe(self) -> Path:
        return self.folder / "recipe.yaml"

    def write_recipe(self, name: str = "recipe.yaml", **changes: Any) -> Path:
        path = self.folder / name
        path.write_text(yaml.safe_dump({**CLIP_RECIPE, **changes}), encoding="utf-8")
        return path

    def generate(self, out: Path | str, *options: str) -> int:
        """Run ``datagen generate`` in this process."""
        return run(["generate", str(self.recipe), "-o", str(out), *options])


def make_clip_world(folder: Path) -> ClipWorld:
    """Write card and recipe; nothing is rendered yet."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "procedural.yaml").write_bytes(CARD.read_bytes())
    made = ClipWorld(folder)
    made.write_recipe()
    return made
