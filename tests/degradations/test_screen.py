from __future__ import annotations

import numpy as np
import pytest

from datagen.core.arrays import Image
from datagen.degradations.base import warp
from datagen.degradations.ops.display import pixel_cell, sample_grid, sensor_noise, to_display
from datagen.degradations.screen import Screen, ScreenParams
from datagen.errors import RecipeError
from tests.support.faces_made import made_face

FACE = made_face(1, 128).image
NOTHING: dict[str, float] = dict.fromkeys(
    ("tilt", "grid", "glare", "haze", "white", "blur", "noise"), 0.0
) | {"gamma": 1.0}


def shot(options: dict[str, float], image: Image = FACE) -> Image:
    screen = Screen.build(NOTHING | options)
    rng = np.random.Generator(np.random.Philox(4))
    return screen.apply(image, screen.sample(rng, (image.shape[0], image.shape[1])))


def test_a_perfect_display_and_camera_change_nothing() -> None:
    assert np.abs(shot({}).astype(int) - FACE).max() <= 1


def test_one_pixel_of_the_display_sends_as_much_of_each_color() -> None:
    light = pixel_cell(24, 0.4, 0.7).astype(float) ** 2.2
    assert np.allclose(light.mean(axis=(0, 1)), 1, atol=1e-3)
    red, _, blue = (light[:, :, channel].mean(axis=0).argmax() for channel in range(3))
    assert red < blue


def test_a_sensor_pixel_as_wide_as_one_of_the_display_sees_no_grid() -> None:
    assert np.allclose(pixel_cell(24, 1.0, 1.0), 1, atol=1e-3)


def test_moire_is_as_long_as_sampling_theory_says() -> None:
    pitch = 1.1  # 1 / (1 / 1.1 - 1) = -11: every 11 pixels the samples come back in step
    display = to_display(np.eye(3), pitch, 0, (0, 0))
    row = sample_grid((8, 220), display, 0.5, 0.6)[4, :, 1]
    spectrum = np.abs(np.fft.rfft(row - row.mean()))
    assert int(spectrum.argmax()) == 220 // 11


def test_a_grid_colors_gray_and_keeps_its_mean() -> None:
    gray = np.full((128, 128, 3), 120, np.uint8)
    out = shot({"grid": 0.6, "pitch": 1.4, "aperture": 0.5}, gray).astype(float)
    assert np.ptp(out, axis=2).mean() > 10
    assert abs(out.mean() - 120) < 12


def test_glare_and_haze_only_brighten() -> None:
    for option in ("glare", "haze"):
        out = shot({option: 0.3}).astype(int)
        assert (out - FACE).min() >= -1
        assert (out - FACE).max() > 15


def test_white_point_weakens_red_and_blue_only() -> None:
    ratio = shot({"white": 0.2}).astype(float).mean(axis=(0, 1)) / FACE.mean(axis=(0, 1))
    assert ratio[1] == pytest.approx(1, abs=0.01)
    assert 0.79 < ratio[0] < 0.999
    assert 0.79 < ratio[2] < 0.999


def test_noise_has_the_deviation_that_was_asked_for() -> None:
    field = sensor_noise((200, 200), 5.0, 3)
    assert field.std() == pytest.approx(5, rel=0.02)
    assert abs(field.mean()) < 0.1
    assert abs(np.corrcoef(field[:, :, 0].ravel(), field[:, :, 1].ravel())[0, 1]) < 0.02


def test_the_image_still_fills_the_frame() -> None:
    screen = Screen.build({"tilt": 0.1})
    rng = np.random.Generator(np.random.Philox(4))
    params: ScreenParams = screen.sample(rng, (128, 128))
    full = np.full((128, 128), 255, np.uint8)
    assert (warp(full, screen.homography(params, (128, 128))) == 255).all()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"pitch": [0.1, 1]}, r"pitch: must be a range within 0\.5 and 3"),
        ({"grid": 2}, "grid: must be a range within 0 and 1"),
        ({"noise": -1}, "noise: must be a range within 0 and 30"),
    ],
)
def test_wrong_values_are_refused(options: dict[str, object], text: str) -> None:
    with pytest.raises(RecipeError, match=text):
        Screen.build(options)
