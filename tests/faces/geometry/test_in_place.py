from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from datagen.faces.geometry.in_place import (
    affine_map,
    in_place,
    resampled_in_place,
    within_loss,
)
from datagen.faces.geometry.warp import WarpMap, warp_affine, warp_pixels
from datagen.faces.pixels.blend import Region
from tests.support.faces_made import made_face

REGION = Region(30, 20, 100, 110)
FULL = np.full((90, 70), 255, np.uint8)


def _affine(angle: float, scale: float, x: float, y: float) -> np.ndarray:
    a, b = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[a, -b, x], [b, a, y]])


def _apart(field: WarpMap) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.arange(30, 100), np.arange(20, 110)[:, None]
    return field.x - x, field.y - y


@settings(deadline=None, max_examples=30)
@given(st.floats(-0.6, 0.6), st.floats(0.8, 1.25), st.floats(-30, 30), st.floats(-30, 30))
def test_each_pixel_is_as_far_from_a_whole_one_and_next_to_its_place(
    angle: float, scale: float, x: float, y: float
) -> None:
    field = affine_map(_affine(angle, scale, x, y), REGION)
    still = in_place(field, REGION)
    for moved, kept in zip(_apart(field), _apart(still), strict=True):
        assert np.abs(kept).max() <= 0.501
        off = np.abs(moved - np.rint(moved))
        assert np.abs(np.abs(kept) - off).max() < 1e-3


def test_the_folded_map_is_continuous() -> None:
    ramp = np.linspace(-3, 3, 70, dtype=np.float32)
    x, y = np.meshgrid(np.arange(30, 100, dtype=np.float32), np.arange(20, 110, dtype=np.float32))
    across = _apart(in_place(WarpMap(x + ramp, y), REGION))[0]
    assert np.abs(np.diff(across, axis=1)).max() < 0.1


def test_whole_pixels_are_a_copy() -> None:
    image = made_face(2).image
    field = affine_map(_affine(0, 1, 7, -2), REGION)
    assert (resampled_in_place(image, field, REGION, FULL) == REGION.of(image)).all()


def test_an_affine_map_samples_what_the_affine_warp_does() -> None:
    image, affine = made_face(2).image, _affine(0.2, 1.1, 5.3, -2.6)
    apart = warp_pixels(image, affine_map(affine, REGION)).astype(int)
    apart -= warp_affine(image, affine, REGION)
    assert np.abs(apart).mean() < 0.5


def test_what_loses_too_much_is_mixed_with_its_original() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    field = affine_map(_affine(0, 1, 0.5, 0.5), REGION)
    own = np.ascontiguousarray(REGION.of(noise))
    still = resampled_in_place(noise, field, REGION, FULL)
    assert np.square(still.astype(float) - own).mean() < 65  # 30 dB
    assert (still != own).any()
    assert within_loss(own, own, FULL) is own
