from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datagen.errors import ItemError
from datagen.faces.geometry.warp import (
    piecewise_map,
    similarity,
    surround,
    triangulate,
    warp_affine,
    warp_pixels,
)
from datagen.faces.landmarks import move_points
from datagen.faces.pixels.blend import Region
from tests.support.faces_made import made_face, made_landmarks

WHOLE = Region(0, 0, 128, 128)


@given(st.floats(-np.pi, np.pi), st.floats(0.2, 5), st.floats(-300, 300), st.floats(-300, 300))
def test_similarity_is_recovered(angle: float, scale: float, x: float, y: float) -> None:
    a, b = scale * np.cos(angle), scale * np.sin(angle)
    matrix = np.array([[a, -b, x], [b, a, y]])
    points = made_landmarks(1, 128)
    assert np.allclose(similarity(points, move_points(points, matrix)), matrix, atol=2e-3)


def test_similarity_does_not_mirror() -> None:
    points = made_landmarks(1, 128)
    found = similarity(points, points * np.array([-1, 1], np.float32))
    assert np.linalg.det(found[:, :2]) >= 0


def test_similarity_of_one_point_is_an_item_error() -> None:
    with pytest.raises(ItemError, match="method_failed"):
        similarity(np.zeros((5, 2), np.float32), made_landmarks()[:5])


def test_warp_affine_by_nothing_is_a_copy() -> None:
    image = made_face(2).image
    region = Region(10, 20, 100, 90)
    still = np.array([[1.0, 0, 0], [0, 1.0, 0]])
    assert (warp_affine(image, still, region) == region.of(image)).all()
    shift = np.array([[1.0, 0, 3], [0, 1.0, -2]])
    assert (warp_affine(image, shift, region) == image[22:92, 7:97]).all()


def test_identity_maps_to_itself() -> None:
    face = made_face(3)
    corners, same = surround(face.landmarks, face.landmarks)
    field = piecewise_map(corners, same, triangulate(corners), WHOLE)
    assert (warp_pixels(face.image, field) == face.image).all()


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 1000), st.floats(-12, 12), st.floats(0.7, 1.4))
def test_control_points_land_where_asked_and_nothing_tears(
    number: int, yaw: float, scale: float
) -> None:
    target = made_landmarks(number, 380)
    source = made_landmarks(number + 1, 380, yaw) * np.float32(scale)
    corners, origins = surround(target, source)
    triangles = triangulate(corners)
    field = piecewise_map(corners, origins, triangles, Region(0, 0, 380, 380))
    at = np.rint(target).astype(int)
    found = np.stack([field.x[at[:, 1], at[:, 0]], field.y[at[:, 1], at[:, 0]]], axis=1)
    apart = np.linalg.norm(found - source, axis=1)
    steepest = _steepest(corners, origins, triangles)
    assert np.median(apart) < 1.0
    assert apart.max() < 3 * steepest
    for part in field:
        for axis in (0, 1):
            assert np.abs(np.diff(part, axis=axis)).max() < 2 * steepest


def _steepest(target: np.ndarray, source: np.ndarray, triangles: np.ndarray) -> float:
    """Return by how much the warp of any triangle that is drawn stretches lengths."""
    edges = [
        (points[triangles[:, 1:]] - points[triangles[:, :1]]).astype(float)
        for points in (target, source)
    ]
    sides = np.concatenate([edges[0], edges[0][:, :1] - edges[0][:, 1:]], axis=1)
    longest = np.linalg.norm(sides, axis=2).max(axis=1)
    drawn = np.abs(np.linalg.det(edges[0])) > 0.5 * longest
    linear = np.linalg.solve(edges[0][drawn], edges[1][drawn])
    return float(np.linalg.svd(linear, compute_uv=False).max())


def test_an_affine_change_is_reproduced_exactly() -> None:
    corners, _ = surround(made_landmarks(4, 128), made_landmarks(4, 128))
    matrix = np.array([[1.1, 0.2, 3], [-0.1, 0.9, 5]])
    field = piecewise_map(corners, move_points(corners, matrix), triangulate(corners), WHOLE)
    y, x = np.mgrid[5:120, 5:120]
    want = move_points(np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32), matrix)
    assert np.allclose(field.x[5:120, 5:120].ravel(), want[:, 0], atol=0.01)
    assert np.allclose(field.y[5:120, 5:120].ravel(), want[:, 1], atol=0.01)


def test_region_is_part_of_the_whole() -> None:
    corners, origins = surround(made_landmarks(5, 128), made_landmarks(6, 128, 10))
    triangles = triangulate(corners)
    whole = piecewise_map(corners, origins, triangles, WHOLE)
    part = piecewise_map(corners, origins, triangles, Region(30, 33, 99, 96))
    apart = np.abs(part.x[3:-3, 3:-3] - whole.x[36:93, 33:96])
    assert np.quantile(apart, 0.99) < 0.01
    assert apart.max() < 0.5  # an edge that leaves the region may be drawn a pixel off


def test_triangles_fill_the_hull_without_overlap() -> None:
    points, _ = surround(made_landmarks(7, 128), made_landmarks(7, 128))
    a, b, c = points[triangulate(points)].astype(float).transpose(1, 0, 2)
    twice = np.abs((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0])
    radius = np.linalg.norm(points[-1] - points[:68].mean(axis=0))
    assert twice.sum() / 2 == pytest.approx(8 * radius**2 * np.sin(np.pi / 8), rel=1e-3)


def test_points_that_fall_together_are_taken_once() -> None:
    points = made_landmarks(8, 128)
    points[10] = points[11]
    assert 11 not in triangulate(points)


def test_points_on_a_line_are_an_item_error() -> None:
    line = np.stack([np.arange(20), 2 * np.arange(20)], axis=1).astype(np.float32)
    with pytest.raises(ItemError, match="method_failed"):
        triangulate(line)
