from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from datagen.errors import RecipeError, RightsError
from datagen.faces.analyzers.given import Given
from datagen.faces.index import FaceIndex
from datagen.planning import Plan
from datagen.planning.donors import DonorPool
from datagen.planning.mixing import Mixing, mixing_of
from datagen.recipe import Recipe, RecipeSpec
from datagen.recipe.schema import DonorRule
from datagen.rights import combine, source_terms
from tests.sources.trees import card

from .made import RECIPE, identity, made_points, rows

SHARED = {"use": "research", "redistribute": True}
CONSENT = {"basis": "signed", "alteration": True, "redistribution": True, "words": "yes"}
LICENSES = ("CC-BY-SA-4.0", "CC-BY-NC-SA-4.0", "CC-BY-4.0", "CC0-1.0", "CC-BY-NC-4.0", None)


def recipe(**changes: Any) -> Recipe:
    spec = RecipeSpec.model_validate({**RECIPE, "purpose": SHARED, **changes})
    return Recipe(spec, "made.yaml", (card("folder", attribution="Us", consent=CONSENT),))


def index(license: Callable[[int], str | None], identities: int = 24) -> FaceIndex:
    return FaceIndex.from_rows(rows(identities, license=license))


def planned(plan: Plan) -> list[tuple[Any, ...]]:
    return [
        (item.pair_id, item.method, item.target, item.donor, item.control)
        for shard in plan.shards()
        for item in plan.items(shard)
    ]


def covered(plan: Plan, of: Recipe, faces: FaceIndex) -> list[bool]:
    """Return for each pair whether what it is made of covers the purpose."""
    purpose, licenses = of.spec.purpose, faces.column("license")
    return [
        purpose.covered_by(
            combine(
                source_terms(of.cards[0], licenses[row], None, purpose)
                for row in (target, donor)
                if row is not None
            )
        )
        for _, _, target, donor, _ in planned(plan)
    ]


def test_share_alike_licenses_are_never_mixed() -> None:
    faces = index(lambda number: LICENSES[number % 2])
    for strategy in ("random", "nearest_landmarks", "nearest_pose"):
        swap = {"use": "landmark_swap", "share": 1, "donor": {"strategy": strategy}}
        of = recipe(methods=[swap])
        assert all(covered(Plan(of, faces), of, faces))
    of = recipe(purpose={"use": "research"})
    licenses = faces.column("license")
    pairs = [(target, donor) for _, _, target, donor, _ in planned(Plan(of, faces)) if donor]
    assert {licenses[target] == licenses[donor] for target, donor in pairs} == {True, False}


@settings(max_examples=25)
@given(st.lists(st.sampled_from(LICENSES), min_size=24, max_size=24))
def test_no_plan_has_a_pair_that_may_not_be_shared(drawn: list[str | None]) -> None:
    faces, of = index(lambda number: drawn[number]), recipe()
    with suppress(RecipeError):  # some target may be left without a donor
        assert all(covered(Plan(of, faces), of, faces))


@pytest.mark.parametrize(
    "licenses",
    [
        ("CC-BY-SA-4.0",),
        ("CC-BY-SA-4.0", "CC-BY-4.0", "CC0-1.0", None),
        ("CC-BY-NC-SA-4.0", "CC-BY-NC-4.0", "CC-BY-4.0"),
    ],
)
def test_where_all_may_be_mixed_nothing_changes(licenses: Sequence[str | None]) -> None:
    of = recipe()
    mixed = index(lambda number: licenses[number % len(licenses)])
    assert mixing_of(of, mixed, range(len(mixed)), [0, 1]) == {}
    plain = index(lambda number: None)
    assert planned(Plan(of, mixed)) == planned(Plan(of, plain))


