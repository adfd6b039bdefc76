from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
import pytest

from datagen.core.arrays import Image
from datagen.degradations.pixelate import Pixelate, PixelateParams
from datagen.errors import RecipeError
from tests.support.faces_made import made_face


@pytest.fixture(scope="module")
def image() -> Image:
    return np.ascontiguousarray(made_face(2, 128).image[:97, :121])


def through(image: Image, factor: int, up: Literal["nearest", "linear"]) -> Image:
    return Pixelate.build({}).apply(image, PixelateParams(factor=factor, up=up))


@pytest.mark.parametrize("severity", [1, 2, 3, 4, 5])
def test_the_levels_are_those_of_deeper_forensics(image: Image, severity: int) -> None:
    factor = (2, 3, 4, 5, 6)[severity - 1]
    height, width = image.shape[:2]
    want = cv2.resize(cv2.resize(image, (width // factor, height // factor)), (width, height))
    kind = Pixelate.at(severity)
    params = kind.sample(np.random.Generator(np.random.Philox(1)), (height, width))
    assert np.array_equal(kind.apply(image, params), want)


def test_nearest_shows_blocks_of_one_color() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (48, 60, 3), np.uint8)
    blocks = through(picture, 6, "nearest").reshape(8, 6, 10, 6, 3)
    assert np.ptp(blocks, axis=(1, 3)).max() == 0


def test_blocks_lie_over_what_they_stand_for(image: Image) -> None:
    assert cv2.PSNR(through(image, 3, "nearest"), image) > cv2.PSNR(
        through(image, 3, "nearest"), np.roll(image, 1, axis=1)
    )


def test_a_factor_beyond_the_image_leaves_one_pixel() -> None:
    tiny = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
    assert np.ptp(through(tiny, 64, "nearest"), axis=(0, 1)).max() == 0


def test_draws_keep_to_the_options() -> None:
    kind = Pixelate.build({"factor": [3, 5], "up": ["nearest"]})
    rng = np.random.Generator(np.random.Philox(1))
    params = [kind.sample(rng, (64, 64)) for _ in range(60)]
    assert {found.factor for found in params} == {3, 4, 5}
    assert {found.up for found in params} == {"nearest"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"factor": [1, 4]}, "factor: must be a range within 2 and 64"),
        ({"factor": 65}, "factor: must be a range within 2 and 64"),
        ({"up": []}, "up: must have at least one of nearest, linear"),
        ({"up": ["cubic"]}, "up"),
    ],
)
def test_wrong_values_are_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        Pixelate.build(options)
