from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from datagen.core.arrays import Image
from datagen.core.images import decode, encode_jpeg, is_gray
from datagen.core.tone import average_tone, in_tone, keep_tone, tone_of
from datagen.sources.procedural import render
from tests.support.assets import london

SIDE = 384


def portrait(number: int) -> Image:
    return np.asarray(render(4, number, 0, SIDE).image)


def to_gray(image: Image) -> Image:
    luma = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.cvtColor(luma, cv2.COLOR_GRAY2RGB), np.uint8)


def off_by_two(image: Image) -> Image:
    noise = np.random.default_rng(1).integers(-2, 3, image.shape)
    return np.asarray(np.clip(to_gray(image) + noise, 0, 255), np.uint8)


def sepia(image: Image) -> Image:
    """Return what photo programs make; bright parts are cut off."""
    matrix = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]])
    return np.asarray(np.clip(image @ matrix.T, 0, 255), np.uint8)


def duotone(low: tuple[int, ...], high: tuple[int, ...]) -> Callable[[Image], Image]:
    def toned(image: Image) -> Image:
        share = to_gray(image)[..., :1] / 255
        return np.rint(np.array(low) * (1 - share) + np.array(high) * share).astype(np.uint8)

    return toned


def saved_at(quality: int, make: Callable[[Image], Image]) -> Callable[[Image], Image]:
    return lambda image: decode(encode_jpeg(make(image), quality))


TONED: dict[str, Callable[[Image], Image]] = {
    "gray": to_gray,
    "gray_jpeg": saved_at(60, to_gray),
    "off_by_two": off_by_two,
    "off_by_two_jpeg": saved_at(80, off_by_two),
    "sepia": sepia,
    "sepia_jpeg": saved_at(75, sepia),
    "selenium": saved_at(80, duotone((20, 10, 60), (255, 240, 200))),
    "cyanotype": saved_at(80, duotone((0, 30, 80), (230, 245, 255))),
}


@pytest.mark.parametrize("name", TONED)
def test_a_black_and_white_photograph_is_recognized_however_it_is_saved(name: str) -> None:
    for number in range(4):
        assert tone_of(TONED[name](portrait(number))) is not None


def warm(image: Image) -> Image:
    return np.asarray(np.clip(image * np.array([1.1, 0.9, 0.7]), 0, 255), np.uint8)


def dim(image: Image) -> Image:
    return (image * 0.6).astype(np.uint8)


def pale(image: Image) -> Image:
    gray = to_gray(image).astype(float)
    return np.asarray(np.rint(gray + 0.5 * (image - gray)), np.uint8)


@pytest.mark.parametrize("how", [np.array, warm, dim, pale, saved_at(30, np.array)])
def test_color_is_recognized_in_any_light(how: Callable[[Image], Image]) -> None:
    for number in range(8):
        assert tone_of(how(portrait(number))) is None


def test_every_photograph_of_the_london_set_is_in_color() -> None:
    for path in sorted(london().glob("*.jpg"))[::4]:
        image = np.asarray(cv2.imread(str(path), cv2.IMREAD_REDUCED_COLOR_2 | cv2.IMREAD_COLOR_RGB))
        assert tone_of(image) is None, path.name


def chroma(image: Image) -> NDArray[np.float64]:
    """Return how far the channels are apart."""
    values = image.astype(float)
    return np.stack([values[..., 0] - values[..., 1], values[..., 2] - values[..., 1]])


@pytest.mark.parametrize("name", TONED)
def test_what_is_kept_in_tone_has_its_colors_and_is_equal_where_it_was(name: str) -> None:
    real = TONED[name](portrait(0))
    tone = tone_of(real)
    assert tone is not None
    fake = real.copy()
    fake[100:200, 100:200] = (220, 40, 60)  # red lips
    fake[200:240, 100:200] = portrait(1)[200:240, 100:200]
    kept = keep_tone(fake, real, tone)
    same = (fake == real).all(axis=2)
    np.testing.assert_array_equal(kept[same], real[same])
    np.testing.assert_allclose(to_gray(kept)[~same], to_gray(fake)[~same], atol=12)
    again = tone_of(kept)
    assert again is not None
    assert np.abs(chroma(kept)).max() < np.abs(chroma(real)).max() + 12
    if is_gray(real):
        np.testing.assert_array_equal(kept, to_gray(fake))


def test_a_gray_image_takes_the_colors_of_another() -> None:
    target, donor = portrait(0), to_gray(portrait(1))
    tinted = in_tone(donor, average_tone(target))
    np.testing.assert_allclose(to_gray(tinted), donor, atol=3)
    assert np.abs(chroma(tinted)).mean() > 0.4 * np.abs(chroma(target)).mean()
    inside = np.zeros(target.shape[:2], bool)
    assert in_tone(donor, average_tone(target, inside)).shape == donor.shape
    flat = np.full((64, 64, 3), (200, 120, 90), np.uint8)
    np.testing.assert_allclose(
        chroma(in_tone(np.full_like(flat, 130), average_tone(flat))), chroma(flat), atol=2
    )