def test_targets_left_alone_by_their_license_are_refused() -> None:
    faces = index(lambda number: "CC-BY-SA-4.0" if number == 3 else "CC-BY-NC-SA-4.0")
    with pytest.raises(RecipeError) as caught:
        Plan(recipe(), faces)
    told = str(caught.value)
    assert "method 'landmark_swap': there is no face of another identity" in told
    assert "(CC-BY-NC-SA-4.0 and CC-BY-SA-4.0 exclude each other) for 2 of" in told
    Plan(recipe(purpose={"use": "research"}), faces)
    Plan(recipe(methods=[{"use": "self_blend", "share": 1}]), faces)


def test_any_is_no_way_around() -> None:
    faces = index(lambda number: LICENSES[number % 2])
    donor = {"strategy": "random", "match": ["ethnicity", "sex"], "fallback": "any"}
    of = recipe(methods=[{"use": "landmark_swap", "share": 1, "donor": donor}])
    assert all(covered(Plan(of, faces), of, faces))


def test_weights_count_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(tmp_path))
    (tmp_path / "cards").mkdir()
    body = yaml.safe_load(
        (Path(__file__).parents[2] / "datagen/weights/cards/gpen_bfr_512.yaml").read_text("utf-8")
    )
    body["license"] = "CC-BY-NC-SA-4.0"
    body.pop("permits", None)
    (tmp_path / "cards" / "gpen_bfr_512.yaml").write_text(yaml.safe_dump(body), "utf-8")
    swap = {"use": "onnx_edit", "share": 1, "weights": "gpen_bfr_512"}
    of = recipe(methods=[swap])
    Plan(of, index(lambda number: "CC-BY-NC-SA-4.0"))
    with pytest.raises(RightsError) as caught:
        Plan(of, index(lambda number: LICENSES[number % 2]))
    assert "targets (CC-BY-SA-4.0) and those of its weights (CC-BY-NC-SA-4.0)" in str(caught.value)
    assert "method 'onnx_edit'" in str(caught.value)


@pytest.mark.parametrize("role", ["analyzer", "embedder"])
def test_networks_that_measure_faces_count_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(tmp_path))
    (tmp_path / "cards").mkdir()
    card = {"id": "mine", "title": "Mine", "file": "mine.onnx", "license": "CC-BY-NC-SA-4.0"}
    (tmp_path / "cards" / "mine.yaml").write_text(yaml.safe_dump(card), "utf-8")
    if role == "analyzer":
        monkeypatch.setattr(Given, "weights", ("mine",))
    face = {**RECIPE.get("face", {}), **({"embedder": "mine"} if role == "embedder" else {})}
    of = recipe(methods=[{"use": "self_blend", "share": 1}], face=face)
    Plan(of, index(lambda number: "CC-BY-NC-SA-4.0"))
    with pytest.raises(RightsError, match=r"those of its weights \(CC-BY-NC-SA-4.0\)"):
        Plan(of, index(lambda number: LICENSES[number % 2]))


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2)), min_size=2, max_size=12),
    st.lists(st.booleans(), min_size=9, max_size=9),
    st.sampled_from([(), ("sex",), ("sex", "ethnicity")]),
    st.sampled_from(["refuse", "any"]),
)
def test_donors_are_counted_as_they_are_listed(
    drawn: list[tuple[int, int]], together: list[bool], match: tuple[str, ...], fallback: str
) -> None:
    people = [
        identity(who, sex=("female", "male", None)[who % 3], ethnicity=("a", "b")[who % 2])
        for who, _ in drawn
    ]
    marks = np.stack([made_points("pool", number) for number in range(len(drawn))])
    kinds = np.array([kind for _, kind in drawn], np.int64)
    matrix = np.array(together, bool).reshape(3, 3)
    mixing = Mixing(kinds, matrix, np.ones(3, bool), ("a", "b", "c"), ())
    pool = DonorPool(people, marks, "pool").mixed_by(mixing)
    rule = DonorRule.model_validate({"match": match, "fallback": fallback})
    listed = [pool.candidates(target, rule) for target in range(len(drawn))]
    assert pool.donor_counts(rule).tolist() == [len(found) for found in listed]
    for target, found in enumerate(listed):
        assert all(matrix[kinds[target], kinds[donor]] for donor in found)
