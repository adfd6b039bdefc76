from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datagen.errors import ItemError
from datagen.faces.geometry.thin_plate import fit_plate, plate_map
from datagen.faces.geometry.warp import surround, warp_pixels
from datagen.faces.landmarks import move_points
from datagen.faces.pixels.blend import Region
from tests.support.faces_made import made_face, made_landmarks

WHOLE = Region(0, 0, 128, 128)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 1000), st.floats(-12, 12), st.floats(0.7, 1.4))
def test_control_points_land_exactly_and_the_enlarged_map_near_them(
    number: int, yaw: float, scale: float
) -> None:
    target = made_landmarks(number, 380)
    source = made_landmarks(number + 1, 380, yaw) * np.float32(scale)
    corners, origins = surround(target, source)
    plate = fit_plate(corners, origins)
    found = plate.at(corners.astype(np.float64)) + corners
    assert np.abs(found - origins).max() < 1e-3
    field = plate_map(corners, origins, Region(0, 0, 380, 380))
    at = np.rint(target).astype(int)
    want = plate.at(at.astype(np.float64)) + at
    near = np.stack([field.x[at[:, 1], at[:, 0]], field.y[at[:, 1], at[:, 0]]], axis=1)
    assert np.median(np.linalg.norm(near - want, axis=1)) < 0.25


@settings(deadline=None, max_examples=30)
@given(
    st.integers(0, 1000),
    st.floats(-0.3, 0.3),
    st.floats(-0.3, 0.3),
    st.floats(0.8, 1.3),
    st.floats(-50, 50),
)
def test_an_affine_change_is_reproduced_exactly(
    number: int, a: float, b: float, scale: float, shift: float
) -> None:
    points = made_landmarks(number, 128)
    matrix = np.array([[scale, a, shift], [b, 1.0, -shift]])
    plate = fit_plate(points, move_points(points, matrix))
    assert np.abs(plate.bend).max() < 1e-2
    field = plate_map(points, move_points(points, matrix), WHOLE)
    y, x = np.mgrid[0:128, 0:128]
    want = np.stack([x.ravel(), y.ravel()], axis=1) @ matrix[:, :2].T + matrix[:, 2]
    assert np.abs(field.x.ravel() - want[:, 0]).max() < 0.02
    assert np.abs(field.y.ravel() - want[:, 1]).max() < 0.02


def test_identity_maps_to_itself() -> None:
    face = made_face(3)
    field = plate_map(face.landmarks, face.landmarks, WHOLE)
    assert (warp_pixels(face.image, field) == face.image).all()


def test_region_is_part_of_the_whole() -> None:
    corners, origins = surround(made_landmarks(5, 128), made_landmarks(6, 128, 10))
    whole = plate_map(corners, origins, WHOLE)
    part = plate_map(corners, origins, Region(30, 33, 99, 97))
    assert part.x.shape == part.y.shape == (64, 69)
    for mine, all_of_it in zip(part, whole, strict=True):
        assert np.allclose(mine, all_of_it[33:97, 30:99], atol=1e-3)


def test_no_map_that_meets_the_points_bends_less() -> None:
    target, source = made_landmarks(1, 128), made_landmarks(2, 128)
    more = np.concatenate([target, [[64.0, 70.0]]]).astype(np.float32)
    plate = fit_plate(target, source)
    seen = np.asarray([[64.0, 70.0]]) + plate.at(np.array([[64.0, 70.0]])) + [[1.0, 0.0]]
    other = fit_plate(more, np.concatenate([source, seen]).astype(np.float32))
    assert _energy(plate) < _energy(other)


def _energy(plate: object) -> float:
    from datagen.faces.geometry.thin_plate import ThinPlate

    assert isinstance(plate, ThinPlate)
    apart = np.square(plate.knots[:, None] - plate.knots).sum(axis=2)
    kernel = apart * np.log(np.maximum(apart, 1e-12))
    return float(np.einsum("ic,ij,jc->", plate.bend, kernel, plate.bend))


def test_points_that_fall_together_are_taken_once() -> None:
    points = made_landmarks(8, 128)
    points[10] = points[11]
    moved = points + np.float32(1)
    moved[11] += 5
    plate = fit_plate(points, moved)
    assert len(plate.knots) == 67
    assert np.allclose(plate.at(points[10:11].astype(np.float64)), 1)


@pytest.mark.parametrize(
    "points",
    [
        np.stack([np.arange(20), 2 * np.arange(20)], axis=1),
        np.full((20, 2), 7),
        np.array([[0, 0], [9, 4]]),
    ],
    ids=["one line", "one point", "two points"],
)
def test_points_that_span_nothing_are_an_item_error(points: np.ndarray) -> None:
    flat = points.astype(np.float32)
    with pytest.raises(ItemError, match="method_failed"):
        fit_plate(flat, flat)
