"""The rights gate is asked about every weight file, and a listing tells whom it found."""

from __future__ import annotations

from pathlib import Path

import pytest

from datagen.core.progress import Progress
from datagen.engine import InlineEngine
from datagen.errors import RightsError
from datagen.faces.indexing.build import BuiltIndex
from datagen.generation import prepare as module
from datagen.generation.prepare import index_faces, prepare
from datagen.recipe import load_recipe
from tests.planning.made import made_plan
from tests.sources.trees import source

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


@pytest.mark.parametrize(("layout", "identities"), [("folder", 3), ("folder", 1), ("table", 1)])
def test_a_listing_tells_its_identities(
    layout: str,
    identities: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    built = BuiltIndex(listed={"faces": (12, identities)})
    monkeypatch.setattr(module, "build_index", lambda *_: built)
    prepared = prepare(load_recipe(QUICK))
    index_faces(prepared, [source(layout, tmp_path)], InlineEngine, Progress())
    told = capsys.readouterr().err
    people = "1 identity" if identities == 1 else "3 identities"
    assert (f"source 'faces': {people} in 12 files" in told) == (layout == "folder")
    assert ("warning: source 'faces': only 1 identity" in told) == (identities == 1)
    assert ("<root>/<identity>/<image>" in told) == (layout == "folder" and identities == 1)


def test_a_limit_above_the_plan_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    plan = made_plan()
    for limit in (None, 99, 100):
        module.note_limit(plan, limit, Progress())
    assert capsys.readouterr().err == ""
    module.note_limit(plan, 1000, Progress())
    assert capsys.readouterr().err == "limit 1,000: the plan has only 100 pairs\n"
