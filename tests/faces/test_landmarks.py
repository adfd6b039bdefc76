from __future__ import annotations

import numpy as np
import pytest

from datagen.faces import landmarks
from datagen.faces.landmarks import (
    BROWS,
    CHIN,
    EYES,
    FEATURES,
    INNER_LIPS,
    JAW,
    LEFT_BROW,
    LEFT_EYE,
    LEFT_EYE_CORNERS,
    LEFT_MOUTH_CORNER,
    MIRROR_68,
    MOUTH,
    NOSE,
    NOSE_BASE,
    NOSE_BRIDGE,
    OUTER_LIPS,
    RIGHT_BROW,
    RIGHT_EYE,
    RIGHT_EYE_CORNERS,
    RIGHT_MOUTH_CORNER,
    indices,
    mouth_opening,
    move_landmarks,
    move_points,
)
from tests.support.faces_made import made_landmarks

MARKS = made_landmarks(0, 128)
PARTS = (JAW, RIGHT_BROW, LEFT_BROW, NOSE_BRIDGE, NOSE_BASE, RIGHT_EYE, LEFT_EYE)


def test_the_parts_cover_all_landmarks_once() -> None:
    assert indices(*PARTS, OUTER_LIPS, INNER_LIPS) == [*range(68)]


@pytest.mark.parametrize(
    ("whole", "parts"),
    [
        (BROWS, (RIGHT_BROW, LEFT_BROW)),
        (NOSE, (NOSE_BRIDGE, NOSE_BASE)),
        (EYES, (RIGHT_EYE, LEFT_EYE)),
        (MOUTH, (OUTER_LIPS, INNER_LIPS)),
        (FEATURES, (BROWS, NOSE, EYES, MOUTH)),
    ],
)
def test_a_group_is_its_parts(whole: slice, parts: tuple[slice, ...]) -> None:
    assert indices(whole) == indices(*parts)


def test_single_landmarks_are_indices() -> None:
    assert indices(CHIN, RIGHT_MOUTH_CORNER) == [8, 48]


@pytest.mark.parametrize(
    ("right", "left"),
    [
        (indices(RIGHT_BROW), indices(LEFT_BROW)),
        (indices(RIGHT_EYE), indices(LEFT_EYE)),
        ([*RIGHT_EYE_CORNERS, RIGHT_MOUTH_CORNER], [*LEFT_EYE_CORNERS, LEFT_MOUTH_CORNER]),
    ],
)
def test_mirroring_exchanges_right_and_left(right: list[int], left: list[int]) -> None:
    assert sorted(MIRROR_68[right]) == sorted(left)
    assert (MIRROR_68[MIRROR_68] == np.arange(68)).all()


def test_only_a_mirroring_matrix_exchanges_sides() -> None:
    turn = np.array([[0.9, -0.2, 3.0], [0.2, 0.9, -4.0]])
    mirror = np.array([[-1.0, 0.0, 127.0], [0.0, 1.0, 0.0]])
    assert (move_landmarks(MARKS, turn) == move_points(MARKS, turn)).all()
    assert (move_landmarks(MARKS, mirror) == move_points(MARKS, mirror)[MIRROR_68]).all()


def test_a_mouth_opens_by_the_gap_between_its_lips() -> None:
    closed = MARKS.copy()
    closed[landmarks.INNER_LIP_TOP] = closed[landmarks.INNER_LIP_BOTTOM]
    assert mouth_opening(closed) == 0
    right, left = landmarks.INNER_MOUTH_CORNERS
    opened = closed.copy()
    opened[landmarks.INNER_LIP_BOTTOM] += (0, 0.5 * np.linalg.norm(opened[right] - opened[left]))
    assert mouth_opening(opened) == pytest.approx(0.5, rel=1e-5)
