from __future__ import annotations

import numpy as np
import pytest

from datagen.faces.geometry.deform import motion, motion_mask, warp_field
from datagen.faces.geometry.warp import warp_pixels
from tests.support.faces_made import made_face

SIZE = 200
FACE = made_face(0, SIZE)


def _mouth(by: float) -> np.ndarray:
    moved = FACE.landmarks.copy()
    moved[48:68, 1] += by
    return moved


def test_nothing_moves_where_nothing_is_moved() -> None:
    move = motion(FACE.landmarks, FACE.landmarks, FACE.image.shape)
    field = warp_field(move)
    assert (motion_mask(field, move.region, move.unit) == 0).all()
    assert (warp_pixels(FACE.image, field) == move.region.of(FACE.image)).all()


@pytest.mark.parametrize("by", [-5.0, 1.0, 5.0])
def test_the_mask_is_full_where_the_shift_is_seen_and_ends_within_the_region(by: float) -> None:
    move = motion(FACE.landmarks, _mouth(by), FACE.image.shape)
    mask = motion_mask(warp_field(move), move.region, move.unit)
    x, y = np.rint(move.corners[62] - move.region[:2]).astype(int)
    assert mask[y, x] == 255
    edge = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    assert edge.max() <= 2
    outside = warp_pixels(FACE.image, warp_field(move))[mask == 0]
    real = move.region.of(FACE.image)[mask == 0]
    assert np.abs(outside.astype(int) - real).max() <= 12


def test_points_land_where_they_are_sent() -> None:
    move = motion(FACE.landmarks, _mouth(6), FACE.image.shape)
    field = warp_field(move)
    x, y = np.rint(move.corners[51] - move.region[:2]).astype(int)
    assert abs(field.y[y, x] + 6 - move.corners[51, 1]) < 1.2
    assert abs(field.x[y, x] - move.corners[51, 0]) < 1.2
