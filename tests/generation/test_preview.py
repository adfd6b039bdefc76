from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import datagen as dg
from tests.support.world import World


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"face": "face.jpg"}, "face: must come from open_index (found 'face.jpg'): loose photog"),
        ({"face": None}, "face: must come from open_index (found None)"),
        ({"donor": np.zeros((9, 9, 3))}, "donor: must come from open_index (found ndarray)"),
        ({"options": "parts"}, "options: must be a mapping such as {'parts': ['mouth']}"),
        ({"method": 5}, "method: must be the name of a method or a built one (found 5)"),
        ({"seed": 1.5}, "seed: must be a whole number of at least 0 (found 1.5)"),
        ({"seed": None}, "seed: must be a whole number of at least 0 (found None)"),
    ],
)
def test_preview_names_a_wrong_argument(world: World, change: dict[str, Any], words: str) -> None:
    faces = dg.open_index(world.recipe, inline=True, progress=False)
    with pytest.raises(dg.RecipeError) as caught:
        dg.preview(**{"method": "self_blend", "face": faces[0], **change})
    assert words in str(caught.value)
