from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from datagen.core.arrays import Affine, Box, Landmarks
from datagen.core.images import average_down
from datagen.core.rng import rng
from datagen.faces.crop import CropJitter, crop_matrix, draw_jitter, face_box, shrink_for, take_crop
from datagen.faces.geometry.mesh import MIRROR_478, move_mesh
from datagen.faces.landmarks import MIRROR_68, move_landmarks
from tests.support.faces_made import made_landmarks

JITTERS = st.builds(
    CropJitter,
    shift_x=st.floats(-0.25, 0.25),
    shift_y=st.floats(-0.25, 0.25),
    scale=st.floats(0.5, 2),
    rotate=st.floats(-45, 45),
    flip=st.booleans(),
)
BOXES = st.builds(
    lambda x, y, w, h: np.array([x, y, x + w, y + h], np.float32),
    st.integers(-50, 900),
    st.integers(-50, 900),
    st.integers(20, 700),
    st.integers(20, 700),
)
MARGINS = st.floats(1, 3)
SIZES = st.integers(64, 512)


def sent(matrix: Affine, *points: tuple[float, float]) -> NDArray[np.float64]:
    return np.array(points) @ matrix[:, :2].T + matrix[:, 2]


def middle(box: Box) -> tuple[float, float]:
    return float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2


@given(BOXES, MARGINS, SIZES, JITTERS)
def test_the_middle_of_the_box_lands_at_the_middle_of_the_crop_and_the_shift(
    box: Box, margin: float, size: int, jitter: CropJitter
) -> None:
    (found,) = sent(crop_matrix(box, margin, size, jitter), middle(box))
    mirror = -1 if jitter.flip else 1
    want = [(size - 1) / 2 + mirror * size * jitter.shift_x, (size - 1) / 2 + size * jitter.shift_y]
    np.testing.assert_allclose(found, want, atol=1e-6 * size)


@given(BOXES, MARGINS, SIZES, JITTERS)
def test_the_longer_side_with_its_margin_fills_the_crop(
    box: Box, margin: float, size: int, jitter: CropJitter
) -> None:
    matrix = crop_matrix(box, margin, size, jitter)
    longer = max(float(box[2] - box[0]), float(box[3] - box[1]))
    x, y = middle(box)
    start, right, down = sent(matrix, (x, y), (x + longer, y), (x, y + longer))
    for way in (right - start, down - start):
        assert np.hypot(*way) == pytest.approx(size / (margin * jitter.scale))
    assert float((right - start) @ (down - start)) == pytest.approx(0, abs=1e-6 * size**2)
    turned = right - start
    if jitter.flip:
        turned = turned * [-1, 1]
    assert np.degrees(np.arctan2(turned[1], turned[0])) == pytest.approx(jitter.rotate, abs=1e-6)


@given(BOXES, MARGINS, SIZES, JITTERS)
def test_flipping_mirrors_the_crop_and_nothing_else(
    box: Box, margin: float, size: int, jitter: CropJitter
) -> None:
    parts = (jitter.shift_x, jitter.shift_y, jitter.scale, jitter.rotate)
    plain = crop_matrix(box, margin, size, CropJitter(*parts))
    flipped = crop_matrix(box, margin, size, CropJitter(*parts, flip=True))
    points = ((0.0, 0.0), (13.0, 700.0), middle(box))
    mirrored = sent(plain, *points) * [-1, 1] + [size - 1, 0]
    np.testing.assert_allclose(sent(flipped, *points), mirrored, atol=1e-6 * size)
    assert np.linalg.det(plain[:, :2]) > 0 > np.linalg.det(flipped[:, :2])


def test_an_empty_box_still_gives_a_crop() -> None:
    matrix = crop_matrix(np.array([5, 5, 5, 5], np.float32), 1.5, 64, CropJitter())
    assert matrix[0, 0] == pytest.approx(64 / 1.5)


