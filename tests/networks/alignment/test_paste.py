from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from datagen.core.arrays import Affine, Image
from datagen.errors import ItemError
from datagen.faces.pixels.blend import Region
from datagen.networks.alignment.align import TEMPLATES, align_matrix, take_aligned
from datagen.networks.alignment.paste import box_mask, map_back, paste_back, pasted_region
from tests.support.assets import london_photo
from tests.support.faces_made import made_face

SIZE = 128

angles = st.floats(-180, 180)
shares = st.floats(0.05, 0.95)


def placed(
    shape: tuple[int, int], side: float, angle: float, center: tuple[float, float], size: int = SIZE
) -> Affine:
    """Return the map to the aligned square from one of ``side`` pixels about a relative center."""
    scale, turn = size / side, np.radians(angle)
    cos, sin = scale * np.cos(turn), scale * np.sin(turn)
    turned = np.array([[cos, -sin], [sin, cos]])
    middle = np.array([center[0] * (shape[1] - 1), center[1] * (shape[0] - 1)])
    return np.column_stack([turned, (size - 1) / 2 - turned @ middle])


def noise(height: int, width: int, key: int = 0) -> Image:
    """Return an image of random pixels that cannot be written to."""
    draw = np.random.Generator(np.random.Philox(key=key))
    image = draw.integers(0, 256, (height, width, 3), dtype=np.uint8)
    image.flags.writeable = False
    return image


class _Answers:
    """A session whose network answers what it was given before."""

    def __init__(self) -> None:
        self.output: NDArray[np.float32] = np.zeros((1, 3, SIZE, SIZE), np.float32)

    def run(self, names: list[str], feeds: dict[str, Any]) -> list[NDArray[np.float32]]:
        return [self.output]


@pytest.fixture(scope="module")
def library() -> Any:
    """insightface's own class, with the network taken out."""
    swapper: Any = pytest.importorskip("insightface.model_zoo.inswapper").INSwapper
    made = swapper.__new__(swapper)
    made.session, made.emap = _Answers(), np.eye(512, dtype=np.float32)
    made.input_mean, made.input_std, made.input_size = 0.0, 255.0, (SIZE, SIZE)
    made.input_names, made.output_names = ["target", "source"], ["output"]
    return made


def both(library: Any, target: Image, matrix: Affine, face: Image) -> tuple[Image, Image, Any]:
    """Paste a face by the library and by us; return both images and our mask."""
    back = cv2.invertAffineTransform(matrix)
    points = TEMPLATES["arcface_128"] * SIZE @ back[:, :2].T + back[:, 2]
    # Half a level more, because the library cuts what it gets.
    library.session.output = (face.transpose(2, 0, 1)[None].astype(np.float32) + 0.5) / 255
    donor = SimpleNamespace(normed_embedding=np.ones(512, np.float32))
    where = SimpleNamespace(kps=points.astype(np.float32))
    theirs = library.get(target[:, :, ::-1], where, donor)[:, :, ::-1]
    _, same = library.get(target[:, :, ::-1], where, donor, paste_back=False)
    ours, mask = paste_back(target, face, same)
    return theirs, ours, mask


@pytest.mark.filterwarnings("ignore:`estimate` is deprecated:FutureWarning")  # scikit-image 0.26
@given(st.data())
def test_random_matrices_give_insightfaces_own_pixels(library: Any, data: st.DataObject) -> None:
    height, width = data.draw(st.tuples(st.integers(60, 700), st.integers(60, 700)))
    side = data.draw(st.floats(0.3, 1.3)) * min(height, width)
    center = (data.draw(shares), data.draw(shares))
    matrix = placed((height, width), side, data.draw(angles), center)
    # A pixel on the threshold falls to this side or that by the last bits of float32, and the
    # library's own result hangs on it: erosion makes much of a single pixel.
    back = np.asarray(cv2.invertAffineTransform(matrix))
    cover = cv2.warpAffine(np.full((SIZE, SIZE), 255, np.float32), back, (width, height))
    assume(not (np.abs(cover - 20) < 0.05).any())
    theirs, ours, mask = both(library, noise(height, width), matrix, noise(SIZE, SIZE, 1))
    apart = np.abs(theirs.astype(int) - ours)
    assert apart[mask > 0].max() <= 2
    # Where the mask rounds to nothing the library still takes up to half a level and cuts the rest.
    assert apart[mask == 0].max(initial=0) <= 1


