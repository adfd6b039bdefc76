from __future__ import annotations

from pathlib import Path

import pytest

from datagen.errors import CardError, RecipeError
from datagen.recipe import load_recipe
from tests.support.world import World


def test_a_card_that_is_not_there_names_the_key_of_the_recipe(own_world: World) -> None:
    (own_world.folder / "nobody.yaml").unlink()
    with pytest.raises(CardError) as caught:
        load_recipe(own_world.recipe)
    assert caught.value.key == "sources[0].card"
    assert str(caught.value.path).endswith("recipe.yaml")


def test_the_location_of_a_mistake_is_an_attribute(own_world: World, tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(own_world.recipe, ["=3"])
    assert "--" not in str(caught.value)
    with pytest.raises(RecipeError) as caught:
        load_recipe(own_world.recipe, {"splits.train": {1}})
    assert caught.value.key == "splits.train"
    with pytest.raises(RecipeError) as caught:
        load_recipe(own_world.recipe, plugins=tmp_path / "gone.py")
    assert caught.value.path == str(tmp_path / "gone.py")