@settings(max_examples=30)
@given(BOXES, MARGINS, SIZES, JITTERS)
def test_landmarks_and_mesh_move_as_the_matrix_says(
    box: Box, margin: float, size: int, jitter: CropJitter
) -> None:
    matrix = crop_matrix(box, margin, size, jitter)
    landmarks = made_landmarks(size=512)
    want = sent(matrix, *map(tuple, landmarks.tolist()))
    moved = move_landmarks(landmarks, matrix)
    assert moved.dtype == np.float32
    np.testing.assert_allclose(
        moved, want[MIRROR_68] if jitter.flip else want, rtol=1e-5, atol=1e-2
    )
    mesh = rng("mesh").normal(300, 80, (478, 3)).astype(np.float32)
    flat = sent(matrix, *map(tuple, mesh[:, :2].tolist()))
    deep = mesh[:, 2] * np.hypot(matrix[0, 0], matrix[1, 0])
    order = MIRROR_478 if jitter.flip else np.arange(478)
    found = move_mesh(mesh, matrix)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[:, :2], flat[order], rtol=1e-5, atol=1e-2)
    np.testing.assert_allclose(found[:, 2], deep[order], rtol=1e-4, atol=1e-3)


def test_mirrored_points_are_mirrored_back() -> None:
    assert sorted(MIRROR_68.tolist()) == list(range(68))
    assert MIRROR_68[MIRROR_68].tolist() == list(range(68))


def test_a_mirrored_face_is_a_face_in_the_same_order() -> None:
    landmarks = made_landmarks(size=256)
    mirror = np.array([[-1.0, 0, 255], [0, 1, 0]])
    moved = move_landmarks(landmarks, mirror)
    groups = [(0, 17), (17, 22), (22, 27), (27, 36), (36, 42), (42, 48), (48, 60), (60, 68)]
    for start, stop in groups:  # the drawn face is nearly symmetric: each part stays in place
        np.testing.assert_allclose(moved[start:stop], landmarks[start:stop], atol=4)
    np.testing.assert_allclose(move_landmarks(moved, mirror), landmarks, atol=1e-4)


@pytest.mark.parametrize("shrink", [1, 2, 4, 8])
@settings(max_examples=15)
@given(
    st.builds(
        CropJitter,
        shift_x=st.floats(-0.1, 0.1),
        shift_y=st.floats(-0.1, 0.1),
        scale=st.floats(0.8, 1.25),
        rotate=st.floats(-45, 45),
        flip=st.booleans(),
    ),
    st.floats(-0.1, 0.1),
    st.floats(-0.1, 0.1),
)
def test_a_drawn_dot_lands_where_its_landmark_does(
    shrink: int, jitter: CropJitter, x: float, y: float
) -> None:
    size, picture, side = 64, 200 * shrink, 55.0 * shrink
    middle_at = picture / 2 - 0.3 * shrink
    half = np.array([side / 3, side / 2])
    box = np.concatenate([middle_at - half, middle_at + half]).astype(np.float32)
    dot = middle_at + side * 1.3 * np.array([x, y])
    across, down = (
        np.exp(-np.square(np.arange(picture) - place) / (2 * (3.0 * shrink) ** 2)) for place in dot
    )
    bright = np.rint(250 * np.outer(down, across)).astype(np.uint8)
    image = np.repeat(bright[..., None], 3, axis=2)
    matrix = crop_matrix(box, 1.3, size, jitter)
    crop = take_crop(image if shrink == 1 else average_down(image, shrink), matrix, size, shrink)
    want = move_landmarks(np.tile(dot.astype(np.float32), (68, 1)), matrix)[0]
    weight = np.where(crop[..., 0] < 40, 0.0, crop[..., 0])
    rows, columns = np.mgrid[:size, :size]
    found = np.array([(columns * weight).sum(), (rows * weight).sum()]) / weight.sum()
    np.testing.assert_allclose(found, want, atol=0.15)