@pytest.mark.photos
@pytest.mark.filterwarnings("ignore:`estimate` is deprecated:FutureWarning")
@pytest.mark.parametrize("angle", [-14.0, 0.0, 3.0])
def test_a_photograph_gives_insightfaces_own_pixels(library: Any, angle: float) -> None:
    photo = london_photo("001_03", 1350)
    matrix = placed((1350, 1350), 700, angle, (0.5, 0.52))
    for face in (noise(SIZE, SIZE), take_aligned(photo, matrix, SIZE)):
        theirs, ours, mask = both(library, photo, matrix, face)
        apart = np.abs(theirs.astype(int) - ours)[mask > 0]
        assert apart.max() <= 2
        assert np.percentile(apart, 99.9) <= 1


@given(st.integers(60, 300), st.integers(60, 300), st.floats(0.7, 3), angles, shares, shares)
def test_it_replaces_what_the_mask_says_and_nothing_else(
    height: int, width: int, share: float, angle: float, x: float, y: float
) -> None:
    target, face = noise(height, width), noise(SIZE, SIZE, 1)
    matrix = placed((height, width), share * min(height, width), angle, (x, y))
    kept = matrix.copy()
    image, mask = paste_back(target, face, matrix)
    np.testing.assert_array_equal(matrix, kept)
    assert image.dtype == mask.dtype == np.uint8
    assert (image.shape, mask.shape) == (target.shape, target.shape[:2])
    assert mask.max() >= 8
    assert not np.shares_memory(image, target)
    np.testing.assert_array_equal(image[mask == 0], target[mask == 0])
    whole = Region(0, 0, width, height)
    home = map_back(face, matrix, whole)
    made, home = image.astype(int), home.astype(int)
    assert np.abs(made - home)[mask == 255].max(initial=0) <= 1
    low, high = np.minimum(home, target), np.maximum(home, target)
    assert ((made >= low - 2) & (made <= high + 2)).all()


@given(st.integers(24, 200), st.integers(24, 200), st.floats(0.1, 3), angles, shares, shares)
def test_the_region_holds_all_that_the_square_touches(
    height: int, width: int, share: float, angle: float, x: float, y: float
) -> None:
    matrix = placed((height, width), share * min(height, width), angle, (x, y))
    region = pasted_region(matrix, SIZE, (height, width))
    assert 0 <= region.x0 < region.x1 <= width
    assert 0 <= region.y0 < region.y1 <= height
    white = np.full((SIZE, SIZE), 255, np.uint8)
    whole = map_back(white, matrix, Region(0, 0, width, height))
    np.testing.assert_allclose(map_back(white, matrix, region), region.of(whole), atol=1)
    outside = whole.copy()
    region.of(outside)[...] = 0
    assert not outside.any()
    # A pixel of nothing around, or the edge of the image: the mask ends inside.
    edges = [(0, region.y0), (-1, height - region.y1), (1, region.x0), (2, width - region.x1)]
    inside = region.of(whole)
    sides = {0: inside[0], -1: inside[-1], 1: inside[:, 0], 2: inside[:, -1]}
    assert not any(sides[side].any() for side, room in edges if room)


@pytest.mark.parametrize("center", [(3.0, 0.5), (-2.0, 0.5), (0.5, 4.0), (0.5, -3.0)])
def test_a_face_outside_is_an_item_error(center: tuple[float, float]) -> None:
    matrix = placed((100, 100), 60, 20.0, center)
    with pytest.raises(ItemError, match="method_failed: the aligned face is outside"):
        paste_back(noise(100, 100), noise(SIZE, SIZE), matrix)


