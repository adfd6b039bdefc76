from __future__ import annotations

import numpy as np
import pytest

from datagen.sources import procedural
from datagen.sources.procedural import camera, expression, figure, identity, light

SEED = 17
PEOPLE = 240


@pytest.fixture(scope="module")
def truths() -> list[procedural.Truth]:
    return [procedural.truth(SEED, person, 0) for person in range(PEOPLE)]


def test_points_lie_inside_the_image(truths: list[procedural.Truth]) -> None:
    for known in truths:
        assert known.mesh[:, :2].min() > 0.0
        assert known.mesh[:, :2].max() < 512.0
        assert np.array_equal(known.box[:2], known.mesh[:, :2].min(axis=0))
        assert np.array_equal(known.box[2:], known.mesh[:, :2].max(axis=0))


def test_poses_cover_their_range(truths: list[procedural.Truth]) -> None:
    for name, limit in (
        ("yaw", camera.MAX_YAW),
        ("pitch", camera.MAX_PITCH),
        ("roll", camera.MAX_ROLL),
    ):
        values = np.array([getattr(known, name) for known in truths])
        assert np.abs(values).max() <= limit
        assert values.min() < -0.85 * limit
        assert values.max() > 0.85 * limit


def test_people_cover_ages_sexes_and_tones() -> None:
    people = [procedural.describe(SEED, person) for person in range(600)]
    ages = [person["age"] for person in people]
    assert min(ages) == 20
    assert max(ages) == 75
    assert {person["monk"] for person in people} == set(range(1, 11))
    share = np.mean([person["sex"] == "female" for person in people])
    assert 0.42 < share < 0.58


def test_description_is_that_of_the_truth(truths: list[procedural.Truth]) -> None:
    for person in range(20):
        known = truths[person]
        expected = {"age": known.age, "sex": known.sex, "monk": known.monk}
        assert procedural.describe(SEED, person) == expected


def test_melanin_rises_with_the_monk_scale(truths: list[procedural.Truth]) -> None:
    mean = [
        np.mean([known.identity["melanin"] for known in truths if known.monk == tone])
        for tone in range(1, 11)
    ]
    assert np.all(np.diff(mean) > 0.0)


def _nose(
    yaw: float, pitch: float, roll: float
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    who = identity.draw(SEED, 0)
    calm = {name: 0.0 for name, *_ in expression.RANGES}
    seen = camera.Camera(yaw, pitch, roll, 100.0, 1300.0, (256.0, 256.0), 512)
    return figure.pose(who, calm, seen).mesh


def test_signs_of_the_pose() -> None:
    ahead = _nose(0.0, 0.0, 0.0)
    eyes = (ahead[33] + ahead[263]) / 2.0
    right = _nose(20.0, 0.0, 0.0)
    assert right[1, 0] - right[[33, 263], 0].mean() > ahead[1, 0] - eyes[0] + 5.0
    up = _nose(0.0, 15.0, 0.0)
    assert up[1, 1] - up[[33, 263], 1].mean() < ahead[1, 1] - eyes[1] - 5.0
    clockwise = _nose(0.0, 0.0, 10.0)
    assert clockwise[263, 1] - clockwise[33, 1] > 10.0


def test_depth_is_nearer_at_the_nose() -> None:
    ahead = _nose(0.0, 0.0, 0.0)
    assert ahead[4, 2] == ahead[:, 2].min()
    assert ahead[4, 2] < 0.0 < ahead[234, 2]


def test_same_person_keeps_identity_and_changes_expression() -> None:
    first, second = procedural.truth(SEED, 4, 0), procedural.truth(SEED, 4, 1)
    assert first.identity == second.identity
    assert first.expression != second.expression
    assert first.light != second.light


def test_light_numbers_are_rounded() -> None:
    values = light.draw_values(SEED, 4, 0)
    assert all(value == round(value, 4) for value in values.values())
