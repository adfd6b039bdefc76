from __future__ import annotations

import dataclasses
import functools

import numpy as np
import pytest

from datagen.core.rng import rng
from datagen.errors import ItemError
from datagen.faces.crop import CropJitter, crop_matrix, face_box, take_crop
from datagen.faces.face import FaceCrop
from datagen.faces.geometry.mesh import move_mesh
from datagen.faces.landmarks import move_landmarks
from datagen.methods.base import Context
from datagen.methods.mesh_swap import MeshSwap, MeshSwapParams
from datagen.sources.procedural import render
from tests.support.faces_made import made_face

METHOD = MeshSwap.build({})
PLAIN = MeshSwapParams(lift=[0.5] * 10, feather=0.1, color=0.0, light=0.0, shape=0.0, mouth=0.0)


@functools.cache
def _face(person: int, picture: int = 0) -> FaceCrop:
    portrait = render(2, person, picture, 320)
    matrix = crop_matrix(face_box(portrait.landmarks), 1.3, 200, CropJitter())
    return FaceCrop(
        take_crop(portrait.image, matrix, 200, 1),
        move_landmarks(portrait.landmarks, matrix),
        move_mesh(portrait.mesh, matrix),
        portrait.yaw,
    )


def test_a_face_swapped_with_itself_stays() -> None:
    face = _face(0)
    result = METHOD.apply(Context(face, face), PLAIN.model_copy(update={"shape": 0.5}))
    assert np.abs(result.image.astype(int) - face.image).mean() < 0.5
    assert np.allclose(result.landmarks, face.landmarks, atol=0.05)


def test_shape_and_mouth_move_the_inner_landmarks_toward_the_donors() -> None:
    ctx = Context(_face(0), _face(3))
    none, mouth, both = (
        METHOD.apply(ctx, PLAIN.model_copy(update=update)).landmarks
        for update in ({}, {"mouth": 1.0}, {"shape": 0.6, "mouth": 1.0})
    )
    assert (none == ctx.target.landmarks).all()
    assert np.abs(mouth - none)[48:68].max() > 1
    assert np.abs(mouth - none)[17:27].max() < 0.01
    assert np.abs(both - none)[27:48].max() > 0.5


def test_an_open_mouth_comes_in_its_own_shape() -> None:
    face = _face(0)
    marks = face.landmarks.copy()
    marks[65:68, 1] += 12
    wide = dataclasses.replace(face, landmarks=marks)
    assert METHOD.sample(rng("mouth"), Context(face, wide)).mouth == 1.0
    alike = METHOD.sample(rng("mouth"), Context(face, face))
    assert alike.mouth == alike.shape < 0.61


def test_the_mask_keeps_under_the_lift_and_is_soft() -> None:
    ctx = Context(_face(0), _face(3))
    tops = []
    for lift in (0.15, 0.5, 0.9):
        mask = METHOD.apply(ctx, PLAIN.model_copy(update={"lift": [lift] * 10})).mask
        tops.append(int(np.nonzero(mask.any(axis=1))[0][0]))
        assert ((mask > 0) & (mask < 255)).sum() > 300
    assert tops == sorted(tops, reverse=True)
    assert tops[0] > tops[2]


def _turned(least: float) -> list[FaceCrop]:
    faces = [_face(person, picture) for person in range(12) for picture in (0, 1)]
    return [face for face in faces if abs(face.yaw) > least]


def test_a_turned_donors_far_cheek_is_taken_from_the_near_one() -> None:
    """A donor whose background is painted green lends no green, however far it is turned."""
    facing = next(f for f in (_face(p) for p in range(12)) if abs(f.yaw) < 6)
    turned = _turned(20)
    assert len(turned) >= 3
    for donor in turned:
        assert donor.mesh is not None
        image = donor.image.copy()
        low, high = donor.mesh[:468, :2].min(axis=0), donor.mesh[:468, :2].max(axis=0)
        image[:, : max(int(low[0]) - 1, 0)] = (0, 255, 0)
        image[:, int(high[0]) + 2 :] = (0, 255, 0)
        painted = dataclasses.replace(donor, image=image)
        fake = METHOD.apply(Context(facing, painted), PLAIN)
        solid = fake.image[fake.mask > 128].astype(int)
        green = (solid[:, 1] > solid[:, 0] + 80) & (solid[:, 1] > solid[:, 2] + 80)
        assert green.mean() < 0.005


def test_control_shows_nothing_of_the_donor() -> None:
    ctx = Context(_face(0), _face(3))
    control, fake = METHOD.control(ctx, PLAIN), METHOD.apply(ctx, PLAIN).image
    apart = [np.abs(image.astype(int) - ctx.target.image).mean() for image in (control, fake)]
    assert 0 < apart[0] < 0.25 * apart[1]


def test_a_face_without_a_mesh_is_an_item_error() -> None:
    with pytest.raises(ItemError, match="no mesh"):
        METHOD.sample(rng("flat"), Context(made_face(0, 200), _face(0)))
    with pytest.raises(ItemError, match="no mesh"):
        METHOD.apply(Context(_face(0), made_face(0, 200)), PLAIN)


def test_a_strong_swap_has_the_donors_shape() -> None:
    ctx = Context(_face(0), _face(3))
    drawn = MeshSwap.build({"identity": "strong"}).sample(rng("strong"), ctx)
    varied = METHOD.sample(rng("strong"), ctx)
    assert (drawn.shape, drawn.mouth) == (1.0, 1.0)
    assert drawn.color == varied.color
    assert drawn.feather <= 0.08
    assert drawn.light <= 0.4
