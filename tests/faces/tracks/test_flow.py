from __future__ import annotations

import cv2
import numpy as np
import pytest

from datagen.core.arrays import Image
from datagen.core.rng import rng
from datagen.faces.tracks.flow import head_step

BOX = np.array([180, 80, 380, 330], np.float32)


def pattern(size: tuple[int, int] = (400, 560), seed: int = 1) -> Image:
    noise = rng("pattern", seed).integers(0, 256, (*size, 3)).astype(np.uint8)
    blurred = cv2.GaussianBlur(noise, (0, 0), 3).astype(np.float32)
    return np.clip((blurred - 127) * 5 + 127, 0, 255).astype(np.uint8)


def moved(image: Image, factor: complex, shift: complex) -> Image:
    matrix = np.array(
        [[factor.real, -factor.imag, shift.real], [factor.imag, factor.real, shift.imag]],
        np.float64,
    )
    size = image.shape[1], image.shape[0]
    return np.asarray(cv2.warpAffine(image, matrix, size, flags=cv2.INTER_CUBIC), np.uint8)


@pytest.mark.parametrize(
    ("factor", "shift"),
    [(1, 0), (1, 2.3 - 1.6j), (1.01 * np.exp(0.01j), 1 - 4j), (0.99 * np.exp(-0.02j), 6 + 5j)],
)
@pytest.mark.parametrize("enlarged", [1, 3])
def test_a_similarity_is_measured_to_a_small_part_of_a_pixel(
    factor: complex, shift: complex, enlarged: int
) -> None:
    size = (400 * enlarged, 560 * enlarged)
    enlarged_image = cv2.resize(pattern(), size[::-1], interpolation=cv2.INTER_CUBIC)
    before = np.asarray(enlarged_image, np.uint8)
    found = head_step(before, moved(before, complex(factor), complex(shift)), BOX * enlarged)
    assert found is not None
    for x, y in ((200, 100), (360, 100), (280, 300)):
        point = complex(x, y) * enlarged
        true = factor * point + shift
        assert abs(found[0] * point + found[1] - true) < 0.06 * enlarged


def test_what_is_behind_the_face_does_not_count() -> None:
    behind, face = pattern(), pattern(seed=2)
    inside = np.zeros(behind.shape[:2], np.uint8)
    cv2.ellipse(inside, ((280.0, 205.0), (200.0, 250.0), 0.0), 1, -1)

    def frame(shift: float) -> Image:
        matrix = np.array([[1.0, 0, shift], [0, 1.0, 0]])
        mask = cv2.warpAffine(inside, matrix, (560, 400))[..., None]
        return np.where(mask > 0, cv2.warpAffine(face, matrix, (560, 400)), behind)

    found = head_step(frame(0), frame(3), BOX)
    assert found is not None
    assert abs(found[0] * (280 + 205j) + found[1] - (283 + 205j)) < 0.1


def test_an_image_without_corners_or_a_new_scene_says_nothing() -> None:
    plain = np.full((400, 560, 3), 90, np.uint8)
    assert head_step(plain, plain, BOX) is None
    assert head_step(pattern(), pattern(seed=5), BOX) is None
    assert head_step(pattern(), pattern(), np.array([600, 10, 700, 90], np.float32)) is None
    assert head_step(pattern(), pattern(), np.array([10, 10, 20, 20], np.float32)) is None


def test_a_face_at_the_border_is_measured_by_its_part_in_the_image() -> None:
    image = pattern()
    found = head_step(image, moved(image, 1, 2), np.array([-60, 60, 160, 330], np.float32))
    assert found is not None
    assert abs(found[0] * (80 + 200j) + found[1] - (82 + 200j)) < 0.1
