"""Frozen results of real, trained networks on the frozen faces, which nobody has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from datagen.core.rng import rng
from datagen.engine import InlineEngine
from datagen.methods import METHODS, Context
from datagen.networks.onnx.enhance import open_enhancer
from datagen.networks.onnx.identity import open_identity
from datagen.planning import Plan
from datagen.recipe import load_recipe
from datagen.weights.store import weight_store
from tests.golden.made import FOLDER, Frozen, Made, inputs
from tests.support.world import index_of

__all__ = [
    "ENHANCERS",
    "METHODS_OF",
    "NETWORKS",
    "NUMBERS",
    "files",
    "freeze_networks",
    "make_network",
    "numbers",
]

NETWORKS = FOLDER / "trained"
NUMBERS = NETWORKS / "numbers.json"
RECIPE = Path(__file__).parents[2] / "recipes" / "quickstart.yaml"

# Name of the pictures: method and weights.
METHODS_OF = {
    "taef2": "vae_reconstruct",
    "esrgan_slim_x2": "gan_upsample",
    "esrgan_slim_x4": "gan_upsample",
    "edit_esrgan_slim_x4": "onnx_edit",
}
ENHANCERS = ("enhance_esrgan_slim_x4", "enhance_realesrgan_x4plus")
_EMBEDDERS = ("mobileface", "faceres")
_SHOWN = 16  # numbers of an embedding


def files(name: str) -> str:
    """Return the id of the card that a name stands for."""
    return name.removeprefix("edit_").removeprefix("enhance_")


def make_network(name: str) -> Made:
    """Make what a network makes today."""
    target, _ = inputs()
    card = weight_store().card(files(name))
    if name in ENHANCERS:
        image = open_enhancer(card.id, "cpu", 1)(target.image, target.landmarks, 1.0)
        return Made("methods", name, 1, {"fake": image}, card.sha256)
    kind = METHODS.load(METHODS_OF[name])
    method = kind.build({"weights": card.id, "batch": 1})
    ctx = Context(target)
    params = method.sample(rng("golden", name), ctx)
    result = method.apply(ctx, params)
    parts = {"fake": result.image, "mask": result.mask}
    if method.has_control:
        parts["control"] = method.control(ctx, params)
    return Made("methods", name, kind.version, parts, card.sha256)


def numbers() -> dict[str, Any]:
    """Return embeddings of the frozen faces, and donors that were chosen by embeddings."""
    found: dict[str, Any] = {}
    for name in _EMBEDDERS:
        network = open_identity(name)
        one, other = (network.face(face.image, face.landmarks) for face in inputs())
        found[name] = {
            "target": np.round(one[:_SHOWN].astype(float), 5).tolist(),
            "cosine": round(float(one @ other), 5),
        }
    return found | {"donors": _donors()}


def _donors() -> list[list[str]]:
    method = {"use": "landmark_swap", "share": 1, "donor": {"embedding": [0.1, 0.7]}}
    recipe = load_recipe(
        RECIPE,
        {
            "face.embedder": "mobileface",
            "methods": [method],
            "sources.0.options": {"identities": 12, "images_per_identity": 1},
            "splits": {"train": 8},
            "purpose": {"use": "research", "redistribute": False},
            "split.shares": {"train": 1},
        },
    )
    index = index_of(recipe, InlineEngine()).index
    plan, names = Plan(recipe, index), index.column("image_id")
    items = [plan.item("train", number) for number in range(8)]
    return [[names[item.target], names[item.donor]] for item in items if item.donor is not None]


def freeze_networks() -> dict[str, bool]:
    """Freeze all of them, and return which are new; see ``Frozen.freeze``."""
    frozen = Frozen(NETWORKS)
    new = {name: frozen.freeze(make_network(name)) for name in (*METHODS_OF, *ENHANCERS)}
    frozen.write()
    NUMBERS.write_text(json.dumps(numbers(), indent=1) + "\n", encoding="utf-8")
    return new
