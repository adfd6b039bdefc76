from __future__ import annotations

import cv2
import numpy as np
import pytest

from datagen.core.rng import rng
from datagen.errors import RecipeError
from datagen.faces.face import FaceCrop
from datagen.methods.base import Context
from datagen.methods.expression_transfer import ExpressionTransfer, ExpressionTransferParams
from tests.support.faces_made import made_face

SIZE = 240
METHOD = ExpressionTransfer.build({})
PLAIN = ExpressionTransferParams(mouth=1.0, eyes=1.0, brows=1.0, inside="target")


def _moved(face: FaceCrop, points: list[int], x: float, y: float) -> FaceCrop:
    marks = face.landmarks.copy()
    marks[points] += np.array([x, y], np.float32)
    return FaceCrop(face.image, marks)


def _smiling(face: FaceCrop, by: float = 6.0) -> FaceCrop:
    wide = _moved(_moved(face, [48, 60], -by, -by), [54, 64], by, -by)
    return FaceCrop(face.image, wide.landmarks)


def _open(face: FaceCrop, by: float = 12.0) -> FaceCrop:
    return _moved(face, [55, 56, 57, 58, 59, 65, 66, 67], 0, by)


def test_the_range_of_strength_is_an_option() -> None:
    strong = ExpressionTransfer.build({"strength": [1.3, 1.4]})
    face = made_face(0, SIZE)
    draws = [strong.sample(rng("strong", n), Context(face, _smiling(face))) for n in range(10)]
    assert all(draw.mouth >= 1.3 for draw in draws)
    with pytest.raises(RecipeError, match="above the second"):
        ExpressionTransfer.build({"strength": [1.2, 1.0]})
    with pytest.raises(RecipeError, match="strength"):
        ExpressionTransfer.build({"strength": [0.0, 9.0]})


def test_the_same_expression_changes_nothing_at_strength_one() -> None:
    face = made_face(1, SIZE)
    result = METHOD.apply(Context(face, face), PLAIN)
    assert np.allclose(result.landmarks, face.landmarks, atol=0.01)
    assert (result.image == face.image).all()


def test_a_smile_lifts_and_widens_the_corners_of_the_mouth() -> None:
    face = made_face(0, SIZE)
    marks = METHOD.apply(Context(face, _smiling(face)), PLAIN).landmarks - face.landmarks
    assert (marks[[48, 54], 1] < -3).all()
    assert marks[48, 0] < -3
    assert marks[54, 0] > 3
    assert np.abs(marks[17:48]).max() < 0.5


def test_size_place_and_turn_of_the_donor_in_the_image_do_not_matter() -> None:
    face, donor = made_face(0, SIZE), _smiling(made_face(2, SIZE))
    turn = cv2.getRotationMatrix2D((100, 100), 20, 1.4)
    moved = (donor.landmarks @ turn[:, :2].T + turn[:, 2] + 30).astype(np.float32)
    first, second = (
        METHOD.apply(Context(face, FaceCrop(donor.image, marks)), PLAIN).landmarks
        for marks in (donor.landmarks, moved)
    )
    assert np.abs(first - second).max() < 0.05


def test_where_the_donors_mouth_sits_is_not_an_expression() -> None:
    face = made_face(0, SIZE)
    low = _moved(face, list(range(48, 68)), 0, 6)
    marks = METHOD.apply(Context(face, low), PLAIN).landmarks - face.landmarks
    assert np.abs(marks[48:68]).max() < 2


def test_an_opened_mouth_shows_the_donors_teeth_and_drops_the_chin() -> None:
    face = made_face(7, SIZE)
    shut = face.landmarks.copy()
    shut[61:64, 1] = shut[65:68, 1] = shut[60, 1]
    target = FaceCrop(face.image, shut)
    donor = _open(FaceCrop(face.image, shut))
    image = donor.image.copy()
    cv2.fillPoly(image, [np.rint(donor.landmarks[60:68]).astype(np.int32)], (0, 0, 255))
    ctx = Context(target, FaceCrop(image, donor.landmarks))
    assert METHOD.sample(rng("open"), ctx).inside == "donor"
    assert METHOD.sample(rng("shut"), Context(donor, target)).inside == "target"
    result = METHOD.apply(ctx, PLAIN.model_copy(update={"inside": "donor"}))
    x, y = np.rint(result.landmarks[60:68].mean(axis=0)).astype(int)
    assert result.image[y, x, 2] > 2 * int(result.image[y, x, 0])
    assert result.mask[y, x] == 255
    assert result.landmarks[8, 1] > shut[8, 1] + 3


def test_lids_and_lips_never_cross() -> None:
    face = made_face(3, SIZE)
    shut = face.landmarks.copy()
    shut[[37, 38, 43, 44], 1] += 12
    shut[61:64, 1] += 12
    strong = PLAIN.model_copy(update={"mouth": 2.5, "eyes": 2.5})
    marks = METHOD.apply(Context(face, FaceCrop(face.image, shut)), strong).landmarks
    assert (marks[[37, 38, 43, 44], 1] <= marks[[41, 40, 47, 46], 1] + 0.01).all()
    assert (marks[61:64, 1] <= marks[[67, 66, 65], 1] + 0.01).all()


def test_two_who_look_nearly_alike_are_told_apart_by_overstating() -> None:
    face = made_face(0, SIZE)
    alike, apart = (METHOD.sample(rng("x"), Context(face, _smiling(face, b))) for b in (0.3, 12.0))
    assert alike.mouth > 1.2 >= apart.mouth


def test_only_one_who_wears_the_very_same_expression_lifts_what_nobody_asked_for() -> None:
    face = made_face(0, SIZE)
    same = METHOD.sample(rng("same"), Context(face, face))
    assert 0.04 <= abs(same.lift) <= 0.07
    assert METHOD.sample(rng("same"), Context(face, _smiling(face))).lift == 0
    marks = METHOD.apply(Context(face, face), PLAIN.model_copy(update={"lift": 0.05})).landmarks
    up = face.landmarks[:, 1] - marks[:, 1]
    assert (up[[48, 54, 19, 24]] > 2).all()
    assert np.abs(up[36:48]).max() < 0.01


def test_control_moves_by_less_than_a_pixel_and_shows_no_expression() -> None:
    face = made_face(0, SIZE)
    ctx = Context(face, _smiling(face))
    control, fake = METHOD.control(ctx, PLAIN), METHOD.apply(ctx, PLAIN).image
    assert not (control == face.image).all()
    there, made = (np.abs(i.astype(int) - face.image).mean() for i in (control, fake))
    assert there < 0.3 * made
