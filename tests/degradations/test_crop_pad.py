from __future__ import annotations

import cv2
import numpy as np
import pytest

from datagen.degradations.crop_pad import CropPad, CropPadParams
from datagen.errors import RecipeError
from tests.support.faces_made import made_face

FACE = made_face(1, 96).image


def draws(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(seed))


def test_a_crop_is_the_window_enlarged() -> None:
    params = CropPadParams(mode="crop", box=(10, 20, 58, 68), border="black")
    out = CropPad.build({}).apply(FACE, params)
    wanted = cv2.resize(FACE[20:68, 10:58], (96, 96), interpolation=cv2.INTER_CUBIC)
    assert np.array_equal(out, wanted)


def test_the_corners_of_the_window_go_to_the_corners_of_the_frame() -> None:
    params = CropPadParams(mode="crop", box=(10, 20, 58, 68), border="black")
    matrix = CropPad.build({}).homography(params, (96, 96))
    # Corners of pixels lie half a pixel outside their middles.
    ends = cv2.perspectiveTransform(np.array([[[9.5, 19.5], [57.5, 67.5]]]), matrix)
    assert np.allclose(ends, [[[-0.5, -0.5], [95.5, 95.5]]])


@pytest.mark.parametrize(("border", "level"), [("black", 0), ("gray", 128)])
def test_a_plain_border_is_of_one_level(border: str, level: int) -> None:
    params = CropPadParams.model_validate({"mode": "pad", "box": (8, 12, 80, 84), "border": border})
    out = CropPad.build({}).apply(FACE, params)
    assert (out[:12] == level).all()
    assert (out[:, 80:] == level).all()
    small = cv2.resize(FACE, (72, 72), interpolation=cv2.INTER_AREA)
    assert np.array_equal(out[12:84, 8:80], small)


def test_no_border_shows_the_image_a_second_time() -> None:
    """A mirror image of the fake would lie where no mask says so."""
    with pytest.raises(RecipeError, match="borders"):
        CropPad.build({"borders": ["mirror"]})


def test_a_blurred_border_is_smooth_and_has_the_colors_of_the_image() -> None:
    params = CropPadParams(mode="pad", box=(24, 24, 72, 72), border="blur")
    out = CropPad.build({}).apply(FACE, params).astype(int)
    assert np.abs(np.diff(out[:, 2], axis=0)).max() <= 6
    assert abs(out[:20].mean() - FACE.mean()) < 60


def test_nothing_cut_is_the_image_itself() -> None:
    built = CropPad.build({"amount": 0, "aspect": 1})
    params = built.sample(draws(1), (97, 131))
    assert params.box == (0, 0, 131, 97)
    image = np.zeros((97, 131, 3), np.uint8)
    assert built.apply(image, params) is image
    assert np.allclose(built.homography(params, (97, 131)), np.eye(3))


def test_options_bound_what_is_drawn() -> None:
    built = CropPad.build({"modes": ["crop"], "amount": [0.2, 0.3], "aspect": [0.9, 1.1]})
    for seed in range(30):
        params = built.sample(draws(seed), (200, 100))
        x0, y0, x1, y1 = params.box
        assert params.mode == "crop"
        assert 0 <= x0 < x1 <= 100
        assert 0 <= y0 < y1 <= 200
        width, height = (x1 - x0) / 100, (y1 - y0) / 200
        assert 0.69 <= max(width, height) <= 0.81
        assert 0.88 <= height / width <= 1.13


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"amount": [0.1, 0.7]}, r"amount: must be a range within 0 and 0\.6"),
        ({"aspect": 2}, r"aspect: must be a range within 0\.8 and 1\.25"),
        ({"modes": []}, "modes: must have at least one"),
        ({"borders": []}, "borders: must have at least one"),
        ({"borders": ["white"]}, "borders"),
    ],
)
def test_wrong_values_are_refused(options: dict[str, object], text: str) -> None:
    with pytest.raises(RecipeError, match=text):
        CropPad.build(options)
