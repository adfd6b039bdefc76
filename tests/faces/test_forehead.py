from __future__ import annotations

import numpy as np

from datagen.core.arrays import Landmarks
from datagen.faces.crop import face_box
from datagen.faces.forehead import FOREHEAD_ORDER, landmarks_81
from datagen.faces.landmarks import MIRROR_68, move_points
from tests.support.faces_made import made_landmarks


def arc(landmarks: Landmarks) -> np.ndarray:
    return landmarks_81(landmarks)[list(FOREHEAD_ORDER)]


def test_the_first_68_are_kept_and_the_forehead_goes_over_the_brows() -> None:
    points = made_landmarks()
    found = landmarks_81(points)
    assert found.shape == (81, 2)
    assert found.dtype == np.float32
    assert np.array_equal(found[:68], points)
    x, y = arc(points).T
    assert (np.diff(x) > 0).all()
    assert points[0, 0] < x[0] < x[-1] < points[16, 0]
    assert y.min() < points[17:27, 1].min()
    assert (np.diff(np.sign(np.diff(y))) != 0).sum() == 1


def test_the_hairline_is_where_the_box_with_forehead_ends() -> None:
    points = made_landmarks()
    top = arc(points)[:, 1].min()
    side = points[8, 1] - top
    assert abs(top - face_box(points)[1]) < 0.05 * side


def test_the_estimate_moves_with_the_face() -> None:
    points = made_landmarks()
    turn = np.array([[0.9, -0.4, 20.0], [0.5, 1.1, -3.0]])
    moved = move_points(points.astype(np.float64), turn)
    assert np.abs(arc(moved) - move_points(arc(points), turn)).max() < 1e-3
    mirrored = (points * [-1, 1]).astype(np.float32)[MIRROR_68]
    assert np.abs(arc(mirrored) - arc(points)[::-1] * [-1, 1]).max() < 1e-3


def test_unknown_landmarks_stay_unknown() -> None:
    assert np.isnan(landmarks_81(np.full((68, 2), np.nan, np.float32))).all()


def test_the_order_is_each_number_once() -> None:
    assert sorted(FOREHEAD_ORDER) == list(range(68, 81))
