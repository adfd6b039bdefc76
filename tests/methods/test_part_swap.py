from __future__ import annotations

import cv2
import numpy as np
import pytest

from datagen.core.rng import rng
from datagen.errors import ItemError, RecipeError
from datagen.faces.face import FaceCrop
from datagen.methods.base import Context
from datagen.methods.part_swap import PartName, PartSwap, PartSwapParams, SwappedPart
from tests.support.faces_made import made_face

SIZE = 200
METHOD = PartSwap.build({})
NAMES: tuple[PartName, ...] = ("nose", "mouth", "eyes", "brows")
POINTS = {
    "nose": slice(27, 36),
    "mouth": slice(48, 68),
    "eyes": slice(36, 48),
    "brows": slice(17, 27),
}


def _params(*names: PartName, shape: float | None = None, **changes: object) -> PartSwapParams:
    parts = [
        SwappedPart(name=name, warp="similarity", shape=1.0)
        if shape is None
        else SwappedPart(name=name, warp="piecewise", shape=shape)
        for name in names
    ]
    params = PartSwapParams(
        parts=parts, margin=0.03, feather=0.04, blend="alpha", color=1.0, light=0.8
    )
    return params.model_copy(update=changes)


def _ctx(target: int = 0, donor: int = 1) -> Context:
    return Context(made_face(target, SIZE), made_face(donor, SIZE))


def _drawn(number: int, ctx: Context, **options: object) -> PartSwapParams:
    params = PartSwap.build(options).sample(rng("parts", number), ctx)
    assert isinstance(params, PartSwapParams)
    return params


def test_options_choose_the_parts() -> None:
    with pytest.raises(RecipeError, match="unknown key"):
        PartSwap.build({"strength": 1})
    with pytest.raises(RecipeError, match="parts"):
        PartSwap.build({"parts": ["ears"]})
    with pytest.raises(RecipeError, match="parts"):
        PartSwap.build({"parts": []})
    for number in range(20):
        drawn = _drawn(number, _ctx(), parts=["nose", "eyes"], max_parts=1, poisson=1.0)
        assert len(drawn.parts) == 1
        assert drawn.parts[0].name in ("nose", "eyes")
        assert drawn.blend == "poisson"


def test_each_part_is_drawn_alone_and_with_others_but_once() -> None:
    draws = [_drawn(n, _ctx(n % 7, n % 7 + 1)) for n in range(80)]
    sets = [[part.name for part in drawn.parts] for drawn in draws]
    assert all(len(set(names)) == len(names) for names in sets)
    assert {name for names in sets if len(names) == 1 for name in names} == set(NAMES)
    assert {len(names) for names in sets} == {1, 2, 3}
    assert {drawn.blend for drawn in draws} == {"alpha", "poisson"}
    assert {part.warp for drawn in draws for part in drawn.parts} == {"similarity", "piecewise"}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [None, 0.0])
def test_the_mask_covers_the_part_and_no_other(name: PartName, shape: float | None) -> None:
    ctx = _ctx()
    mask = METHOD.apply(ctx, _params(name, shape=shape)).mask
    at = np.rint(ctx.target.landmarks).astype(int)
    weight = mask[at[:, 1], at[:, 0]]
    assert (weight[POINTS[name]] > 240).all()
    assert (weight[:17] == 0).all()
    others = [other for other in NAMES if other != name]
    assert all(weight[POINTS[other]].mean() < 128 for other in others)
    assert mask.astype(bool).mean() < 0.15


@pytest.mark.parametrize("name", NAMES)
def test_landmarks_of_the_part_alone_change(name: PartName) -> None:
    ctx = _ctx(0, 5)
    own, half, laid = (
        METHOD.apply(ctx, _params(name, shape=shape)).landmarks for shape in (0.0, 0.5, None)
    )
    assert (own == ctx.target.landmarks).all()
    moved = np.abs(laid - own).max(axis=1)
    assert moved[POINTS[name]].max() > 0.1
    assert np.delete(moved, np.r_[POINTS[name]]).max() == 0
    assert np.allclose(half, (own + laid) / 2, atol=1e-3)
    assert np.allclose(laid[POINTS[name]].mean(axis=0), own[POINTS[name]].mean(axis=0), atol=0.05)


