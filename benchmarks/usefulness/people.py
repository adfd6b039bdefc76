"""Whose faces train, choose and report: the same people for every configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from datagen.core.progress import Progress
from datagen.engine import InlineEngine
from datagen.faces.crop import CropJitter
from datagen.faces.face import FaceCrop
from datagen.faces.index import FaceIndex
from datagen.faces.reader import FaceReader
from datagen.generation.prepare import index_faces, prepare
from datagen.planning import Plan
from datagen.recipe import Recipe, load_recipe

__all__ = ["PARTS", "PEOPLE", "SIZE", "Part", "People", "PeopleName", "recipe_of"]

PeopleName: TypeAlias = Literal["london", "procedural"]
Part: TypeAlias = Literal["train", "choose", "report"]

SIZE = 256
PARTS: Mapping[Part, Literal["train", "val", "test"]] = {
    "train": "train",
    "choose": "val",
    "report": "test",
}
_RECIPES = Path(__file__).resolve().parents[2] / "recipes"
_FACE = {
    "size": SIZE,
    "margin": 1.3,
    "min_side": 96,
    "max_yaw": 60,
    "jitter": {"shift": 0.04, "scale": [0.95, 1.08], "rotate": 5, "flip": 0.5},
}
_LITTLE = {"identities": 30, "images_per_identity": 2, "seed": 17, "size": 384}


@dataclass(frozen=True, slots=True)
class _Base:
    """A recipe of the repository, the shares of its identities, and the changed keys."""

    recipe: str
    shares: Mapping[str, str]
    analyzer: str


PEOPLE: Mapping[PeopleName, _Base] = {
    "london": _Base(
        "london.yaml", {"train": "25/53", "val": "10/53", "test": "18/53"}, "mediapipe"
    ),
    "procedural": _Base(
        "benchmark-procedural.yaml", {"train": "0.6", "val": "0.15", "test": "0.25"}, "given"
    ),
}


def recipe_of(people: PeopleName, changes: Mapping[str, Any], little: bool = False) -> Recipe:
    """Return the recipe of a training release; who is in which split never changes.

    Args:
        people: Whose faces.
        changes: Keys such as ``methods`` and ``splits``.
        little: Of the procedural people, thirty instead of 400: checks the plumbing.
    """
    base = PEOPLE[people]
    fixed: dict[str, Any] = {
        "name": f"usefulness-{people}",
        "seed": 17,
        "split": {"shares": dict(base.shares), "from": "hash", "stratify": ["sex"]},
        "face": {**_FACE, "analyzer": base.analyzer},
        "encode": {"format": "jpeg", "quality": [75, 95], "subsampling": ["4:2:0", "4:4:4"]},
        "controls": 0,
        "rejects": {"max_share": 0.1, "max_count": None},
    }
    if people == "procedural" and little:
        fixed["sources.0.options"] = _LITTLE
    return load_recipe(_RECIPES / base.recipe, {**fixed, **changes})


class People:
    """The faces of one set of people, by part.

    Args:
        name: Whose faces.
        little: See ``recipe_of``.
    """

    def __init__(self, name: PeopleName, little: bool = False) -> None:
        self.name = name
        self.little = little
        # The number of pairs and the methods play no part in who is in which split.
        recipe = recipe_of(name, {"splits": {"train": 10, "val": 10, "test": 10}}, little)
        sources = recipe.sources()
        self.index: FaceIndex = index_faces(
            prepare(recipe), sources, InlineEngine, Progress(shown=False)
        ).index
        self._plan = Plan(recipe, self.index)
        self._reader = FaceReader(
            {source.card.id: source for source in sources}, SIZE, recipe.spec.face.margin
        )

    def faces(self, part: Part) -> list[int]:
        """Return the rows of the index whose people are in a part."""
        return [int(row) for row in self._plan.faces(PARTS[part])]

    def identity(self, row: int) -> str:
        """Return the identity of a face, as ``source/identity``."""
        face = self.index.face(row)
        return f"{face.source}/{face.identity}"

    def identities(self, part: Part) -> set[str]:
        """Return the identities of a part."""
        return {self.identity(row) for row in self.faces(part)}

    def sex(self, row: int) -> str | None:
        """Return the sex that the source states for a face."""
        return self.index.face(row).sex

    def crop(self, row: int, jitter: CropJitter) -> FaceCrop:
        """Return the crop of a face."""
        return self._reader.crop(self.index.face(row), jitter)[0]
