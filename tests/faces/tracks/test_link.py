from __future__ import annotations

import numpy as np
import pytest

from datagen.faces.tracks.link import linked, overlaps


def box(x: float, y: float = 0.0, side: float = 100.0) -> np.ndarray:
    return np.array([x, y, x + side, y + side], np.float32)


def test_overlap_is_intersection_over_union() -> None:
    found = overlaps([box(0)], [box(0), box(50), box(100), box(25, 25, 50)])
    np.testing.assert_allclose(found, [[1.0, 1 / 3, 0.0, 0.25]])


def test_each_face_is_the_nearest_of_before_in_any_order() -> None:
    assert linked([box(0), box(300)], [box(310), box(5)]) == [1, 0]
    assert linked([box(0), box(300)], [box(5)]) == [0]
    assert linked([box(0)], [box(5), box(300)]) == [0, None]


@pytest.mark.parametrize("now", [[], [box(400)], [box(0, 90)]])
def test_a_face_that_is_elsewhere_is_another(now: list[np.ndarray]) -> None:
    assert linked([box(0)], now) == [None] * len(now)
    assert linked([], now) == [None] * len(now)


def test_of_people_who_cross_nobody_is_taken_for_another() -> None:
    assert linked([box(0), box(30)], [box(10), box(20)]) == [None, None]
    # One hides the other: whose face is seen is not known.
    assert linked([box(0), box(20)], [box(10)]) == [None]
    # Two that touch are still told apart.
    assert linked([box(0), box(90)], [box(5), box(88)]) == [0, 1]