@pytest.mark.parametrize("shape", [None, 0.0])
@pytest.mark.parametrize("blend", ["alpha", "poisson"])
def test_a_face_that_gives_to_itself_stays(shape: float | None, blend: str) -> None:
    face = made_face(3, SIZE)
    result = METHOD.apply(Context(face, face), _params(*NAMES, shape=shape, blend=blend))
    inside = result.mask > 0
    assert np.abs(result.image.astype(int) - face.image)[inside].mean() < 1.5


@pytest.mark.parametrize("shape", [None, 0.0])
def test_the_donors_mouth_is_taken(shape: float | None) -> None:
    target, donor = made_face(0, SIZE), made_face(1, SIZE)
    image = donor.image.copy()
    middle = donor.landmarks[60:68].mean(axis=0)
    cv2.circle(image, (round(float(middle[0])), round(float(middle[1]))), 3, (0, 255, 0), -1)
    marked = FaceCrop(image, donor.landmarks)
    params = _params("mouth", shape=shape, color=0.0, light=0.0)
    plain, dotted = (METHOD.apply(Context(target, d), params) for d in (donor, marked))
    apart = np.abs(plain.image.astype(int) - dotted.image).sum(axis=2)
    rows, columns = np.nonzero(apart > 0.5 * apart.max())
    found = np.array([columns.mean(), rows.mean()])
    assert np.hypot(*(found - plain.landmarks[60:68].mean(axis=0))) < 1.5


@pytest.mark.parametrize("blend", ["alpha", "poisson"])
def test_skin_around_the_part_has_the_targets_color(blend: str) -> None:
    ctx = _ctx(0, 4)
    result = METHOD.apply(ctx, _params("nose", blend=blend))
    edge = (result.mask > 30) & (result.mask < 220)
    apart = result.image[edge].mean(axis=0) - ctx.target.image[edge].mean(axis=0)
    assert np.abs(apart).max() < 6


def test_weights_of_parts_that_overlap_add_up_to_less_than_full() -> None:
    ctx = _ctx()
    eyes, brows, both = (
        METHOD.apply(ctx, _params(*names)).mask
        for names in (("eyes",), ("brows",), ("eyes", "brows"))
    )
    want = 255 - (255 - eyes.astype(float)) * (255 - brows) / 255
    assert np.abs(both - want).max() <= 1
    assert ((both == 0) == ((eyes == 0) & (brows == 0))).all()


def test_brows_under_hair_stay() -> None:
    face = made_face(0, SIZE)
    image = face.image.copy()
    image[: int(face.landmarks[17:27, 1].min()) - 2] = (15, 12, 10)
    fringe = FaceCrop(image, face.landmarks)
    for ctx in (Context(face, fringe), Context(fringe, face)):
        drawn = [_drawn(number, ctx, max_parts=4) for number in range(20)]
        assert all(part.name != "brows" for params in drawn for part in params.parts)
        with pytest.raises(ItemError, match="method_failed"):
            _drawn(0, ctx, parts=["brows"])


def test_a_laughing_mouth_keeps_its_shape() -> None:
    face = made_face(0, SIZE)
    marks = face.landmarks.copy()
    middle = marks[48:68].mean(axis=0)
    marks[48:68, 1] = middle[1] + 2.5 * (marks[48:68, 1] - middle[1])
    ctx = Context(face, FaceCrop(face.image, marks))
    drawn = [_drawn(number, ctx, parts=["mouth"]).parts[0].warp for number in range(20)]
    assert set(drawn) == {"similarity"}
