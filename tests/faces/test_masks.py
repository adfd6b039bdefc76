from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datagen.errors import ItemError
from datagen.faces import masks
from datagen.faces.geometry.outline import bare_forehead, check_face, face_outline, forehead
from datagen.faces.landmarks import BROWS, move_points
from datagen.faces.pixels.blend import Region
from tests.support.faces_made import made_face, made_landmarks

MARKS = made_landmarks(0, 128)
CANVAS = masks.canvas_for(Region(0, 0, 128, 128))


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


def test_a_higher_lift_never_shrinks_the_mask() -> None:
    areas = [int((masks.fill(face_outline(MARKS, lift), CANVAS) > 0).sum()) for lift in (0, 0.5, 1)]
    assert areas == sorted(areas)
    assert areas[0] < areas[2]


@given(st.floats(1, 40))
def test_feather_stays_inside_and_reaches_full_strength(width: float) -> None:
    full = masks.fill(face_outline(MARKS, 0.5), CANVAS)
    soft = masks.feather(full, width)
    assert (soft[full == 0] == 0).all()
    if width < 20:
        assert soft.max() == 255
    steps = np.abs(np.diff(soft.astype(int), axis=1)).max()
    assert steps <= 2.5 * 255 / width + 3


def test_feather_leaves_the_edge_of_the_image_hard() -> None:
    full = np.full((20, 20), 255, np.uint8)
    assert (masks.feather(full, 8) == 255).all()
    full[:, 0] = 0
    soft = masks.feather(full, 8)
    assert (soft == soft[:1]).all()
    assert soft[0, 0] == 0
    assert soft[0, -1] == 255


def test_elastic_of_no_field_changes_nothing() -> None:
    full = masks.fill(face_outline(MARKS, 0.5), CANVAS)
    still = [[[0.0, 0.0]] * 4] * 4
    assert (masks.elastic(full, still, 5.0) == full).all()


def test_elastic_of_a_constant_field_is_a_shift() -> None:
    full = masks.fill(face_outline(MARKS, 0.5), CANVAS)
    moved = masks.elastic(full, [[[1.0, 0.0]] * 4] * 4, 3.0)
    assert (moved[:, :-3] == full[:, 3:]).all()


def test_enlarge_and_fill_agree_with_drawing_large() -> None:
    region = Region(10, 20, 390, 410)
    marks = made_landmarks(0, 400)
    small, large = masks.canvas_for(region, 100), masks.canvas_for(region, 400)
    polygon = face_outline(marks, 0.5)
    drawn = masks.fill(polygon, large)
    grown = masks.enlarge(masks.fill(polygon, small), small)
    assert grown.shape == drawn.shape == (390, 380)
    assert (np.abs(grown.astype(int) - drawn) > 128).mean() < 0.02


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
