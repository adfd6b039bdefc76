"""The rights gate is asked about every weight file that a recipe loads."""

from __future__ import annotations

from pathlib import Path

import pytest

from datagen.errors import RightsError
from datagen.generation.prepare import prepare
from datagen.recipe import load_recipe

QUICK = Path(__file__).parents[2] / "recipes" / "quickstart.yaml"


@pytest.mark.parametrize("analysis", [False, True])
@pytest.mark.parametrize(
    ("purpose", "said"),
    [
        ({"use": "commercial", "redistribute": False}, "commercial use"),
        ({"use": "research", "redistribute": True}, "redistributing altered copies"),
    ],
)
def test_the_pack_of_an_analyzer_must_cover_the_purpose(
    purpose: dict[str, object], said: str, analysis: bool
) -> None:
    changes = {
        "face.analyzer": "insightface",
        "methods": [{"use": "self_blend", "share": 1}],
        "purpose": purpose,
    }
    with pytest.raises(RightsError, match=f"insightface_buffalo_l.*does not permit {said}"):
        prepare(load_recipe(QUICK, changes), analysis)
    changes["purpose"] = {"use": "research", "redistribute": False}
    cards = prepare(load_recipe(QUICK, changes), analysis).weights
    assert [card.id for card in cards] == ["insightface_buffalo_l"]
