from __future__ import annotations

import cv2
import numpy as np
import pytest

from datagen.core.arrays import Image
from datagen.core.phash import distance, phash, phash_both
from tests.support.faces_made import made_face


def copy(image: Image, suffix: str, *flags: int) -> Image:
    data = cv2.imencode(suffix, image, list(flags))[1]
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert decoded is not None
    return np.asarray(decoded, np.uint8)


@pytest.mark.parametrize("number", range(4))
def test_copies_are_near(number: int) -> None:
    image = made_face(number, 256).image
    own = phash(image)
    assert distance(own, phash(copy(image, ".jpg", cv2.IMWRITE_JPEG_QUALITY, 60))) <= 4
    assert distance(own, phash(copy(image, ".webp", cv2.IMWRITE_WEBP_QUALITY, 60))) <= 4
    for size in (100, 190, 512):
        small = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)
        assert distance(own, phash(np.asarray(small, np.uint8))) <= 4
    brighter = np.clip(image.astype(int) + 12, 0, 255).astype(np.uint8)
    assert distance(own, phash(brighter)) <= 6


def scene(number: int) -> Image:
    rough = np.random.default_rng(number).integers(0, 256, (6, 6, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(rough, (200, 150), interpolation=cv2.INTER_CUBIC), np.uint8)


def test_other_images_are_far() -> None:
    hashes = [phash(scene(number)) for number in range(12)]
    apart = [distance(a, b) for n, a in enumerate(hashes) for b in hashes[:n]]
    assert min(apart) > 12
    assert 28 < np.mean(apart) < 36


@pytest.mark.parametrize("width", [200, 203])
def test_a_mirrored_image_is_another(width: int) -> None:
    image = np.ascontiguousarray(scene(1)[:, :width])
    image = np.pad(image, ((0, 0), (0, width - image.shape[1]), (0, 0)), "edge")
    turned = phash(np.ascontiguousarray(image[:, ::-1]))
    assert distance(phash(image), turned) > 16
    own, other = phash_both(image)
    assert own == phash(image)
    assert distance(other, turned) <= 1


def test_a_hash_is_sixteen_hex_digits_of_which_about_half_the_bits_are_set() -> None:
    found = phash(scene(2))
    assert len(found) == 16
    assert int(found, 16).bit_count() == 32
    assert len(phash(np.full((40, 40, 3), 128, np.uint8))) == 16


def test_distance_counts_bits() -> None:
    assert distance("0" * 16, "f" * 16) == 64
    assert distance("00000000000000f0", "0000000000000081") == 4
    assert distance("8000000000000001", "8000000000000001") == 0
