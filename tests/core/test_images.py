from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import JpegImagePlugin

from datagen.core.arrays import Image
from datagen.core.images import (
    SUBSAMPLING,
    average_down,
    decode,
    encode_jpeg,
    encode_png,
    encode_webp,
    encode_with_pillow,
    is_gray,
    psnr,
    read_gray,
    read_rgb,
    size_of,
)
from datagen.core.rng import rng
from datagen.errors import ImageError


def test_average_down_is_the_mean_of_each_block() -> None:
    image = np.random.default_rng(3).integers(0, 256, (9, 14, 3)).astype(np.uint8)
    found = average_down(image, 4)
    padded = np.pad(image, ((0, 3), (0, 2), (0, 0)), mode="edge").astype(float)
    want = padded.reshape(3, 4, 4, 4, 3).mean(axis=(1, 3))
    assert found.shape == (3, 4, 3)
    np.testing.assert_allclose(found, want, atol=0.51)


def _square(*pixel: int) -> Image:
    return np.full((8, 8, 3), pixel, np.uint8)


@pytest.mark.parametrize("subsampling", sorted(SUBSAMPLING))
def test_a_jpeg_has_the_subsampling_that_was_asked_for(subsampling: str) -> None:
    image = rng("subsampling").integers(0, 256, (32, 32, 3), np.uint8)
    data = encode_jpeg(image, 90, subsampling)
    with Pillow.open(io.BytesIO(data)) as opened:
        found = JpegImagePlugin.get_sampling(opened)
    assert found == ["4:4:4", "4:2:2", "4:2:0"].index(subsampling)
    assert encode_jpeg(image, 90, subsampling) == data


def test_lossless_encoders_give_the_image_back() -> None:
    image = rng("lossless").integers(0, 256, (9, 7, 3), np.uint8)
    np.testing.assert_array_equal(decode(encode_png(image)), image)
    np.testing.assert_array_equal(read_rgb(encode_webp(image)), image)
    np.testing.assert_array_equal(read_gray(encode_png(image[..., 0].copy())), image[..., 0])
    assert read_rgb(encode_webp(image, 50)).shape == image.shape


def test_what_was_read_can_be_written_to() -> None:
    assert read_rgb(encode_png(_square(1, 2, 3))).flags.writeable
    assert read_gray(encode_png(_square(1, 2, 3)[..., 0].copy())).flags.writeable


def test_pillow_encodes_what_opencv_has_no_options_for() -> None:
    image = _square(10, 20, 30)
    np.testing.assert_array_equal(read_rgb(encode_with_pillow(image, "PNG", optimize=True)), image)


def test_the_size_is_read_from_the_header() -> None:
    assert size_of(encode_png(np.zeros((5, 9), np.uint8))) == (9, 5)
    assert size_of(b"no image") is None


def test_gray_is_a_matter_of_tolerance() -> None:
    assert is_gray(_square(7, 7, 7))
    assert not is_gray(_square(7, 7, 8))
    assert is_gray(_square(7, 7, 9), 2)
    assert not is_gray(_square(7, 7, 10), 2)


def test_psnr_counts_where_the_mask_is_not_0() -> None:
    before, after = _square(10, 10, 10), _square(10, 10, 10)
    after[:, :4] = 20
    inside = np.zeros((8, 8), np.uint8)
    assert psnr(before, before.copy()) is None
    assert psnr(before, after, inside) is None
    inside[:, :4] = 255
    assert psnr(before, after, inside) == round(20 * np.log10(255 / 10), 2)
    assert psnr(before, after) == round(20 * np.log10(255 / 10) + 10 * np.log10(2), 2)


def test_a_mask_is_8_bit_gray() -> None:
    with pytest.raises(ImageError, match="expected 8-bit gray, found RGB"):
        read_gray(encode_png(_square(1, 2, 3)))
