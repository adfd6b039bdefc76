from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from datagen.core.arrays import check_image, check_landmarks, check_mask, check_mesh


def test_what_is_right_is_passed_on_unchanged() -> None:
    image = np.zeros((4, 5, 3), np.uint8)
    mask = np.zeros((4, 5), np.uint8)
    landmarks = np.zeros((68, 2), np.float32)
    mesh = np.zeros((478, 3), np.float32)
    assert check_image(image, "x") is image
    assert check_mask(mask, image.shape, "x") is mask
    assert check_landmarks(landmarks, "x") is landmarks
    assert check_mesh(mesh, "x") is mesh


def test_views_are_made_contiguous() -> None:
    image = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)[:, ::-1]
    found = check_image(image, "x")
    assert found.flags.c_contiguous
    np.testing.assert_array_equal(found, image)
    mask = check_mask(image[..., 0], image.shape, "x")
    assert mask.flags.c_contiguous
    points = np.arange(136, dtype=np.float32).reshape(68, 2)[:, ::-1]
    assert check_landmarks(points, "x").flags.c_contiguous


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 5, 3), np.float32),
        np.zeros((4, 5, 3), np.uint16),
        np.zeros((4, 5), np.uint8),
        np.zeros((4, 5, 4), np.uint8),
        np.zeros((4, 5, 1), np.uint8),
        np.zeros((0, 5, 3), np.uint8),
        np.zeros((1, 4, 5, 3), np.uint8),
    ],
)
def test_what_is_no_image_is_refused(array: Any) -> None:
    with pytest.raises(
        ValueError, match=r"^the fake: expected \(height, width, 3\) uint8, got"
    ) as e:
        check_image(array, "the fake")
    assert str(e.value).endswith(f"{array.shape} {array.dtype}")


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 6), np.uint8),
        np.zeros((5, 4), np.uint8),
        np.zeros((4, 5, 1), np.uint8),
        np.zeros((4, 5), bool),
        np.zeros((4, 5), np.float32),
    ],
)
def test_a_mask_has_the_shape_of_its_image(array: Any) -> None:
    with pytest.raises(ValueError, match=r"^the mask: expected \(4, 5\) uint8, got"):
        check_mask(array, (4, 5, 3), "the mask")


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((67, 2), np.float32),
        np.zeros((68, 3), np.float32),
        np.zeros(136, np.float32),
        np.zeros((68, 2), np.float64),
        np.zeros((68, 2), np.int32),
    ],
)
def test_landmarks_have_one_form(array: Any) -> None:
    with pytest.raises(ValueError, match=r"^points: expected \(68, 2\) float32, got"):
        check_landmarks(array, "points")


def test_a_mesh_has_one_form() -> None:
    for array in (np.zeros((468, 3), np.float32), np.zeros((478, 2), np.float32)):
        with pytest.raises(ValueError, match=r"^mesh: expected \(478, 3\) float32, got"):
            check_mesh(array, "mesh")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_points_are_finite(value: float) -> None:
    landmarks = np.zeros((68, 2), np.float32)
    landmarks[67, 1] = value
    with pytest.raises(ValueError, match=r"^points: contains values that are not finite"):
        check_landmarks(landmarks, "points")
    mesh = np.zeros((478, 3), np.float32)
    mesh[0, 2] = value
    with pytest.raises(ValueError, match=r"^mesh: contains values that are not finite"):
        check_mesh(mesh, "mesh")
