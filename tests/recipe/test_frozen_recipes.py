"""Recipes with a frozen manifest state every option, so that later defaults do not reach them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from datagen.methods import METHODS
from datagen.recipe import MethodUse, Recipe, RecipeSpec, load_recipe
from datagen.recipe.schema import DonorRule
from datagen.sources import SOURCES, load_card

ROOT = Path(__file__).parents[2]
FOR_CLIPS = {
    "clip",
    "face.embedder",
    "methods.donor.frames",
    "methods.identity",
    "sources.options.video",
}  # no recipe of images may have them
FROZEN = sorted(path.stem for path in (ROOT / "manifests").glob("*.parquet"))


def unstated(model: type[BaseModel], written: dict[str, Any], where: str) -> Iterator[str]:
    """Yield the keys of a model, and of the models in it, that are not written out."""
    for name, field in model.model_fields.items():
        key = field.alias or name
        if key not in written and re.sub(r"\[\d+\]", "", f"{where}{key}") not in FOR_CLIPS:
            yield f"{where}{key}"
        elif (
            key in written
            and isinstance(field.annotation, type)
            and issubclass(field.annotation, BaseModel)
        ):
            yield from unstated(field.annotation, written[key], f"{where}{key}.")


def unstated_in_recipe(written: dict[str, Any], folder: Path) -> Iterator[str]:
    yield from unstated(RecipeSpec, written, "")
    for n, entry in enumerate(written["sources"]):
        layout = SOURCES.load(load_card(folder / entry["card"]).layout)
        yield from unstated(layout.options, entry.get("options", {}), f"sources[{n}].options.")
        yield from (f"sources[{n}].{key}" for key in ("root", "splits") if key not in entry)
    for n, entry in enumerate(written["methods"]):
        method = METHODS.load(entry["use"])
        where = f"methods[{n}]."
        missing = {*unstated(MethodUse, entry, where), *unstated(method.options, entry, where)}
        if method.needs_donor and "donor" in entry:
            yield from unstated(DonorRule, entry["donor"], f"{where}donor.")
        yield from sorted(missing - (set() if method.needs_donor else {f"{where}donor"}))


@pytest.mark.parametrize("name", FROZEN)
def test_a_frozen_recipe_states_every_option(name: str) -> None:
    path = ROOT / "recipes" / f"{name}.yaml"
    written = yaml.safe_load(path.read_text())
    assert list(unstated_in_recipe(written, path.parent)) == []
    assert all(entry["min_change"] is not None for entry in written["methods"])


def test_a_left_out_option_is_found() -> None:
    path = ROOT / "recipes" / "benchmark-procedural.yaml"
    written = yaml.safe_load(path.read_text())
    del written["rejects"]["max_count"], written["methods"][1]["donor"]["fallback"]
    del written["methods"][0]["erode"], written["sources"][0]["options"]["size"]
    assert set(unstated_in_recipe(written, path.parent)) == {
        "rejects.max_count",
        "methods[1].donor.fallback",
        "methods[0].erode",
        "sources[0].options.size",
    }


def written_out(recipe: Recipe) -> dict[str, Any]:
    """Return a recipe with today's defaults written into it."""
    body: dict[str, Any] = recipe.spec.model_dump(mode="json", by_alias=True)
    for entry, method in zip(body["methods"], recipe.methods, strict=True):
        entry |= method.config.model_dump(mode="json")
        entry["min_change"] = entry["min_change"] or method.min_change
        if method.needs_donor:
            entry["donor"] = entry["donor"] or DonorRule().model_dump(mode="json")
    for entry, card in zip(body["sources"], recipe.cards, strict=True):
        layout = SOURCES.load(card.layout)
        entry["options"] = layout.configure(card, entry["options"], "").model_dump(mode="json")
    return body


@pytest.mark.parametrize("name", ["quickstart", "benchmark-procedural", "london"])
def test_writing_out_the_defaults_keeps_the_digest(name: str) -> None:
    path = ROOT / "recipes" / f"{name}.yaml"
    recipe = load_recipe(path)
    body = written_out(recipe)
    for entry in body["methods"]:
        if entry["donor"] is None:
            del entry["donor"]
    assert load_recipe(path, body).digest == recipe.digest


# Wider or clearer since: what a recipe that doesn't name them had.
DEFAULTS_BEFORE: dict[str, dict[str, object]] = {
    "morph": {"min_factor": 0.3, "max_factor": 0.5, "likeness": "varied"},
    "landmark_swap": {"identity": "varied"},
    "mesh_swap": {"identity": "varied"},
    "cross_blend": {"identity": "varied"},
    "self_blend": {
        "rgb": [-15, 15],
        "hue": [-10, 10],
        "saturation": [0.75, 1.25],
        "value": [0.85, 1.15],
        "brightness": [-0.1, 0.1],
        "contrast": [0.9, 1.1],
        "reduce": [1.5, 3.0],
        "kernels": ["area"],
        "blur": [0.01, 0.06],
    },
}


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("quickstart", "5952cafe09d16dce"),
        ("london", "208a1b7f00ba718e"),
        ("robustness-ladder", "63898fcfce9ac5a3"),
        ("benchmark-procedural", "c91c3828a608f1f8"),
    ],
)
def test_recipes_of_images_keep_the_digest_that_they_had_before_there_were_clips(
    name: str, digest: str
) -> None:
    path = ROOT / "recipes" / f"{name}.yaml"
    uses = [use.use for use in load_recipe(path).spec.methods]
    options = {
        f"methods.{uses.index(method)}.{key}": value
        for method, before in DEFAULTS_BEFORE.items()
        for key, value in (before.items() if method in uses else ())
    }
    assert load_recipe(path, options).digest[:16] == digest
