from __future__ import annotations

import dataclasses
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from datagen.core.rng import rng
from datagen.planning import donors
from datagen.planning.donors import DonorPool, normal_shapes
from datagen.planning.splits import Identity
from datagen.recipe.schema import DonorRule
from tests.planning.made import identity, made_points


def rule(**keys: Any) -> DonorRule:
    return DonorRule.model_validate(keys)


def points(count: int) -> NDArray[np.float32]:
    return np.stack([made_points("pool", number) for number in range(count)])


def pool(identities: list[Identity], name: str = "pool") -> DonorPool:
    return DonorPool(identities, points(len(identities)), name)


def fits(target: Identity, other: Identity, by: DonorRule) -> bool:
    if target.source != other.source or target.name == other.name:
        return False
    pairs = [(target.attribute(name), other.attribute(name)) for name in by.match]
    return all(own is not None and own == theirs for own, theirs in pairs)


def brute(identities: list[Identity], target: int, by: DonorRule) -> list[int]:
    found = [n for n, other in enumerate(identities) if fits(identities[target], other, by)]
    if not found and by.fallback == "any":
        return brute(identities, target, rule())
    return found


@st.composite
def small_pools(draw: st.DrawFn) -> list[Identity]:
    return draw(
        st.lists(
            st.builds(
                Identity,
                source=st.sampled_from("ab"),
                name=st.sampled_from("pqrs"),
                sex=st.sampled_from(["female", "male", None]),
                ethnicity=st.sampled_from(["x", "y", None]),
                age=st.sampled_from([None, 19.0, 23.0, 40.0]),
            ),
            min_size=1,
            max_size=14,
        )
    )


RULES = st.builds(
    lambda same, otherwise: rule(strategy="random", match=same, fallback=otherwise),
    st.lists(st.sampled_from(["sex", "age_band", "ethnicity"]), unique=True),
    st.sampled_from(["refuse", "any"]),
)


@given(small_pools(), RULES)
def test_candidates_and_their_counts_are_those_of_brute_force(
    identities: list[Identity], by: DonorRule
) -> None:
    made = pool(identities)
    expected = [brute(identities, target, by) for target in range(len(identities))]
    assert [made.candidates(n, by).tolist() for n in range(len(identities))] == expected
    assert made.donor_counts(by).tolist() == [len(found) for found in expected]


@given(small_pools(), RULES, st.sets(st.sampled_from(["a/p", "a/q", "b/p", "b/r"])))
def test_only_named_people_lend_where_a_method_knows_no_others(
    identities: list[Identity], by: DonorRule, donors: set[str]
) -> None:
    """The rule is loosened among those who may lend, never beyond them."""
    made = pool(identities).limited_to(frozenset(donors))
    strict = rule(strategy="random", match=list(by.match))

    def lent(target: int, by: DonorRule) -> list[int]:
        found = brute(identities, target, by)
        return [n for n in found if str(identities[n]) in donors]

    expected = [lent(target, strict) for target in range(len(identities))]
    if by.fallback == "any":
        expected = [found or lent(n, rule(strategy="random")) for n, found in enumerate(expected)]
    assert [made.candidates(n, by).tolist() for n in range(len(identities))] == expected
    assert made.donor_counts(by).tolist() == [len(found) for found in expected]
    assert pool(identities).donor_counts(by).tolist() == [
        len(brute(identities, n, by)) for n in range(len(identities))
    ]


def test_an_unknown_attribute_equals_nothing_and_else_any_drops_the_rule() -> None:
    identities = [identity(0), identity(1), identity(2, sex="male"), identity(3, sex="male")]
    made = pool(identities)
    same = rule(strategy="random", match=["sex"])
    assert [made.candidates(n, same).tolist() for n in range(4)] == [[], [], [3], [2]]
    any_ = rule(strategy="random", match=["sex"], fallback="any")
    assert [made.candidates(n, any_).tolist() for n in range(4)] == [
        [1, 2, 3],
        [0, 2, 3],
        [3],
        [2],
    ]


def test_nobody_is_drawn_where_nobody_fits() -> None:
    made = pool([identity(0), identity(0), identity(1, source="other")])
    for strategy in ("random", "nearest_landmarks"):
        assert made.draw(rng("x"), 0, rule(strategy=strategy)) is None
        assert made.donor_counts(rule(strategy=strategy)).tolist() == [0, 0, 0]


def drawn(made: DonorPool, target: int, by: DonorRule, times: int) -> set[int]:
    found = {made.draw(rng("draw", n), target, by) for n in range(times)}
    return {donor for donor in found if donor is not None}


