from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datagen.faces.geometry.expression import differences, expression_offsets, keep_order
from tests.support.faces_made import made_landmarks


@given(
    turn=st.floats(-0.6, 0.6), scale=st.floats(0.5, 3), x=st.floats(-99, 99), n=st.integers(0, 20)
)
def test_place_size_and_turn_in_the_image_leave_no_difference(
    turn: float, scale: float, x: float, n: int
) -> None:
    marks = made_landmarks(n, 200)
    rotation = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    moved = (marks @ rotation.T + x).astype(np.float32)
    assert np.abs(differences(marks)[1] - differences(moved)[1]).max() < 1e-3


@pytest.mark.parametrize("yaw", [0.0, 30.0])
def test_one_face_owes_itself_nothing(yaw: float) -> None:
    own = differences(made_landmarks(3, 200, yaw))[1]
    assert np.abs(expression_offsets(own, own)).max() == 0


def test_a_difference_leads_back_to_pixels() -> None:
    marks = made_landmarks(1, 200)
    more = marks.copy()
    more[48] += (-5, -7)
    turn, own = differences(marks)
    assert np.allclose((differences(more)[1] - own)[48] @ turn, (-5, -7), atol=1e-3)


@given(by=st.floats(-60, 60))
def test_lids_never_pass_each_other(by: float) -> None:
    marks = made_landmarks(2, 200)
    way = np.zeros((68, 2))
    way[[37, 38, 43, 44], 1] = by
    after = marks + keep_order(marks, way)
    assert (after[[37, 38, 43, 44], 1] <= after[[41, 40, 47, 46], 1] + 0.3).all()
