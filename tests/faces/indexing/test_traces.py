from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image as Pillow

from datagen.core.arrays import Image
from datagen.core.images import decode, encode_jpeg
from datagen.faces.indexing.traces import few_colors, is_cut_by_border, within_border
from datagen.sources.procedural import render


def portrait(number: int = 0) -> Image:
    """Return a portrait with a background that is not of one color."""
    image = np.asarray(render(4, number, 0, 300).image).astype(int)
    noise = np.random.default_rng(number).integers(-6, 7, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def posterized(levels: int) -> Callable[[Image], Image]:
    return lambda image: (image // (256 // levels) * (255 // (levels - 1))).astype(np.uint8)


def palette(colors: int) -> Callable[[Image], Image]:
    def reduced(image: Image) -> Image:
        return np.asarray(Pillow.fromarray(image).quantize(colors).convert("RGB"))

    return reduced


def gray(image: Image) -> Image:
    return np.asarray(Pillow.fromarray(image).convert("L").convert("RGB"))


@pytest.mark.parametrize(
    ("how", "words"),
    [
        (posterized(16), "levels a channel: it was posterized"),
        (posterized(32), "levels a channel: it was posterized"),
        (lambda image: posterized(16)(gray(image)), "posterized"),
        (palette(256), "colors: it had a palette"),
        (palette(64), ": it"),
    ],
)
def test_an_image_of_few_colors_is_recognized(how: Callable[[Image], Image], words: str) -> None:
    for number in range(3):
        assert words in few_colors(how(portrait(number)))


@pytest.mark.parametrize(
    "how",
    [
        np.array,
        gray,
        lambda image: decode(encode_jpeg(image, 10)),
        lambda image: (image // 8).astype(np.uint8),  # very dark
        lambda image: np.clip(image * 2.0, 0, 255).astype(np.uint8),  # stretched
        lambda image: np.full_like(image, 128),
        lambda image: posterized(16)(image[:100, :100]),  # too small to tell
    ],
)
def test_a_photograph_has_all_its_colors(how: Callable[[Image], Image]) -> None:
    for number in range(3):
        assert few_colors(how(portrait(number))) == ""


def bordered(image: Image, color: int, left: int, top: int, right: int, bottom: int) -> Image:
    framed = np.pad(image, ((top, bottom), (left, right), (0, 0)), constant_values=color)
    return np.asarray(framed, np.uint8)


@pytest.mark.parametrize("color", [0, 128, 255])
@pytest.mark.parametrize("sides", [(0, 40, 0, 40), (25, 0, 30, 0), (9, 8, 7, 6), (0, 0, 0, 50)])
def test_a_border_is_found_on_each_side(color: int, sides: tuple[int, int, int, int]) -> None:
    image = bordered(portrait(), color, *sides)
    left, top = sides[:2]
    want = [left, top, left + 300, top + 300]
    assert within_border(image) == want
    found = within_border(decode(encode_jpeg(image, 90)))
    assert found is not None
    np.testing.assert_allclose(found, want, atol=8)


def test_no_border() -> None:
    assert within_border(portrait()) is None
    assert within_border(np.full((90, 90, 3), 7, np.uint8)) is None
    assert within_border(bordered(portrait(), 0, 1, 1, 1, 1)) is None  # a row is not yet one


def test_a_face_is_cut_where_it_reaches_over_the_border() -> None:
    inner = [10, 40, 290, 260]
    assert not is_cut_by_border([50, 60, 200, 250], inner)
    assert not is_cut_by_border([50, 38, 200, 250], inner)
    for box in ([50, 30, 200, 250], [50, 60, 200, 270], [2, 60, 200, 250], [50, 60, 299, 250]):
        assert is_cut_by_border(box, inner)
