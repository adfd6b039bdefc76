from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from datagen.faces import masks
from datagen.faces.geometry.outline import face_outline
from datagen.faces.pixels.blend import Region
from tests.support.faces_made import made_landmarks

MARKS = made_landmarks(0, 128)
CANVAS = masks.canvas_for(Region(0, 0, 128, 128))


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
