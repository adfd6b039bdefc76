from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from datagen.faces.geometry.pose import angles, estimate_pose

# The head that the estimate assumes: outer eye corners, nose tip, mouth corners, chin (mm).
LANDMARKS_AT = [36, 45, 30, 48, 54, 8]
HEAD = np.array(
    [[-44, -34, 26], [44, -34, 26], [0, 0, -8], [-26, 32, 16], [26, 32, 16], [0, 68, 18]], float
)


def _turn(yaw: float, pitch: float, roll: float) -> NDArray[np.float64]:
    """Rotation of x right, y down, z away: roll first, then pitch, then yaw."""
    y, p, r = np.radians([yaw, pitch, roll])
    # The nose is at -z: to look to larger x is a negative turn about y (which points down).
    about_y = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    return np.asarray(about_y @ about_x @ about_z, np.float64)


def _seen(rotation: NDArray[np.float64], size: int = 800) -> NDArray[np.float32]:
    """Project the head 600 mm away; landmarks that the estimate does not use are NaN."""
    points = HEAD @ rotation.T + np.array([0, 0, 600.0])
    found = np.full((68, 2), np.nan, np.float32)
    found[LANDMARKS_AT] = points[:, :2] / points[:, 2:] * size + size / 2
    return found


def test_nose_to_larger_x_is_positive_yaw() -> None:
    rotation = _turn(30, 0, 0)
    assert (rotation @ [0, 0, -1])[0] > 0.49
    np.testing.assert_allclose(angles(rotation), (30, 0, 0), atol=1e-9)


def test_looking_up_is_positive_pitch() -> None:
    rotation = _turn(0, 20, 0)
    assert (rotation @ [0, 0, -1])[1] < -0.34
    np.testing.assert_allclose(angles(rotation), (0, 20, 0), atol=1e-9)


def test_clockwise_is_positive_roll() -> None:
    rotation = _turn(0, 0, 25)
    assert (rotation @ [1, 0, 0])[1] > 0.42  # the viewer's right side of the head went down
    np.testing.assert_allclose(angles(rotation), (0, 0, 25), atol=1e-9)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("degrees", [-80.0, -35.0, -1.0, 0.0, 12.5, 60.0])
def test_each_angle_comes_back(axis: int, degrees: float) -> None:
    wanted = [0.0, 0.0, 0.0]
    wanted[axis] = degrees
    np.testing.assert_allclose(angles(_turn(*wanted)), wanted, atol=1e-9)


@pytest.mark.parametrize("roll", [100.0, -135.0, 179.0])
def test_a_face_that_stands_on_its_head_is_not_upright(roll: float) -> None:
    np.testing.assert_allclose(angles(_turn(0, 0, roll)), (0, 0, roll), atol=1e-9)


@pytest.mark.parametrize("wanted", [(30, -20, 10), (-60, 35, -70), (5, 5, 120), (0, 90, 0)])
def test_all_three_angles_come_back(wanted: tuple[float, float, float]) -> None:
    np.testing.assert_allclose(angles(_turn(*wanted)), wanted, atol=1e-6)


@pytest.mark.parametrize("wanted", [(0, 0, 0), (25, 0, 0), (-40, 0, 0), (0, 15, 0), (0, 0, -30)])
def test_the_estimate_finds_the_pose_of_the_average_head(
    wanted: tuple[float, float, float],
) -> None:
    found = estimate_pose(_seen(_turn(*wanted)), 800, 800)
    np.testing.assert_allclose(found, wanted, atol=0.2)


def test_the_estimate_of_the_mirrored_face_has_negated_yaw_and_roll() -> None:
    seen = _seen(_turn(20, 5, 10))
    mirrored = seen.copy()
    mirrored[:, 0] = 800 - seen[:, 0]
    swap = {36: 45, 45: 36, 48: 54, 54: 48, 30: 30, 8: 8}
    mirrored[list(swap)] = mirrored[list(swap.values())]
    yaw, pitch, roll = estimate_pose(seen, 800, 800)
    np.testing.assert_allclose(estimate_pose(mirrored, 800, 800), (-yaw, pitch, -roll), atol=0.1)


def test_turning_the_image_clockwise_adds_to_roll() -> None:
    seen = _seen(_turn(0, 0, 0))
    turn = cv2.getRotationMatrix2D((400, 400), -15, 1.0)  # OpenCV: positive is counter-clockwise
    turned = seen.copy()
    turned[LANDMARKS_AT] = seen[LANDMARKS_AT] @ turn[:, :2].T.astype(np.float32) + turn[:, 2]
    np.testing.assert_allclose(estimate_pose(turned, 800, 800), (0, 0, 15), atol=0.1)


def test_a_larger_image_of_the_same_is_the_same_pose() -> None:
    seen = _seen(_turn(10, 0, 0))
    np.testing.assert_allclose(
        estimate_pose(seen, 800, 800), estimate_pose(seen * 2, 1600, 1600), atol=0.1
    )
