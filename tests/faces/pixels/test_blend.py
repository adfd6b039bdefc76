from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from datagen.errors import ItemError
from datagen.faces.pixels.blend import Region, expand, paste, region_around

PART = (9, 11)
images = arrays(np.uint8, (16, 20, 3))
parts = arrays(np.uint8, (*PART, 3))
masks = arrays(np.uint8, PART, elements=st.sampled_from([0, 1, 64, 127, 128, 254, 255]))
REGION = Region(4, 5, 15, 14)


@given(images, parts, masks)
def test_untouched_where_the_mask_is_zero_and_replaced_where_it_is_full(
    target: np.ndarray, source: np.ndarray, mask: np.ndarray
) -> None:
    before = target.copy()
    fake = paste(target, source, mask, REGION)
    whole = expand(mask, REGION, target.shape)
    assert (target == before).all()
    assert (fake[whole == 0] == target[whole == 0]).all()
    assert (REGION.of(fake)[mask == 255] == source[mask == 255]).all()


@given(images, parts, masks)
def test_in_between_it_is_the_rounded_weighted_mean(
    target: np.ndarray, source: np.ndarray, mask: np.ndarray
) -> None:
    fake = REGION.of(paste(target, source, mask, REGION)).astype(float)
    weight = mask[..., None] / 255
    exact = weight * source + (1 - weight) * REGION.of(target)
    assert np.abs(fake - exact).max() <= 0.51


def test_every_level_stays_under_a_zero_mask() -> None:
    levels = np.arange(256, dtype=np.uint8)
    target = np.repeat(levels.reshape(16, 16, 1), 3, axis=2)
    region = Region(0, 0, 16, 16)
    fake = paste(target, 255 - target, np.zeros((16, 16), np.uint8), region)
    assert (fake == target).all()
    fake = paste(255 - target, target, np.full((16, 16), 255, np.uint8), region)
    assert (fake == target).all()


def test_region_is_clipped_to_the_image() -> None:
    points = np.array([[-5.0, 3.2], [30.0, 40.0]], np.float32)
    assert region_around(points, (100, 25), 2) == Region(0, 1, 25, 43)


def test_region_outside_the_image_is_an_item_error() -> None:
    points = np.array([[200.0, 3.0], [230.0, 40.0]], np.float32)
    with pytest.raises(ItemError, match="method_failed"):
        region_around(points, (100, 100), 2)
