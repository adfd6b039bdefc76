"""Indexes, recipes and plans without files: identities as stated, with random landmarks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datagen.core.digests import digest_of
from datagen.core.rng import rng
from datagen.faces.crop import face_box
from datagen.faces.index import FaceIndex
from datagen.planning import Plan
from datagen.planning.splits import Identity
from datagen.recipe import Recipe, RecipeSpec
from tests.sources.trees import card

RECIPE: dict[str, Any] = {
    "name": "made",
    "seed": 5,
    "purpose": {"use": "research"},
    "sources": [{"card": "faces.yaml"}],
    "splits": {"train": 60, "test": 40},
    "split": {"shares": {"train": "3/5", "test": "2/5"}},
    "face": {"analyzer": "given"},
    "methods": [
        {"use": "self_blend", "share": 0.5},
        {"use": "landmark_swap", "share": 0.5, "donor": {"strategy": "random"}},
    ],
    "shard_pairs": 7,
}

ETHNICITIES = ("east asian", "black", "white")


def made_points(*name: str | int) -> NDArray[np.float32]:
    """Return 68 scattered points named by ``name``."""
    return rng("made", *name).normal(300, 60, (68, 2)).astype(np.float32)


def row(source: str, identity: str, image_id: str, **stated: Any) -> dict[str, Any]:
    """Return one row of an index."""
    points = made_points(source, image_id)
    return {
        "source": source,
        "image_id": image_id,
        "face_no": 0,
        "path": f"{image_id}.jpg",
        "sha256": digest_of([source, image_id]),
        "identity": identity,
        "official_split": None,
        "width": 600,
        "height": 600,
        "orientation": 1,
        "box": face_box(points).tolist(),
        "landmarks": points.ravel().tolist(),
        "mesh": None,
        "yaw": 1.0,
        "pitch": 2.0,
        "roll": 3.0,
        "age": 30.0,
        "sex": "female",
        "ethnicity": "white",
        "license": None,
        "attribution": None,
        "phash": "0123456789abcdef",
        "embedding": None,
        "extra": None,
        **stated,
    }


def rows(
    identities: int = 20,
    images: int = 2,
    source: str = "faces",
    **stated: Callable[[int], Any],
) -> list[dict[str, Any]]:
    """Return the rows of some identities; ``stated`` gives a column from the identity's number."""
    plain: dict[str, Callable[[int], Any]] = {
        "sex": lambda number: ("female", "male")[number % 2],
        "age": lambda number: 20.0 + number % 40,
        "ethnicity": lambda number: ETHNICITIES[number % 3],
    }
    return [
        row(
            source,
            f"p{number:03d}",
            f"p{number:03d}_{image}",
            **{name: give(number) for name, give in (plain | stated).items()},
        )
        for number in range(identities)
        for image in range(images)
    ]


def loaded(card_ids: Iterable[str] = ("faces",), **changes: Any) -> Recipe:
    """Return a recipe with a card for each of ``card_ids``."""
    recipe = RecipeSpec.model_validate({**RECIPE, **changes})
    cards = tuple(card("folder", id=name) for name in card_ids)
    return Recipe(recipe, "made.yaml", cards)


def made_plan(index: FaceIndex | None = None, **changes: Any) -> Plan:
    """Return a plan over one source."""
    return Plan(loaded(**changes), index or FaceIndex.from_rows(rows()))


def identity(number: int = 0, **changes: Any) -> Identity:
    """Return one identity."""
    plain: dict[str, Any] = {
        "source": "faces",
        "name": f"p{number:04d}",
        "sex": None,
        "ethnicity": None,
        "age": None,
    }
    return Identity(**{**plain, **changes})
