from __future__ import annotations

import cv2
import numpy as np
import pytest

from datagen.errors import ItemError
from datagen.generation.geometry import follow_landmarks, follow_mask, rotation_of
from tests.support.faces_made import made_face


def test_a_mask_follows_and_is_empty_where_the_image_had_nothing() -> None:
    mask = np.full((8, 8), 255, np.uint8)
    moved = follow_mask(mask, np.array([[1, 0, 3], [0, 1, 0], [0, 0, 1.0]]))
    assert (moved[:, :3] == 0).all()
    assert (moved[:, 3:] == 255).all()


def test_landmarks_follow_and_a_lost_face_is_told() -> None:
    marks = made_face(0, 128).landmarks
    matrix = np.array([[1, 0, 10], [0, 1, -4], [0, 0, 1.0]])
    assert np.allclose(follow_landmarks(marks, matrix, 128), marks + np.array([10, -4]), atol=1e-4)
    matrix[0, 2] = 90
    with pytest.raises(ItemError, match="face_lost"):
        follow_landmarks(marks, matrix, 128)


@pytest.mark.parametrize("degrees", [-8.0, 0.0, 15.0])
def test_the_turn_is_clockwise(degrees: float) -> None:
    affine = cv2.getRotationMatrix2D((50, 50), -degrees, 1.0)  # OpenCV counts the other way
    assert rotation_of(np.vstack([affine, [0, 0, 1]]), 101) == pytest.approx(degrees)
