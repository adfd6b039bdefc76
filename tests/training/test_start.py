"""The terms that a trained network takes over from the networks that it learned from."""

from __future__ import annotations

from pathlib import Path

import pytest

from datagen.recipe import load_recipe
from datagen.training.start import learned_from
from datagen.weights.store import weight_store

QUICK = Path(__file__).parents[2] / "recipes" / "quickstart.yaml"
METHODS = [{"use": "self_blend", "share": 1}]


@pytest.mark.parametrize(
    ("analyzer", "found"),
    [("given", []), ("mediapipe", []), ("insightface", ["insightface_buffalo_l"])],
)
def test_an_analyzer_counts_where_its_terms_restrict(
    analyzer: str, found: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(tmp_path))
    purpose = {"use": "research", "redistribute": False}
    changes = {"face.analyzer": analyzer, "methods": METHODS, "purpose": purpose}
    recipe = load_recipe(QUICK, changes)
    assert [card.id for card in learned_from(recipe)] == found
    embedder = weight_store().card("mobileface")
    assert [card.id for card in learned_from(recipe, [embedder])] == ["mobileface", *found]