def test_random_reaches_every_candidate() -> None:
    identities = [identity(n // 2, sex=("female", "male")[n % 4 // 2]) for n in range(16)]
    made = pool(identities)
    by = rule(strategy="random", match=["sex"])
    assert drawn(made, 5, by, 200) == set(brute(identities, 5, by))


@pytest.mark.parametrize("pool_size", [1, 3, 50])
def test_the_nearest_are_the_nearest_by_shape(pool_size: int) -> None:
    identities = [identity(n // 2, sex=("female", "male")[n % 4 // 2]) for n in range(40)]
    made = pool(identities)
    shapes = normal_shapes(points(40)).astype(np.float64)
    by = rule(match=["sex"], pool_size=pool_size)
    for target in (0, 7, 39):
        found = brute(identities, target, by)
        away = {n: float(np.linalg.norm(shapes[n] - shapes[target])) for n in found}
        nearest = sorted(found, key=lambda n: away[n])[:pool_size]
        assert drawn(made, target, by, 300) == set(nearest)


def test_equal_shapes_go_by_position() -> None:
    same = np.repeat(made_points("one")[None], 6, axis=0)
    made = DonorPool([identity(n) for n in range(6)], same, "pool")
    assert drawn(made, 4, rule(pool_size=2), 50) == {0, 1}


@given(
    st.floats(0.05, 20),
    st.floats(-np.pi, np.pi),
    st.floats(-1000, 1000),
    st.floats(-1000, 1000),
    st.integers(0, 20),
)
def test_shapes_know_no_place_size_or_turn(
    scale: float, turn: float, x: float, y: float, number: int
) -> None:
    plain = made_points("shape", number)
    rotation = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    moved = ((plain - 300.0) @ rotation.T + [x, y]).astype(np.float32)
    first, second = normal_shapes(np.stack([plain, moved]))
    np.testing.assert_allclose(first, second, atol=2e-4)


def test_shapes_are_centered_of_unit_size_with_level_eyes_and_know_mirroring() -> None:
    plain = made_points("shape")
    shape, mirrored = normal_shapes(np.stack([plain, plain * np.array([-1, 1], np.float32)]))
    x, y = shape[:68], shape[68:]
    assert shape.dtype == np.float32
    assert np.linalg.norm(shape) == pytest.approx(1, abs=1e-5)
    assert [float(x.mean()), float(y.mean())] == pytest.approx([0, 0], abs=1e-6)
    assert float(y[42:48].mean() - y[36:42].mean()) == pytest.approx(0, abs=1e-6)
    assert x[42:48].mean() > x[36:42].mean()
    assert np.linalg.norm(shape - mirrored) > 0.1


def test_a_very_large_pool_is_thinned_out_by_a_named_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    identities = [identity(n) for n in range(60)]
    whole = pool(identities)
    by = rule(pool_size=60)
    assert len(drawn(whole, 3, by, 600)) == 59
    monkeypatch.setattr(donors, "_MAX_COMPARED", 10)
    assert len(drawn(pool(identities), 3, by, 300)) == 10
    assert drawn(pool(identities), 3, by, 300) == drawn(pool(identities), 3, by, 300)
    assert drawn(pool(identities, "other"), 3, by, 300) != drawn(pool(identities), 3, by, 300)
    assert drawn(pool(identities), 4, by, 300) != drawn(pool(identities), 3, by, 300)
    few = drawn(pool(identities), 3, by, 300)
    shapes = normal_shapes(points(60))
    nearest = sorted(few, key=lambda n: float(np.linalg.norm(shapes[n] - shapes[3])))[:4]
    assert drawn(pool(identities), 3, rule(pool_size=4), 100) == set(nearest)
    assert 3 not in few


@settings(max_examples=20)
@given(small_pools(), RULES)
def test_a_pickled_pool_draws_the_same(identities: list[Identity], by: DonorRule) -> None:
    made = pool(identities)
    made.draw(rng("warm"), 0, rule())
    again = pickle.loads(pickle.dumps(made))
    for target in range(len(identities)):
        for one in (by, rule(pool_size=2)):
            assert made.draw(rng("x", target), target, one) == again.draw(
                rng("x", target), target, one
            )


def test_nearest_pose_takes_the_faces_turned_and_opened_alike() -> None:
    identities = [Identity("s", f"p{n}", None, None, None) for n in range(6)]
    marks = np.tile(np.arange(136, dtype=np.float32).reshape(1, 68, 2), (6, 1, 1))
    marks[:, 36:42] = [0, 0]
    marks[:, 42:48] = [100, 0]
    marks[:, 62], marks[:, 66] = [50, 100], [50, 100]
    marks[3, 66] = [50, 140]  # an open mouth
    poses = np.array([[0, 0], [2, 0], [30, 0], [1, 0], [0, 3], [np.nan, np.nan]], np.float32)
    pool = DonorPool(identities, marks, "x", poses)
    rule = DonorRule(strategy="nearest_pose", pool_size=3)
    drawn = {pool.draw(rng("d", n), 0, rule) for n in range(200)}
    assert drawn == {1, 4, 5}


def test_embedding_bounds_are_cosine_similarities() -> None:
    identities = [Identity("s", f"p{n}", None, None, None) for n in range(4)]
    marks = np.random.default_rng(0).normal(size=(4, 68, 2)).astype(np.float32)
    angles = np.deg2rad([0, 20, 60, 90])
    embeddings = np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32)
    pool = DonorPool(identities, marks, "x", None, embeddings)
    rule = DonorRule(strategy="random", embedding=(0.3, 0.95))
    assert pool.candidates(0, rule).tolist() == [1, 2]
    assert pool.donor_counts(rule).tolist() == [2, 3, 3, 2]
    alone = DonorRule(strategy="random", embedding=(0.999, 1.0))
    assert pool.donor_counts(alone).tolist() == [0, 0, 0, 0]
    kind = DonorRule.model_validate({"embedding": [0.999, 1.0], "fallback": "any"})
    assert pool.donor_counts(kind).tolist() == [3, 3, 3, 3]


def test_identities_with_a_photograph_in_common_are_no_donors_of_each_other() -> None:
    identities = [Identity("s", f"p{n}", None, None, None) for n in range(3)]
    identities[2] = dataclasses.replace(identities[2], joined_to=("s", "p0"))
    made = pool(identities)
    assert [made.candidates(n, rule()).tolist() for n in range(3)] == [[1], [0, 2], [1]]
    assert made.donor_counts(rule()).tolist() == [1, 2, 1]


def test_trained_identities_are_found_in_any_spelling() -> None:
    names = ("Jose\u0301", "ben", "José ")
    made = pool([Identity("s", name, None, None, None) for name in names])
    limited = made.limited_to(frozenset({"s/José"}))
    assert limited.candidates(1, rule()).tolist() == [0, 2]
