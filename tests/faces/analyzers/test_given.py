from __future__ import annotations

import pickle

import numpy as np
import pytest

from datagen.errors import RecipeError
from datagen.faces.analyzers.given import Given
from datagen.faces.geometry.pose import estimate_pose
from datagen.sources.base import Record

IMAGE = np.zeros((300, 200, 3), np.uint8)


def _points() -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    points = np.tile(np.array([100, 150], np.float32), (68, 1))
    head = {36: (60, 120), 45: (140, 118), 30: (108, 155), 48: (76, 185), 54: (126, 184)}
    points[list(head)] = list(head.values())
    points[8] = (103, 225)
    return points


def test_landmarks_box_mesh_and_pose_are_passed_on() -> None:
    mesh = np.zeros((478, 3), np.float32)
    box = np.array([1, 2, 3, 4], np.float32)
    record = Record(
        image_id="a",
        identity="a",
        landmarks=_points(),
        mesh=mesh,
        box=box,
        pose=(10.0, -5.0, 2.0),
    )
    (found,) = Given().analyze(IMAGE, record)
    assert found.landmarks is record.landmarks
    assert found.mesh is mesh
    assert found.box is box
    assert found.pose == (10.0, -5.0, 2.0)
    assert found.embedding is None


def test_a_pose_that_is_not_given_is_estimated_with_width_before_height() -> None:
    (found,) = Given().analyze(IMAGE, Record(image_id="a", identity="a", landmarks=_points()))
    assert found.pose == estimate_pose(_points(), 200, 300)
    assert found.pose != estimate_pose(_points(), 300, 200)
    assert found.pose[0] > 0  # the nose is right of the middle of the eyes


def test_an_image_without_landmarks_is_refused_with_what_to_do() -> None:
    with pytest.raises(RecipeError, match=r"image 'a/1' has none\. Use 'mediapipe' or"):
        Given().analyze(IMAGE, Record(image_id="a/1", identity="a"))


def test_it_needs_no_weights_and_travels() -> None:
    again = pickle.loads(pickle.dumps(Given()))
    again.open()
    assert again.weights == ()
    assert again.version == Given().version
