from __future__ import annotations

import cv2
import numpy as np
import pytest

from datagen.errors import RecipeError
from datagen.faces.face import FaceCrop
from datagen.hashing import rng
from datagen.methods.base import Context
from datagen.methods.landmark_swap import LandmarkSwap, LandmarkSwapParams
from tests.faces_made import made_face

SIZE = 200
METHOD = LandmarkSwap.build({})


def _params(**changes: object) -> LandmarkSwapParams:
    params = LandmarkSwapParams(
        lift=[0.5] * 10,
        feather=0.1,
        colour=1.0,
        light=0.5,
        ratio=1.0,
        shape=0.0,
        mouth="warped",
        eyes="donor",
    )
    return params.model_copy(update=changes)


def _ctx(target: int = 0, donor: int = 1) -> Context:
    return Context(made_face(target, SIZE), made_face(donor, SIZE))


def _with(face: FaceCrop, part: slice, flatten: float) -> FaceCrop:
    """Press a mouth or an eye together in the landmarks alone."""
    marks = face.landmarks.copy()
    middle = marks[part].mean(axis=0)
    marks[part, 1] = middle[1] + flatten * (marks[part, 1] - middle[1])
    return FaceCrop(face.image, marks, identity=face.identity)


def test_no_options() -> None:
    with pytest.raises(RecipeError, match="unknown key"):
        LandmarkSwap.build({"strength": 1})


def test_a_face_swapped_with_itself_stays() -> None:
    face = made_face(3, SIZE)
    result = METHOD.apply(Context(face, face), _params())
    assert np.abs(result.image.astype(int) - face.image).mean() < 0.5
    assert np.allclose(result.landmarks, face.landmarks, atol=1e-3)


def test_the_donors_features_come_to_lie_on_the_targets_landmarks() -> None:
    target, donor = made_face(0, SIZE), made_face(1, SIZE)
    dot = donor.image.copy()
    x, y = np.rint(donor.landmarks[30]).astype(int)
    cv2.circle(dot, (int(x), int(y)), 3, (0, 255, 0), -1)
    marked = FaceCrop(dot, donor.landmarks)
    plain, dotted = (
        METHOD.apply(Context(target, d), _params(colour=0.0, light=0.0)) for d in (donor, marked)
    )
    apart = np.abs(plain.image.astype(int) - dotted.image).sum(axis=2)
    rows, columns = np.nonzero(apart > 0.5 * apart.max())
    assert np.hypot(*(np.array([columns.mean(), rows.mean()]) - target.landmarks[30])) < 1.5


def test_colours_come_from_the_target() -> None:
    ctx = _ctx(0, 4)
    result = METHOD.apply(ctx, _params())
    full = result.mask == 255
    assert ctx.donor is not None
    before = np.abs(ctx.donor.image[full].mean(axis=0) - ctx.target.image[full].mean(axis=0))
    after = np.abs(result.image[full].mean(axis=0) - ctx.target.image[full].mean(axis=0))
    assert after.max() < 5
    assert after.max() < before.max()


def test_mask_is_full_over_the_features_and_soft_at_the_jaw() -> None:
    ctx = _ctx()
    mask = METHOD.apply(ctx, _params(feather=0.16)).mask
    at = np.rint(ctx.target.landmarks).astype(int)
    assert (mask[at[17:, 1], at[17:, 0]] > 200).all()
    assert (mask[at[1:16, 1], at[1:16, 0]] < 60).all()
    assert ((mask > 0) & (mask < 255)).sum() > 500


def test_lift_moves_the_upper_edge() -> None:
    tops = [
        int(np.nonzero(METHOD.apply(_ctx(), _params(lift=[lift] * 10)).mask.any(axis=1))[0][0])
        for lift in (0.1, 0.5, 0.9)
    ]
    assert tops[0] > tops[1] > tops[2]


def test_ratio_is_the_mask_at_its_fullest() -> None:
    assert METHOD.apply(_ctx(), _params(ratio=0.8)).mask.max() == 204


def test_shape_moves_the_inner_landmarks_towards_the_donor_and_leaves_the_jaw() -> None:
    ctx = _ctx(0, 5)
    none, half, more = (
        METHOD.apply(ctx, _params(shape=shape)).landmarks for shape in (0.0, 0.5, 1.0)
    )
    assert (none == ctx.target.landmarks).all()
    assert (more[:17] == none[:17]).all()
    assert np.allclose(half, (none + more) / 2, atol=1e-3)
    assert np.abs(more - none).max() > 1


def test_the_targets_teeth_stay_behind_a_closed_donors_lips() -> None:
    ctx = _ctx(0, 1)
    result = METHOD.apply(ctx, _params(mouth="target"))
    x, y = np.rint(ctx.target.landmarks[60:68].mean(axis=0)).astype(int)
    assert result.mask[y, x] < 40
    assert (METHOD.apply(ctx, _params()).mask[y, x]) == 255


@pytest.mark.parametrize(
    ("target", "donor", "want"),
    [(1.0, 1.0, {"warped"}), (3.0, 0.0, {"target", "donor"}), (0.0, 3.0, {"donor"})],
)
def test_mouth_follows_who_opens_it(target: float, donor: float, want: set[str]) -> None:
    face = made_face(0, SIZE)
    mouth = slice(60, 68)
    ctx = Context(_with(face, mouth, target), _with(face, mouth, donor))
    assert {METHOD.sample(rng("mouth", n), ctx).mouth for n in range(20)} == want


def test_eyes_of_a_donor_who_blinks_are_left_out() -> None:
    face = made_face(0, SIZE)
    blink = _with(_with(face, slice(36, 42), 0.1), slice(42, 48), 0.1)
    assert METHOD.sample(rng("eyes"), Context(face, blink)).eyes == "target"
    assert METHOD.sample(rng("eyes"), Context(blink, face)).eyes == "donor"
    result = METHOD.apply(Context(face, blink), _params(eyes="target"))
    x, y = np.rint(face.landmarks[36:42].mean(axis=0)).astype(int)
    assert result.mask[y, x] < 60


def test_hair_over_a_forehead_keeps_the_mask_low() -> None:
    face = made_face(0, SIZE)
    image = face.image.copy()
    image[: int(face.landmarks[17:27, 1].min()) - 6] = (15, 12, 10)
    fringe = FaceCrop(image, face.landmarks)
    for ctx in (Context(fringe, face), Context(face, fringe)):
        assert max(METHOD.sample(rng("hair", 1), ctx).lift) < 0.3
    free = [max(METHOD.sample(rng("hair", n), Context(face, face)).lift) for n in range(10)]
    assert max(free) > 0.4


def test_brows_under_a_donors_fringe_are_left_out() -> None:
    face = made_face(0, SIZE)
    image = face.image.copy()
    image[: int(face.landmarks[17:27, 1].max()) + 2] = (15, 12, 10)
    ctx = Context(face, FaceCrop(image, face.landmarks))
    params = METHOD.sample(rng("fringe"), ctx)
    assert max(params.lift) < 0
    mask = METHOD.apply(ctx, params).mask
    at = np.rint(face.landmarks).astype(int)
    assert (mask[at[17:27, 1], at[17:27, 0]] == 0).all()
    assert (mask[at[36:48, 1], at[36:48, 0]] > 200 * params.ratio).all()
