from __future__ import annotations

from itertools import product
from typing import get_args

import cv2
import numpy as np
import pytest

from datagen.core.arrays import Image
from datagen.degradations.resize import Kernel, Resize, ResizeParams
from datagen.errors import RecipeError
from tests.support.faces_made import made_face

KERNELS = get_args(Kernel)


@pytest.fixture(scope="module")
def image() -> Image:
    return np.ascontiguousarray(made_face(2, 128).image[:97, :121])


def through(image: Image, factor: float, down: Kernel = "area", up: Kernel = "linear") -> Image:
    return Resize.build({}).apply(image, ResizeParams(factor=factor, down=down, up=up))


@pytest.mark.parametrize(("down", "up"), list(product(KERNELS, KERNELS)))
def test_no_kernel_moves_the_image(down: Kernel, up: Kernel) -> None:
    rows, columns = np.mgrid[:97, :121].astype(np.float64)
    blob = 250 * np.exp(-((columns - 90) ** 2 + (rows - 70) ** 2) / 200)
    picture = np.repeat(blob[..., None], 3, axis=2).astype(np.uint8)
    weight = through(picture, 6.0, down, up)[..., 0].astype(np.float64)
    x, y = ((weight * axis).sum() / weight.sum() for axis in (columns, rows))
    assert abs(x - 90) < 0.55
    assert abs(y - 70) < 0.55  # nearest: half a pixel when a block has no middle pixel


def test_a_larger_factor_loses_more(image: Image) -> None:
    kept = [cv2.PSNR(through(image, factor), image) for factor in (1.5, 3.0, 6.0, 12.0)]
    assert kept == sorted(kept, reverse=True)


def test_every_kernel_is_one_of_its_own(image: Image) -> None:
    downs = {through(image, 3.3, kernel).tobytes() for kernel in KERNELS}
    assert len(downs) == len(KERNELS)
    ups = {through(image, 3.3, "area", kernel).tobytes() for kernel in KERNELS}
    assert len(ups) >= len(KERNELS) - 1  # on the way up, area and linear may agree


def test_a_factor_of_one_does_nothing(image: Image) -> None:
    assert np.array_equal(through(image, 1.0), image)
    assert np.array_equal(through(image, 1.001), image)


def test_a_factor_beyond_the_image_leaves_one_pixel() -> None:
    tiny = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
    assert np.ptp(through(tiny, 32.0), axis=(0, 1)).max() == 0


def test_draws_keep_to_the_options() -> None:
    kind = Resize.build({"factor": [2, 3], "down": ["area", "linear"], "up": ["cubic"]})
    rng = np.random.Generator(np.random.Philox(1))
    params = [kind.sample(rng, (64, 64)) for _ in range(60)]
    assert all(2 <= found.factor <= 3 for found in params)
    assert {found.down for found in params} == {"area", "linear"}
    assert {found.up for found in params} == {"cubic"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"factor": [0.5, 2]}, "factor: must be a range within 1 and 32"),
        ({"factor": 33}, "factor: must be a range within 1 and 32"),
        ({"down": []}, "down: must have at least one of nearest"),
        ({"up": []}, "up: must have at least one of nearest"),
        ({"up": ["bilinear"]}, "up"),
    ],
)
def test_wrong_values_are_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        Resize.build(options)