@pytest.mark.parametrize(
    "matrix",
    [
        np.zeros((2, 3)),
        np.array([[1.0, 2.0, 0.0], [2.0, 4.0, 0.0]]),
        np.array([[1.0, 0.0, np.nan], [0.0, 1.0, 0.0]]),
        np.array([[np.inf, 0.0, 0.0], [0.0, 1.0, 0.0]]),
    ],
    ids=["nothing", "a line", "NaN", "infinity"],
)
def test_a_matrix_without_inverse_is_an_item_error(matrix: Affine) -> None:
    with pytest.raises(ItemError, match="method_failed: the alignment matrix cannot be inverted"):
        paste_back(noise(100, 100), noise(SIZE, SIZE), matrix)


@pytest.mark.parametrize("side", [1e-3, 2.0, 6.0])
def test_a_face_of_a_few_pixels_is_an_item_error(side: float) -> None:
    matrix = placed((100, 100), side, 0.0, (0.5, 0.5))
    with pytest.raises(ItemError, match="method_failed"):
        paste_back(noise(100, 100), noise(SIZE, SIZE), matrix)


def test_a_face_far_larger_than_the_image_covers_it() -> None:
    target, face = noise(60, 80), noise(SIZE, SIZE, 1)
    matrix = placed((60, 80), 1e5, 10.0, (0.5, 0.5))
    image, mask = paste_back(target, face, matrix)
    assert (mask == 255).all()
    assert (image == map_back(face, matrix, Region(0, 0, 80, 60))).all()


@given(st.floats(100, 200), angles, st.sampled_from([112, 128, 256, 512]))
def test_what_was_taken_out_and_put_back_is_the_image(side: float, angle: float, size: int) -> None:
    y, x = np.meshgrid(np.arange(300), np.arange(300), indexing="ij")
    waves = 128 + 80 * np.sin(x / 19 + [[0]]) * np.cos(y / 23)
    target = np.rint(np.stack([waves, 255 - waves, 0.5 * waves], axis=2)).astype(np.uint8)
    matrix = placed((300, 300), side, angle, (0.5, 0.5), size)
    image, mask = paste_back(target, take_aligned(target, matrix, size), matrix)
    assert np.abs(image.astype(int) - target).max() <= 6
    assert (mask == 255).sum() > 0.4 * side**2


def test_the_mask_is_a_soft_square_within_the_face() -> None:
    matrix = placed((400, 400), 300, 0.0, (0.5, 0.5))
    mask = box_mask(matrix, SIZE, pasted_region(matrix, SIZE, (400, 400)))
    row = mask[mask.shape[0] // 2].astype(int)
    peak = np.argmax(row)
    assert row[peak] == 255
    rising = row[: mask.shape[1] // 2]
    assert (np.diff(rising) >= 0).all()
    assert rising[0] == 0
    assert 25 <= ((rising > 0) & (rising < 255)).sum() <= 32
    np.testing.assert_allclose((mask == 255).sum() ** 0.5, 300 * 0.8, rtol=0.03)


def test_a_mask_within_bounds_what_is_replaced() -> None:
    target, face = noise(200, 200), noise(SIZE, SIZE, 1)
    matrix = placed((200, 200), 150, 15.0, (0.5, 0.5))
    half = np.zeros((SIZE, SIZE), np.uint8)
    half[:, : SIZE // 2] = 255
    plain, bounded = paste_back(target, face, matrix)[1], paste_back(target, face, matrix, half)[1]
    assert (bounded <= plain).all()
    np.testing.assert_allclose(bounded.sum() / plain.sum(), 0.5, atol=0.02)
    faint = paste_back(target, face, matrix, np.full((SIZE, SIZE), 100, np.uint8))[1]
    assert faint.max() == 100
    with pytest.raises(ItemError, match="method_failed"):
        paste_back(target, face, matrix, np.zeros((SIZE, SIZE), np.uint8))


def test_faces_with_landmarks_go_home() -> None:
    face = made_face(2, 256)
    matrix = align_matrix(face.landmarks, "arcface_128", SIZE)
    image, mask = paste_back(face.image, np.zeros((SIZE, SIZE, 3), np.uint8), matrix)
    nose = face.landmarks[30].round().astype(int)
    assert mask[nose[1], nose[0]] == 255
    assert (image[nose[1], nose[0]] == 0).all()
