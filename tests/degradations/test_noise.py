from __future__ import annotations

import cv2
import numpy as np
import pytest

from datagen.core.arrays import Image
from datagen.core.images import is_gray
from datagen.degradations.noise import Noise
from datagen.degradations.ops.noise import GRAY_TOLERANCE, normals, photon_noise
from datagen.errors import RecipeError


def draws(seed: int = 1) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(seed))


def plain(level: tuple[int, int, int], side: int = 200) -> Image:
    return np.full((side, side, 3), level, np.uint8)


def noise_of(options: dict[str, object], image: Image) -> np.ndarray:
    built = Noise.build(options)
    params = built.sample(draws(), (image.shape[0], image.shape[1]))
    return built.apply(image, params).astype(np.float64) - image


SKIN = (150, 120, 100)


def test_the_normal_numbers_are_normal_and_repeat() -> None:
    values = normals(3, (300, 300, 3))
    assert values.dtype == np.float32
    assert abs(float(values.mean())) < 0.01
    assert float(values.std()) == pytest.approx(1, abs=0.01)
    assert float((np.abs(values) < 1).mean()) == pytest.approx(0.6827, abs=0.005)
    assert float((np.abs(values) > 3).mean()) == pytest.approx(0.0027, abs=0.0006)
    assert np.array_equal(values, normals(3, (300, 300, 3)))
    assert not np.array_equal(values, normals(4, (300, 300, 3)))


def test_variance_is_that_of_values_from_0_to_1() -> None:
    noise = noise_of({"kind": ["gaussian"], "variance": 0.001}, plain(SKIN))
    for channel in range(3):
        assert noise[..., channel].std() == pytest.approx(255 * np.sqrt(0.001), rel=0.03)
    assert abs(np.corrcoef(noise[..., 0].ravel(), noise[..., 1].ravel())[0, 1]) < 0.03


@pytest.mark.parametrize("variance", [0.001, 0.002, 0.005])
def test_ycbcr_noise_is_that_of_deeper_forensics(variance: float) -> None:
    noise = noise_of({"kind": ["gaussian"], "space": "ycbcr", "variance": variance}, plain(SKIN))
    back = np.linalg.inv(np.array([[1, 0, 1.403], [1, -0.344, -0.714], [1, 1.773, 0]]))
    planes = noise.reshape(-1, 3) @ back.T
    studio = np.array([219, 224, 224]) / 255
    assert (planes.std(axis=0) * studio / 255) ** 2 == pytest.approx(variance, rel=0.06)


def test_gray_images_get_the_luma_of_it() -> None:
    options = {"kind": ["gaussian"], "space": "ycbcr", "variance": 0.001}
    noise = noise_of(options, plain((120, 120, 120)))
    assert np.array_equal(noise[..., 0], noise[..., 2])
    assert noise.std() == pytest.approx(255 * np.sqrt(0.001) * 255 / 219, rel=0.03)


def test_sensor_noise_depends_on_the_light() -> None:
    options = {"kind": ["sensor"], "shot": 0.002, "read": 0.003}
    table = photon_noise(0.002, 0.003)
    for level in (40, 120, 200):
        noise = noise_of(options, plain((level, level, level + 10)))
        assert noise[..., 0].std() == pytest.approx(float(table[level]), rel=0.06)
    assert table[40] > table[200]


def test_more_read_noise_shows_in_the_shadows_only() -> None:
    less, more = photon_noise(0.002, 0.001), photon_noise(0.002, 0.01)
    assert more[10] > 1.8 * less[10]
    assert more[200] < 1.05 * less[200]


def test_iso_noise_has_grain_and_broader_blotches_of_color() -> None:
    options = {"kind": ["iso"], "luma": 8, "chroma": 5, "grain": 0.006}
    noise = noise_of(options, plain((110, 100, 90)))
    luma = noise @ [0.299, 0.587, 0.114]
    color = noise[..., 2] - luma

    def likeness(plane: np.ndarray, step: int) -> float:
        return float(np.corrcoef(plane[:, :-step].ravel(), plane[:, step:].ravel())[0, 1])

    assert 0.3 < likeness(luma, 1) < likeness(color, 1)
    assert likeness(luma, 4) < 0.1 < likeness(color, 2)
    assert luma.std() == pytest.approx(8, rel=0.15)
    assert color.std() == pytest.approx(5 * 1.772, rel=0.15)


def test_chroma_zero_leaves_the_color_differences() -> None:
    noise = noise_of({"kind": ["iso"], "luma": 8, "chroma": 0}, plain((110, 100, 104)))
    assert np.abs(noise[..., 0] - noise[..., 2]).max() <= 2


def test_both_halves_get_one_field() -> None:
    built = Noise.build({"kind": ["gaussian"], "variance": 0.001})
    params = built.sample(draws(), (100, 100))
    first, second = plain((110, 120, 130), 100), plain((140, 120, 100), 100)
    one, two = built.apply_all([first, second], params)
    assert np.abs((one.astype(int) - first) - (two.astype(int) - second)).max() <= 1


def test_no_variance_is_no_noise() -> None:
    assert not noise_of({"kind": ["gaussian"], "variance": 0}, plain(SKIN)).any()


def test_what_an_encoder_left_of_gray_is_gray() -> None:
    image = plain((100, 102, 101), 40)
    assert is_gray(image, GRAY_TOLERANCE)
    cv2.circle(image, (21, 21), 2, (100, 104, 100), -1)
    assert not is_gray(image, GRAY_TOLERANCE)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"variance": [0.1, 0.3]}, "variance: must be a range within 0 and 0.25"),
        ({"shot": -0.1}, "shot: must be a range within 0 and 0.5"),
        ({"luma": 90}, "luma: must be a range within 0 and 80"),
        ({"kind": []}, "must have at least one of gaussian"),
        ({"space": "lab"}, "space"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, object], told: str) -> None:
    with pytest.raises(RecipeError, match=told):
        Noise.build(options)
