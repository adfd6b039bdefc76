from __future__ import annotations

import cv2
import numpy as np
import pytest

from datagen.errors import ItemError
from datagen.faces.geometry.outline import bare_forehead, check_face, forehead
from datagen.faces.landmarks import BROWS, move_points
from tests.support.faces_made import made_face, made_landmarks

MARKS = made_landmarks(0, 128)


def _turned(degrees: float) -> np.ndarray:
    matrix = np.asarray(cv2.getRotationMatrix2D((64, 64), degrees, 1.0), np.float64)
    return move_points(MARKS, matrix)


@pytest.mark.parametrize("degrees", [0, 30, 90, 180, 271])
def test_forehead_turns_with_the_face(degrees: float) -> None:
    matrix = np.asarray(cv2.getRotationMatrix2D((64, 64), degrees, 1.0), np.float64)
    there = forehead(_turned(degrees), 0.7)
    assert np.allclose(there, move_points(forehead(MARKS, 0.7), matrix), atol=0.01)


def test_forehead_is_as_high_as_brows_to_nose_base() -> None:
    brow = MARKS[20:24].mean(axis=0)
    top = forehead(MARKS, 1.0)[3:7].mean(axis=0)
    assert brow[1] - top[1] == pytest.approx(MARKS[33, 1] - brow[1], rel=0.1)
    assert (forehead(MARKS, 0.0) == MARKS[BROWS]).all()


def test_one_lift_a_brow_point() -> None:
    lifts = [0.1 * n for n in range(10)]
    each = forehead(MARKS, lifts)
    for index in (2, 7):
        assert np.allclose(each[index], forehead(MARKS, lifts[index])[index])


def test_bare_forehead_stops_at_hair() -> None:
    face = made_face(1, size=200)
    free = bare_forehead(face.image, face.landmarks)
    image = face.image.copy()
    line = int(forehead(face.landmarks, 0.4)[4, 1])
    image[:line] = (20, 15, 10)
    covered = bare_forehead(image, face.landmarks)
    assert free[3:7].min() > 0.5
    assert 0.2 < covered[4] < 0.45
    assert free.shape == (10,)


@pytest.mark.parametrize(
    "marks",
    [
        np.full((68, 2), 40.0),
        np.stack([np.linspace(0, 100, 68), np.linspace(0, 90, 68)], axis=1),
        np.full((68, 2), np.nan),
        made_landmarks(0, 8),
    ],
    ids=["one point", "one line", "not finite", "too small"],
)
def test_what_spans_no_face_is_an_item_error(marks: np.ndarray) -> None:
    with pytest.raises(ItemError, match="method_failed"):
        check_face(marks.astype(np.float32))


def test_a_turned_face_is_a_face() -> None:
    for yaw in (-60, 0, 60):
        check_face(made_landmarks(3, 128, yaw))
