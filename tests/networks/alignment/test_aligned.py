from __future__ import annotations

import numpy as np
import pytest

from datagen.errors import ItemError
from datagen.networks.alignment.align import TEMPLATES, five_points, take_aligned
from datagen.networks.alignment.aligned import align_face, paste_aligned
from datagen.weights import FaceInput
from tests.support.faces_made import made_face

WIDE = FaceInput(template="ffhq_512", size=256)
TIGHT = FaceInput(template="arcface_112_v2", size=112)


def test_a_square_within_the_image_is_taken_as_it_is() -> None:
    face = made_face(0, 300)
    aligned = align_face(face.image, face.landmarks, TIGHT)
    assert aligned.pad == 0
    assert aligned.image is face.image
    assert (aligned.face == take_aligned(face.image, aligned.matrix, 112)).all()
    assert np.abs(five_points(aligned.landmarks) - 112 * TEMPLATES["arcface_112_v2"]).max() < 8


@pytest.mark.parametrize("shift", [(0.0, 0.0), (-0.3, 0.0), (0.25, 0.25), (0.0, -0.35)])
def test_beyond_the_image_is_its_mirror_image(shift: tuple[float, float]) -> None:
    face = made_face(1, 200, shift=shift)
    bright = np.maximum(face.image, 60)
    aligned = align_face(bright, face.landmarks, WIDE)
    assert aligned.pad > 0
    assert aligned.face.min() >= 59
    image, mask = paste_aligned(aligned, aligned.face, None)
    assert image.shape == bright.shape
    assert mask.shape == bright.shape[:2]
    assert (image[mask == 0] == bright[mask == 0]).all()
    squared = np.square(image.astype(float) - bright)[mask > 0].mean()
    assert 10 * np.log10(255**2 / squared) > 30


def test_the_soft_edge_does_not_depend_on_where_the_image_ends() -> None:
    """The mask of a crop is the crop of the mask."""
    face = made_face(2, 400, yaw=10)
    landmarks = face.landmarks * 0.6 + 80  # a small face in a large image
    whole = align_face(face.image, landmarks, WIDE)
    assert whole.pad == 0
    _, mask = paste_aligned(whole, whole.face, None)
    rows, columns = np.nonzero(mask)
    cut = (int(rows.min()) + 25, int(columns.min()) + 25)
    crop = np.ascontiguousarray(face.image[cut[0] :, cut[1] :])
    part = align_face(crop, landmarks - np.array(cut[::-1], np.float32), WIDE)
    assert part.pad > 0
    _, cropped = paste_aligned(part, part.face, None)
    assert np.abs(cropped.astype(int) - mask[cut[0] :, cut[1] :]).max() <= 8


def test_a_face_outside_the_image_is_an_item_error() -> None:
    face = made_face(3, 160)
    aligned = align_face(face.image, face.landmarks + 400, TIGHT)
    with pytest.raises(ItemError, match="method_failed"):
        paste_aligned(aligned, aligned.face, None)
    with pytest.raises(ItemError, match="method_failed"):
        align_face(face.image, np.full((68, 2), np.nan, np.float32), TIGHT)
