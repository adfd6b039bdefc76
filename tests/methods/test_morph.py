from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from datagen.core.rng import rng
from datagen.errors import RecipeError
from datagen.faces.face import FaceCrop
from datagen.methods.base import Context
from datagen.methods.morph import Morph, MorphParams
from tests.support.faces_made import made_face

SIZE = 200
METHOD = Morph.build({})
KINDS: tuple[Literal["full", "splicing"], ...] = ("full", "splicing")


def _params(**changes: object) -> MorphParams:
    params = MorphParams(
        factor=0.5,
        kind="full",
        eyes="mixed",
        mouth="mixed",
        outside="mixed",
        lift=0.4,
        feather=0.1,
        color=0.0,
    )
    return params.model_copy(update=changes)


def _ctx(target: int = 0, donor: int = 1) -> Context:
    return Context(made_face(target, SIZE), made_face(donor, SIZE))


def _drawn(number: int, ctx: Context, **options: object) -> MorphParams:
    params = Morph.build(options).sample(rng("morph", number), ctx)
    assert isinstance(params, MorphParams)
    return params


def _gray(face: FaceCrop, level: int) -> FaceCrop:
    return FaceCrop(np.full_like(face.image, level), face.landmarks)


def test_options_bound_the_draws() -> None:
    with pytest.raises(RecipeError, match="unknown key"):
        Morph.build({"strength": 1})
    with pytest.raises(RecipeError, match="min_factor is above max_factor"):
        Morph.build({"min_factor": 0.6, "max_factor": 0.4})
    for number in range(20):
        drawn = _drawn(number, _ctx(), min_factor=0.4, max_factor=0.45, full=1.0, retouched=0.0)
        assert 0.4 <= drawn.factor <= 0.45
        assert drawn.kind == "full"
        assert (drawn.eyes, drawn.mouth, drawn.outside) == ("mixed",) * 3


def test_draws_cover_both_kinds_and_the_target_stays_outside_a_spliced_face() -> None:
    draws = [_drawn(number, _ctx(number % 6, number % 6 + 1)) for number in range(60)]
    assert {drawn.kind for drawn in draws} == set(KINDS)
    assert {drawn.eyes for drawn in draws} == {"mixed", "target", "donor"}
    assert all(0.35 <= drawn.factor <= 0.65 for drawn in draws)
    assert {drawn.outside for drawn in draws if drawn.kind == "splicing"} == {"target"}


def test_retouching_takes_from_the_nearer_one() -> None:
    for least, nearer in ((0.2, "target"), (0.7, "donor")):
        given = {"min_factor": least, "max_factor": least + 0.1, "full": 1.0, "retouched": 1.0}
        drawn = _drawn(0, _ctx(), **given, likeness="varied")
        assert drawn.eyes == drawn.outside == nearer


def test_a_face_like_both_inclines_to_the_one_whose_outside_is_not_shown() -> None:
    ctx = _ctx()
    for number in range(20):
        drawn = _drawn(number, ctx, retouched=1.0, min_factor=0.5, max_factor=0.5)
        plain = _drawn(
            number, ctx, retouched=1.0, min_factor=0.5, max_factor=0.5, likeness="varied"
        )
        assert drawn.outside == plain.outside == "target"
        assert (drawn.factor, drawn.eyes) == (0.6, "donor")
        assert (plain.factor, plain.eyes) == (0.5, "target")
    with pytest.raises(RecipeError, match="shape"):
        Morph.build({"shape": [0.2, 1.2]})


def test_geometry_may_have_a_share_of_its_own() -> None:
    ctx = _ctx()
    drawn = _drawn(0, ctx, shape=[0.0, 0.0])
    assert drawn.shape == 0
    assert drawn.model_dump()["shape"] == 0
    assert "shape" not in _drawn(0, ctx).model_dump()
    made = METHOD.apply(ctx, drawn)
    np.testing.assert_allclose(made.landmarks, ctx.target.landmarks, atol=1e-4)


