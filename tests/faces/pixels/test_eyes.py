from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from datagen.faces.landmarks import LEFT_EYE, RIGHT_EYE
from datagen.faces.pixels.eyes import edit_eye, find_eye, move_lids
from tests.support.faces_made import made_face

FACE = made_face(7, 240)


@pytest.mark.parametrize("number", range(6))
@pytest.mark.parametrize("part", [RIGHT_EYE, LEFT_EYE])
def test_the_darkest_disc_is_the_iris(number: int, part: slice) -> None:
    face = made_face(number, 240)
    eye = find_eye(face, part)
    assert eye is not None
    assert np.linalg.norm(eye.iris - face.landmarks[part].mean(axis=0)) < 0.1 * eye.width


def test_the_irises_of_a_mesh_are_taken_for_the_eye_that_they_lie_in() -> None:
    mesh = np.zeros((478, 3), np.float32)
    for first, part in ((468, RIGHT_EYE), (473, LEFT_EYE)):
        middle = FACE.landmarks[part].mean(axis=0) + 1
        rim = np.array([[0, 0], [3, 0], [0, 3], [-3, 0], [0, -3]])
        mesh[first : first + 5, :2] = middle + rim
    eye = find_eye(dataclasses.replace(FACE, mesh=mesh), LEFT_EYE)
    assert eye is not None
    assert np.allclose(eye.iris, FACE.landmarks[LEFT_EYE].mean(axis=0) + 1, atol=1e-4)
    assert np.isclose(eye.radius, 3, atol=1e-4)


def test_an_eye_outside_the_image_or_too_small_is_none() -> None:
    assert find_eye(made_face(0, 240, shift=(0.0, -0.45)), LEFT_EYE) is None
    assert find_eye(made_face(0, 40), LEFT_EYE) is None


def test_nothing_asked_is_nothing_changed() -> None:
    eye = find_eye(FACE, RIGHT_EYE)
    assert eye is not None
    part, mask = edit_eye(FACE.image, eye, (0.0, 0.0), 0.0)
    assert (mask == 0).all()
    assert np.abs(part.astype(int) - eye.region.of(FACE.image)).mean() < 0.5


@pytest.mark.parametrize("gaze", [(-0.2, -0.03), (0.2, 0.04)])
@pytest.mark.parametrize("shut", [-0.2, 0.0, 0.5, 1.0])
def test_what_changes_lies_under_the_mask(gaze: tuple[float, float], shut: float) -> None:
    eye = find_eye(FACE, RIGHT_EYE)
    assert eye is not None
    part, mask = edit_eye(FACE.image, eye, gaze, shut)
    apart = np.abs(part.astype(int) - eye.region.of(FACE.image)).max(axis=2)
    assert apart[mask == 0].max() <= 6
    assert apart[mask > 0].max() > 30


@pytest.mark.parametrize("shut", [-0.3, 0.4, 1.0])
def test_lids_close_by_the_share_that_is_asked(shut: float) -> None:
    lids = FACE.landmarks[RIGHT_EYE]
    moved = move_lids(lids, shut)
    assert (moved[[0, 3]] == lids[[0, 3]]).all()
    for upper, lower in ((1, 5), (2, 4)):
        before, after = lids[lower] - lids[upper], moved[lower] - moved[upper]
        assert np.allclose(after, (1 - shut) * before, atol=1e-3)
