from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from datagen.core.arrays import Affine, Image
from datagen.errors import ItemError
from datagen.faces.landmarks import move_landmarks
from datagen.networks.alignment.align import TEMPLATES, align_matrix, five_points, take_aligned
from datagen.weights.io_contract import Template
from tests.support.faces_made import made_face, made_landmarks

NAMES = sorted(TEMPLATES)

templates = st.sampled_from(NAMES)
degrees = st.floats(-180, 180)
sizes = st.sampled_from([112, 128, 256, 512])


def similar(scale: float, angle: float, shift: tuple[float, float]) -> Affine:
    """Return the map that scales and turns about the first pixel and then shifts."""
    turn = np.radians(angle)
    cos, sin = scale * np.cos(turn), scale * np.sin(turn)
    return np.array([[cos, -sin, shift[0]], [sin, cos, shift[1]]])


def noise(height: int, width: int, key: int = 0) -> Image:
    """Return an image of random pixels."""
    draw = np.random.Generator(np.random.Philox(key=key))
    return draw.integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", NAMES)
def test_a_template_is_an_upright_face_in_the_square(name: Template) -> None:
    right, left, nose, mouth_right, mouth_left = TEMPLATES[name]
    assert ((TEMPLATES[name] > 0) & (TEMPLATES[name] < 1)).all()
    assert right[0] < nose[0] < left[0]
    assert mouth_right[0] < nose[0] < mouth_left[0]
    assert max(right[1], left[1]) < nose[1] < min(mouth_right[1], mouth_left[1])


@pytest.mark.parametrize(("name", "size"), [("arcface_112_v2", 112), ("arcface_128", 128)])
@pytest.mark.filterwarnings("ignore:`estimate` is deprecated:FutureWarning")  # scikit-image 0.26
def test_the_matrix_is_insightfaces_own(name: Template, size: int) -> None:
    face_align = pytest.importorskip("insightface.utils.face_align")
    for number in range(8):
        marks = made_landmarks(number, 300, yaw=5.0 * number)
        theirs = face_align.estimate_norm(five_points(marks), size)
        np.testing.assert_allclose(align_matrix(marks, name, size), theirs, atol=1e-3)


@pytest.mark.filterwarnings("ignore:`estimate` is deprecated:FutureWarning")
def test_the_aligned_face_is_insightfaces_own() -> None:
    face_align = pytest.importorskip("insightface.utils.face_align")
    face = made_face(3, 380)
    matrix = align_matrix(face.landmarks, "arcface_128", 128)
    ours = take_aligned(face.image, matrix, 128, smooth=False)
    theirs = face_align.norm_crop(face.image, five_points(face.landmarks), 128)
    assert np.abs(ours.astype(int) - theirs).max() <= 1


@given(templates, sizes, st.floats(0.05, 20), degrees, st.integers(0, 20))
def test_a_moved_template_comes_back(
    name: Template, size: int, scale: float, angle: float, number: int
) -> None:
    marks = made_landmarks(number, 100)
    moved = move_landmarks(marks, similar(scale, angle, (30.0, -20.0)))
    plain, matrix = align_matrix(marks, name, size), align_matrix(moved, name, size)
    np.testing.assert_allclose(
        move_landmarks(moved, matrix), move_landmarks(marks, plain), atol=2e-3 * size
    )
    np.testing.assert_allclose(
        np.linalg.det(matrix[:, :2]) * scale**2, np.linalg.det(plain[:, :2]), rtol=1e-3
    )


@given(templates, sizes, degrees)
def test_it_never_mirrors(name: Template, size: int, angle: float) -> None:
    moved = move_landmarks(made_landmarks(1, 100), similar(1.0, angle, (0.0, 0.0)))
    assert np.linalg.det(align_matrix(moved, name, size)[:, :2]) > 0


def test_points_that_fall_together_are_an_item_error() -> None:
    with pytest.raises(ItemError, match="method_failed"):
        align_matrix(np.full((68, 2), 7.0, np.float32), "arcface_128", 128)


@pytest.mark.parametrize("smooth", [True, False])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_matrix_that_is_not_finite_is_an_item_error(value: float, smooth: bool) -> None:
    matrix = similar(1.0, 0.0, (0.0, 0.0))
    matrix[0, 2] = value
    with pytest.raises(ItemError, match="method_failed"):
        take_aligned(noise(20, 20), matrix, 16, smooth)


@pytest.mark.parametrize("smooth", [True, False])
def test_the_identity_takes_the_pixels(smooth: bool) -> None:
    image = noise(40, 50)
    taken = take_aligned(image, similar(1.0, 0.0, (-3.0, -5.0)), 32, smooth)
    np.testing.assert_array_equal(taken, image[5:37, 3:35])


@given(st.floats(0.02, 3), degrees, st.booleans(), st.integers(1, 90), st.integers(1, 90))
def test_any_matrix_gives_the_square_and_writes_nothing(
    scale: float, angle: float, smooth: bool, height: int, width: int
) -> None:
    image = noise(height, width)
    image.flags.writeable = False
    matrix = similar(scale, angle, (20.0, 20.0))
    kept = matrix.copy()
    taken = take_aligned(image, matrix, 24, smooth)
    assert taken.shape == (24, 24, 3)
    assert taken.dtype == np.uint8
    np.testing.assert_array_equal(matrix, kept)


@pytest.mark.parametrize("factor", [4, 6, 9, 16])
@pytest.mark.parametrize("angle", [0.0, 30.0])
def test_what_is_averaged_down_stays_in_place(factor: int, angle: float) -> None:
    """A soft ramp comes out as the ramp's own values, wherever the averaging puts its pixels."""
    side = 64 * factor
    y, x = np.meshgrid(np.arange(side), np.arange(side), indexing="ij")
    ramp = np.stack([200 * x / side, 200 * y / side, 100 * (x + y) / side], axis=2)
    image = np.rint(ramp).astype(np.uint8)
    matrix = similar(1 / factor, angle, (0.0, 0.0))
    middle = np.array([side, side]) / 2
    matrix[:, 2] = 32 - matrix[:, :2] @ middle
    taken = take_aligned(image, matrix, 64)
    back = np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))
    for column, row in [(32, 32), (20, 40), (45, 25), (30, 16)]:
        source = back @ [column, row, 1]
        wanted = 200 * source[:2] / side
        assert np.abs(taken[row, column, :2] - wanted).max() < 1.5


def test_averaging_takes_the_noise_of_a_fine_image_away() -> None:
    image = noise(1024, 1024)
    matrix = similar(1 / 16, 0.0, (0.0, 0.0))
    plain, smooth = (take_aligned(image, matrix, 64, how).std() for how in (False, True))
    assert smooth < 0.5 * plain


def test_it_is_black_where_the_image_ends() -> None:
    image: NDArray[np.uint8] = np.full((30, 30, 3), 200, np.uint8)
    taken = take_aligned(image, similar(1.0, 0.0, (10.0, 0.0)), 32)
    assert (taken[:, :9] == 0).all()
    assert (taken[:29, 11:] == 200).all()