def test_of_an_open_and_a_closed_mouth_the_open_one_is_seen() -> None:
    face = made_face(0, SIZE)
    marks = face.landmarks.copy()
    marks[60:68, 1] = marks[60:68, 1].mean()
    shut = FaceCrop(face.image, marks)
    for ctx, want in ((Context(face, shut), "target"), (Context(shut, face), "donor")):
        assert _drawn(1, ctx, retouched=1.0).mouth == want


def test_a_full_morph_has_a_full_mask_and_a_spliced_one_a_soft_face() -> None:
    full, spliced = (METHOD.apply(_ctx(), _params(kind=kind)).mask for kind in KINDS)
    assert (full == 255).all()
    assert 0.1 < (spliced > 0).mean() < 0.6
    assert ((spliced > 0) & (spliced < 255)).sum() > 500


@pytest.mark.parametrize("kind", KINDS)
def test_landmarks_lie_between_the_two(kind: Literal["full", "splicing"]) -> None:
    ctx = _ctx(0, 5)
    ours, half, most = (
        METHOD.apply(ctx, _params(kind=kind, factor=factor)).landmarks
        for factor in (0.0, 0.45, 0.9)
    )
    assert np.allclose(ours, ctx.target.landmarks, atol=1e-3)
    assert np.allclose(half, (ours + most) / 2, atol=1e-3)
    assert np.abs(most - ours)[17:].max() > 1
    assert (np.abs(most - ours)[:17].max() > 0.5) == (kind == "full")


@pytest.mark.parametrize("factor", [0.3, 0.5, 0.7])
def test_the_factor_is_the_donors_share_of_the_colors(factor: float) -> None:
    target, donor = made_face(0, SIZE), made_face(1, SIZE)
    ctx = Context(_gray(target, 100), _gray(donor, 200))
    for kind in KINDS:
        result = METHOD.apply(ctx, _params(kind=kind, factor=factor))
        x, y = np.rint(result.landmarks[30]).astype(int)
        assert abs(float(result.image[y, x].mean()) - (100 + 100 * factor)) <= 1


@pytest.mark.parametrize("whose", ["target", "donor"])
def test_retouched_parts_are_one_persons(whose: str) -> None:
    target, donor = made_face(0, SIZE), made_face(1, SIZE)
    ctx = Context(_gray(target, 100), _gray(donor, 200))
    result = METHOD.apply(ctx, _params(eyes=whose, mouth=whose, outside=whose))
    want = {"target": 100, "donor": 200}[whose]
    for part in (slice(36, 42), slice(42, 48)):
        x, y = np.rint(result.landmarks[part].mean(axis=0)).astype(int)
        assert abs(float(result.image[y, x].mean()) - want) < 8
    assert np.abs(result.image[:8].astype(int) - want).max() <= 1
    x, y = np.rint(result.landmarks[30]).astype(int)
    assert abs(float(result.image[y, x].mean()) - 150) <= 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_morph_with_oneself_is_oneself(kind: Literal["full", "splicing"]) -> None:
    face = made_face(3, SIZE)
    result = METHOD.apply(Context(face, face), _params(kind=kind, color=1.0))
    assert np.abs(result.image.astype(int) - face.image).mean() < 0.5
    assert np.allclose(result.landmarks, face.landmarks, atol=1e-3)


def test_where_the_donors_image_ends_the_target_is_seen() -> None:
    target, donor = made_face(0, SIZE), made_face(1, SIZE)
    far = FaceCrop(np.full_like(donor.image, 200), donor.landmarks + np.array([0, -40], np.float32))
    result = METHOD.apply(Context(_gray(target, 100), far), _params())
    assert np.abs(result.image[:8].astype(int) - 100).max() <= 1
    assert abs(float(result.image[SIZE // 2, SIZE // 2].mean()) - 150) <= 1


def test_a_spliced_face_has_the_colors_of_its_surroundings() -> None:
    ctx = _ctx(0, 4)
    result = METHOD.apply(ctx, _params(kind="splicing", color=1.0))
    full = result.mask == 255
    apart = result.image[full].mean(axis=0) - ctx.target.image[full].mean(axis=0)
    assert np.abs(apart).max() < 5