@given(BOXES, MARGINS, SIZES, JITTERS)
def test_the_source_is_shrunk_as_far_as_it_is_still_sampled_down(
    box: Box, margin: float, size: int, jitter: CropJitter
) -> None:
    matrix = crop_matrix(box, margin, size, jitter)
    zoom = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    shrink = shrink_for(matrix)
    assert shrink in (1, 2, 4, 8)
    assert shrink == 1 or zoom * shrink <= 1 + 1e-9
    assert shrink == 8 or zoom * 2 * shrink > 1 - 1e-9


def test_beyond_the_border_lies_the_mirror_image() -> None:
    image = np.random.default_rng(1).integers(0, 256, (40, 40, 3)).astype(np.uint8)
    matrix = np.array([[1.0, 0, 10], [0, 1, 6]])
    crop = take_crop(image, matrix, 60, 1)
    want = cv2.copyMakeBorder(image, 6, 14, 10, 10, cv2.BORDER_REFLECT_101)
    np.testing.assert_array_equal(crop, want)
    np.testing.assert_array_equal(crop[6, 9], image[0, 1])


def test_a_crop_of_the_whole_is_the_whole() -> None:
    image = np.random.default_rng(1).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    matrix = crop_matrix(np.array([0, 0, 64, 64], np.float32), 1, 64, CropJitter())
    matrix[:, 2] = np.round(matrix[:, 2] + 0.5)  # a box ends where the next pixel would begin
    np.testing.assert_array_equal(take_crop(image, matrix, 64, 1), image)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_the_box_holds_the_points_and_the_forehead(turn: int) -> None:
    landmarks = made_landmarks(size=200)
    radians = np.radians(turn)
    rotation = np.array([[np.cos(radians), -np.sin(radians)], [np.sin(radians), np.cos(radians)]])
    upright = face_box(landmarks)
    turned: Landmarks = (landmarks @ rotation.T).astype(np.float32)
    box = face_box(turned)
    assert box.dtype == np.float32
    assert (turned >= box[:2] - 1e-3).all()
    assert (turned <= box[2:] + 1e-3).all()
    corners = np.array([[upright[0], upright[1]], [upright[2], upright[3]]]) @ rotation.T
    want = [*corners.min(axis=0), *corners.max(axis=0)]
    np.testing.assert_allclose(box, want, atol=0.01)
    brows, base = landmarks[17:27], landmarks[33]
    assert upright[1] == pytest.approx(2 * brows[:, 1].min() - base[1], abs=3)
    assert upright[1] < brows[:, 1].min() - 20


def test_draws_stay_in_their_ranges_and_one_range_moves_one_value() -> None:
    drawn = [draw_jitter(rng("jitter", n), 0.04, (0.95, 1.08), 5, 0.5) for n in range(500)]
    for name, low, high in (
        ("shift_x", -0.04, 0.04),
        ("shift_y", -0.04, 0.04),
        ("scale", 0.95, 1.08),
        ("rotate", -5, 5),
    ):
        values = [getattr(one, name) for one in drawn]
        assert low <= min(values) < low + 0.05 * (high - low)
        assert high - 0.05 * (high - low) < max(values) <= high
    assert 200 < sum(one.flip for one in drawn) < 300
    wider = [draw_jitter(rng("jitter", n), 0.04, (0.95, 1.08), 10, 0.5) for n in range(500)]
    for one, other in zip(drawn, wider, strict=True):
        assert (one.shift_x, one.shift_y, one.scale, one.flip) == (
            other.shift_x,
            other.shift_y,
            other.scale,
            other.flip,
        )
        assert other.rotate == pytest.approx(2 * one.rotate)


def test_without_ranges_nothing_is_moved() -> None:
    assert draw_jitter(rng("x"), 0, (1, 1), 0, 0) == CropJitter()
    assert all(draw_jitter(rng("x", n), 0, (1, 1), 0, 1).flip for n in range(20))
