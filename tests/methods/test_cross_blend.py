from __future__ import annotations

import cv2
import numpy as np
import pytest

from datagen.core.rng import rng
from datagen.errors import ItemError, RecipeError
from datagen.faces.face import FaceCrop
from datagen.methods.base import Context
from datagen.methods.cross_blend import CrossBlend, CrossBlendParams
from tests.support.faces_made import made_face

SIZE = 200
METHOD = CrossBlend.build({})
STILL = [[[0.0, 0.0]] * 5] * 5


def _params(**changes: object) -> CrossBlendParams:
    params = CrossBlendParams(
        lift=0.4, field=STILL, bend=0.02, erode=0.03, blur=0.03, color=1.0, light=0.0
    )
    return params.model_copy(update=changes)


def _ctx(target: int = 0, donor: int = 1) -> Context:
    return Context(made_face(target, SIZE), made_face(donor, SIZE))


def _moved(face: FaceCrop, matrix: np.ndarray) -> FaceCrop:
    marks = (face.landmarks @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    image = cv2.warpAffine(
        face.image, matrix, face.image.shape[:2], flags=cv2.INTER_CUBIC, borderMode=2
    )
    return FaceCrop(np.asarray(image, np.uint8), marks)


def test_options_bound_the_draws() -> None:
    with pytest.raises(RecipeError, match="unknown key"):
        CrossBlend.build({"strength": 1})
    with pytest.raises(RecipeError, match="blur"):
        CrossBlend.build({"blur": 0.9})
    method = CrossBlend.build({"blur": 0.015, "bend": 0.012, "color": 0.99})
    for number in range(30):
        drawn = method.sample(rng("options", number), _ctx())
        assert isinstance(drawn, CrossBlendParams)
        assert drawn.blur <= 0.015
        assert drawn.bend <= 0.012
        assert drawn.color >= 0.99


def test_a_turned_and_shifted_copy_comes_to_lie_on_the_face() -> None:
    face = made_face(3, SIZE)
    turned = cv2.getRotationMatrix2D((100, 100), 12, 0.95)
    turned[:, 2] += (4, -3)
    result = METHOD.apply(Context(face, _moved(face, turned)), _params(color=0.0))
    assert np.abs(result.image.astype(int) - face.image).mean() < 1
    assert np.allclose(result.landmarks, face.landmarks, atol=0.1)


def test_the_donor_keeps_its_own_geometry() -> None:
    ctx = _ctx(0, 5)
    assert ctx.donor is not None
    result = METHOD.apply(ctx, _params())
    inside = slice(27, 68)
    theirs, fake, ours = (
        marks[inside] - marks[inside].mean(axis=0)
        for marks in (ctx.donor.landmarks, result.landmarks, ctx.target.landmarks)
    )
    assert np.abs(fake - ours).max() > 1
    scale = np.linalg.norm(fake) / np.linalg.norm(theirs)
    assert np.allclose(fake, scale * theirs, atol=0.5)


def test_colors_come_from_the_target() -> None:
    ctx = _ctx(0, 4)
    assert ctx.donor is not None
    result = METHOD.apply(ctx, _params())
    full = result.mask == 255
    after = np.abs(result.image[full].mean(axis=0) - ctx.target.image[full].mean(axis=0))
    assert after.max() < 6


def test_the_boundary_is_a_closed_band_between_inside_and_outside() -> None:
    ctx = _ctx()
    for number in range(5):
        mask = METHOD.apply(ctx, METHOD.sample(rng("boundary", number), ctx)).mask
        share = mask / 255.0
        xray = 4 * share * (1 - share)
        assert xray.max() > 0.9
        assert xray[mask == 255].max() == 0
        assert (mask == 255).sum() > 0.05 * mask.size
        parts = cv2.connectedComponents((mask < 128).astype(np.uint8))[0]
        assert parts == 2  # the inside and one outside


def test_the_field_bends_the_mask_and_blur_widens_its_edge() -> None:
    ctx = _ctx()
    drawn = METHOD.sample(rng("field"), ctx)
    assert isinstance(drawn, CrossBlendParams)
    straight = METHOD.apply(ctx, _params()).mask
    bent = METHOD.apply(ctx, _params(field=drawn.field, bend=0.05)).mask
    assert np.abs(straight.astype(int) - bent).mean() > 2
    soft = [
        int(((m > 0) & (m < 255)).sum())
        for m in (METHOD.apply(ctx, _params(blur=blur)).mask for blur in (0.01, 0.03, 0.06))
    ]
    assert soft == sorted(soft)
    assert soft[0] < soft[2] / 2


def test_what_lies_beside_the_donors_face_is_not_taken() -> None:
    target, donor = made_face(0, SIZE), made_face(1, SIZE)
    narrow = donor.landmarks.copy()
    middle = narrow[:17, 0].mean()
    narrow[:17, 0] = middle + 0.8 * (narrow[:17, 0] - middle)
    wide, cut = (
        METHOD.apply(Context(target, FaceCrop(donor.image, marks)), _params()).mask
        for marks in (donor.landmarks, narrow)
    )
    assert (cut > 127).any(axis=0).sum() < (wide > 127).any(axis=0).sum() - 5


def test_faces_that_do_not_overlap_are_an_item_error() -> None:
    target = made_face(0, SIZE)
    folded = target.landmarks.copy()
    folded[:17] += np.array([0, 3 * SIZE], np.float32)
    with pytest.raises(ItemError, match="method_failed"):
        METHOD.apply(Context(target, FaceCrop(target.image, folded)), _params())


def test_the_control_of_a_much_smaller_donor_stays_sharp() -> None:
    face = made_face(2, SIZE)
    quarter = np.array([[0.25, 0, 80], [0, 0.25, 80.0]])
    ctx = Context(face, _moved(made_face(1, SIZE), quarter))
    control = METHOD.control(ctx, _params())
    assert np.abs(control.astype(int) - face.image).mean() < 1


def test_a_strong_blend_shows_more_of_the_donor() -> None:
    ctx = Context(made_face(0, 200), made_face(1, 200))
    areas = {}
    for identity in ("varied", "clear", "strong"):
        method = CrossBlend.build({"identity": identity})
        drawn = [method.sample(rng("strong", number), ctx) for number in range(8)]
        areas[identity] = [float(method.apply(ctx, params).mask.mean()) for params in drawn]
    assert np.mean(areas["strong"]) > np.mean(areas["varied"])
    assert np.mean(areas["clear"]) > np.mean(areas["varied"])
    assert CrossBlend.build({"identity": "clear"}).config == CrossBlend.build({}).config
