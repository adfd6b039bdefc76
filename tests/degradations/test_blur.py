from __future__ import annotations

import cv2
import numpy as np
import pytest

from datagen.core.arrays import Image
from datagen.degradations.blur import Blur, BlurParams
from datagen.errors import RecipeError


def draws(seed: int = 1) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(seed))


def textured(side: int = 120) -> Image:
    return np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)


def dot(side: int = 161) -> Image:
    image = np.zeros((side, side, 3), np.uint8)
    cv2.circle(image, (side // 2, side // 2), 3, (255, 255, 255), -1)
    return image


def spread(image: Image) -> tuple[float, float, float, float]:
    """Middle and standard deviation of the light along x and y."""
    light = image[..., 0].astype(float)
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
    x, y = (light * columns).sum() / light.sum(), (light * rows).sum() / light.sum()
    wide = np.sqrt((light * (columns - x) ** 2).sum() / light.sum())
    high = np.sqrt((light * (rows - y) ** 2).sum() / light.sum())
    return float(x), float(y), float(wide), float(high)


@pytest.mark.parametrize("kernel", [7, 9, 13, 17, 21])
def test_gaussian_blur_of_deeper_forensics_is_exact(kernel: int) -> None:
    image = textured()
    built = Blur.build({"kind": ["gaussian"], "kernel": kernel})
    params = built.sample(draws(), (120, 120))
    assert params.sigma == kernel / 6
    expected = cv2.GaussianBlur(image, (kernel, kernel), kernel / 6)
    assert np.array_equal(built.apply(image, params), expected)


def test_a_given_sigma_replaces_a_sixth_of_the_kernel() -> None:
    built = Blur.build({"kind": ["gaussian"], "kernel": 9, "sigma": 4.0})
    params = built.sample(draws(), (120, 120))
    expected = cv2.GaussianBlur(textured(), (9, 9), 4.0)
    assert np.array_equal(built.apply(textured(), params), expected)


@pytest.mark.parametrize("width", [0.03, 0.12, 0.25])
def test_gaussian_and_disc_spread_a_point_as_told_and_where_it_was(width: float) -> None:
    x, y, wide, _ = spread(dot())
    for kind in ("gaussian", "defocus"):
        built = Blur.build({"kind": [kind], "width": width})
        after = spread(built.apply(dot(), built.sample(draws(), (161, 161))))
        expected = np.hypot(wide, width * 161 / 4)
        assert np.hypot(after[0] - x, after[1] - y) < 0.2
        assert after[2] == pytest.approx(expected, rel=0.12)
        assert after[3] == pytest.approx(expected, rel=0.12)


@pytest.mark.parametrize("length", [5.0, 24.0])
def test_motion_goes_along_its_angle(length: float) -> None:
    built = Blur.build({"kind": ["motion"]})
    before = spread(dot())
    across = built.apply(dot(), BlurParams(kind="motion", width=length / 161, angle=0))
    down = built.apply(dot(), BlurParams(kind="motion", width=length / 161, angle=90))
    x, y, wide, high = spread(across)
    assert np.hypot(x - before[0], y - before[1]) < 0.6
    assert wide == pytest.approx(np.hypot(before[2], length / np.sqrt(12)), rel=0.08)
    assert high == pytest.approx(before[3], rel=0.02)
    assert spread(down)[3] == pytest.approx(wide, rel=0.02)
    slant = built.apply(dot(), BlurParams(kind="motion", width=length / 161, angle=45))
    assert slant[80 + 3, 80 + 3, 0] > slant[80 + 3, 80 - 3, 0]


def test_zoom_leaves_its_middle_sharp_and_moves_nothing() -> None:
    built = Blur.build({"kind": ["zoom"]})
    image = np.zeros((201, 201, 3), np.uint8)
    for at in (100, 180):
        cv2.circle(image, (at, 100), 3, (255, 255, 255), -1)
    out = built.apply(image, BlurParams(kind="zoom", width=0.1, middle=(0.5, 0.5)))
    middle, aside = spread(out[:, 80:121]), spread(out[:, 150:])
    assert middle[2] == pytest.approx(spread(image[:, 80:121])[2], abs=0.6)
    assert aside[2] > aside[3] + 1
    assert aside[0] == pytest.approx(30, abs=1.5)


def test_a_width_below_half_a_pixel_does_nothing() -> None:
    image = textured(64)
    built = Blur.build({"width": 0.005})
    assert built.apply(image, built.sample(draws(), (64, 64))) is image


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"width": [0.1, 0.6]}, "width: must be a range within 0 and 0.5"),
        ({"kind": []}, "must have at least one of gaussian"),
        ({"kind": ["gaussian"], "kernel": 8}, "odd number of pixels from 3 to 99"),
        ({"kernel": 7}, "needs kind: .gaussian."),
        ({"kind": ["gaussian"], "kernel": 7, "width": 0.1}, "excludes 'width'"),
        ({"sigma": 2.0}, "sigma: needs 'kernel'"),
        ({"kind": ["gaussian"], "kernel": 7, "sigma": 0.0}, "within 0.1 and 50"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, object], told: str) -> None:
    with pytest.raises(RecipeError, match=told):
        Blur.build(options)
