from __future__ import annotations

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from datagen.faces.pixels.pyramid import blend_bands
from tests.support.faces_made import made_face

SIZE = 128
A, B = made_face(1).image, made_face(5).image
LEFT = np.zeros((SIZE, SIZE), np.uint8)
LEFT[:, :64] = 255
sizes = st.tuples(st.integers(8, 40), st.integers(8, 40))


@settings(deadline=None)
@given(st.data(), sizes, st.integers(0, 8))
def test_a_full_mask_takes_the_source_and_an_empty_one_the_target(
    data: st.DataObject, size: tuple[int, int], levels: int
) -> None:
    source = data.draw(arrays(np.uint8, (*size, 3)))
    target = data.draw(arrays(np.uint8, (*size, 3)))
    full = np.full(size, 255, np.uint8)
    assert np.abs(blend_bands(source, target, full, levels).astype(int) - source).max() <= 1
    assert (blend_bands(source, target, np.zeros_like(full), levels) == target).all()


@settings(deadline=None)
@given(st.data(), sizes, st.integers(0, 8))
def test_two_equal_images_stay_whatever_the_mask(
    data: st.DataObject, size: tuple[int, int], levels: int
) -> None:
    image = data.draw(arrays(np.uint8, (*size, 3)))
    mask = data.draw(arrays(np.uint8, size))
    before = image.copy()
    assert (blend_bands(image, image, mask, levels) == image).all()
    assert (image == before).all()


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 5))
def test_far_from_the_seam_each_image_is_itself(levels: int) -> None:
    out = blend_bands(A, B, LEFT, levels).astype(int)
    reach = min(60, 3 * 2**levels)
    assert np.abs(out[:, : 64 - reach] - A[:, : 64 - reach]).max() <= 2
    assert np.abs(out[:, 64 + reach :] - B[:, 64 + reach :]).max() <= 2


def test_more_levels_make_a_wider_seam() -> None:
    dark, light = np.full_like(A, 60), np.full_like(A, 180)
    widths = []
    for levels in range(6):
        row = blend_bands(light, dark, LEFT, levels)[64, :, 0].astype(int)
        widths.append(int(((row > 66) & (row < 174)).sum()))
        assert (np.diff(row) <= 1).all()
    assert widths == sorted(widths)
    assert widths[0] == 0
    assert widths[4] > 20


def test_fine_structure_ends_at_the_seam_and_coarse_does_not() -> None:
    grain = np.random.Generator(np.random.Philox(key=1)).integers(-20, 21, A.shape)
    source = (120 + grain).astype(np.uint8)
    target = np.full_like(A, 60)
    out = blend_bands(source, target, LEFT, 4).astype(np.float32)
    fine = out - cv2.GaussianBlur(out, (0, 0), 1)
    assert np.abs(fine[:, 68:]).mean() < 0.1 * np.abs(fine[:, :60]).mean()
    assert out[:, 68:72].mean() > 70


def test_what_lies_beside_the_seam_does_not_enter() -> None:
    plain = np.full_like(A, 150)
    hair = plain.copy()
    hair[:, 66:] = 10
    target = np.full_like(A, 140)
    out = blend_bands(hair, target, LEFT, 4)
    assert np.abs(out.astype(int) - blend_bands(plain, target, LEFT, 4)).max() <= 1
