from __future__ import annotations

import cv2
import numpy as np
import pytest

from datagen.core.rng import rng
from datagen.errors import RecipeError
from datagen.faces.face import FaceCrop
from datagen.methods.base import Context
from datagen.methods.landmark_swap import LandmarkSwap, LandmarkSwapParams
from tests.support.faces_made import made_face

SIZE = 200
METHOD = LandmarkSwap.build({})


def _params(**changes: object) -> LandmarkSwapParams:
    params = LandmarkSwapParams(
        lift=[0.5] * 10,
        feather=0.1,
        transfer="reinhard",
        color=1.0,
        light=0.5,
        ratio=1.0,
        shape=0.0,
        mouth="warped",
        eyes="donor",
        warp="mesh",
        blend="alpha",
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


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"strength": 1}, "unknown key"),
        ({"blend": []}, "blend"),
        ({"blend": ["alpha", "feather"]}, r"blend\[1\]"),
        ({"blend": ["alpha", "alpha"]}, "listed twice"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, object], told: str) -> None:
    with pytest.raises(RecipeError, match=told):
        LandmarkSwap.build(options)


@pytest.mark.parametrize("allowed", [["alpha"], ["poisson", "pyramid"]])
def test_only_allowed_blends_are_drawn(allowed: list[str]) -> None:
    method = LandmarkSwap.build({"blend": allowed})
    drawn = {method.sample(rng("blend", n), _ctx()).blend for n in range(40)}
    assert drawn == set(allowed)


def test_blends_and_transfers_are_drawn_by_their_weights() -> None:
    ctx = _ctx()
    draws = [METHOD.sample(rng("weights", n), ctx) for n in range(200)]
    assert 90 < sum(params.blend == "alpha" for params in draws) < 150
    assert 90 < sum(params.transfer == "reinhard" for params in draws) < 150
    assert 10 < sum(params.warp == "thin_plate" for params in draws) < 60
    assert {params.blend for params in draws} == {"alpha", "poisson", "pyramid"}
    assert {params.transfer for params in draws} == {"reinhard", "histogram", "covariance"}


EACH_WAY = [
    {"blend": blend, "warp": warp}
    for blend in ("alpha", "poisson", "pyramid")
    for warp in ("mesh", "thin_plate")
]


@pytest.mark.parametrize("changes", EACH_WAY)
@pytest.mark.parametrize("transfer", ["reinhard", "histogram", "covariance"])
def test_a_face_swapped_with_itself_stays(changes: dict[str, str], transfer: str) -> None:
    face = made_face(3, SIZE)
    result = METHOD.apply(Context(face, face), _params(**changes, transfer=transfer))
    assert np.abs(result.image.astype(int) - face.image).mean() < 0.5
    assert np.allclose(result.landmarks, face.landmarks, atol=1e-3)


def test_the_donors_features_come_to_lie_on_the_targets_landmarks() -> None:
    target, donor = made_face(0, SIZE), made_face(1, SIZE)
    dot = donor.image.copy()
    x, y = np.rint(donor.landmarks[30]).astype(int)
    cv2.circle(dot, (int(x), int(y)), 3, (0, 255, 0), -1)
    marked = FaceCrop(dot, donor.landmarks)
    plain, dotted = (
        METHOD.apply(Context(target, d), _params(color=0.0, light=0.0)) for d in (donor, marked)
    )
    apart = np.abs(plain.image.astype(int) - dotted.image).sum(axis=2)
    rows, columns = np.nonzero(apart > 0.5 * apart.max())
    assert np.hypot(*(np.array([columns.mean(), rows.mean()]) - target.landmarks[30])) < 1.5


def test_colors_come_from_the_target() -> None:
    ctx = _ctx(0, 4)
    result = METHOD.apply(ctx, _params())
    full = result.mask == 255
    assert ctx.donor is not None
    before = np.abs(ctx.donor.image[full].mean(axis=0) - ctx.target.image[full].mean(axis=0))
    after = np.abs(result.image[full].mean(axis=0) - ctx.target.image[full].mean(axis=0))
    assert after.max() < 5
    assert after.max() < before.max()


@pytest.mark.parametrize("transfer", ["histogram", "covariance"])
def test_colors_come_from_the_target_by_any_transfer(transfer: str) -> None:
    ctx = _ctx(0, 4)
    result = METHOD.apply(ctx, _params(transfer=transfer))
    full = result.mask == 255
    after = result.image[full].mean(axis=0) - ctx.target.image[full].mean(axis=0)
    assert np.abs(after).max() < 6


@pytest.mark.parametrize("changes", EACH_WAY)
@pytest.mark.parametrize("shift", [(0.0, 0.0), (0.35, 0.0), (-0.2, 0.3), (0.0, -0.4)])
def test_each_way_keeps_the_contract_also_at_the_edge_of_the_image(
    changes: dict[str, str], shift: tuple[float, float]
) -> None:
    target = made_face(2, SIZE, shift=shift)
    ctx = Context(target, made_face(5, SIZE))
    for more in ({}, {"mouth": "target", "eyes": "target"}, {"ratio": 0.85}):
        params = _params(**changes, **more)
        result = METHOD.apply(ctx, params)
        control = METHOD.control(ctx, params)
        outside = result.mask == 0
        assert (result.image[outside] == target.image[outside]).all()
        assert (control[outside] == target.image[outside]).all()
        apart = np.square(control.astype(float) - target.image)[~outside].mean()
        assert apart < 65  # 30 dB
        assert np.abs(result.image.astype(float) - target.image)[~outside].mean() > 1


def test_poisson_meets_the_target_along_the_rim_and_alpha_need_not() -> None:
    ctx = _ctx(0, 4)
    steps = []
    for blend in ("poisson", "alpha"):
        result = METHOD.apply(ctx, _params(blend=blend, feather=0.02, color=0.0, light=0.0))
        near = cv2.dilate(result.mask, np.ones((3, 3), np.uint8)) > 0
        rim = near & (result.mask < 128)
        apart = np.abs(result.image.astype(float) - ctx.target.image).max(axis=2)
        steps.append(float(np.median(apart[rim & (result.mask > 0)])))
    assert steps[0] < steps[1]


def test_a_pyramid_changes_the_seam_and_not_the_middle() -> None:
    ctx = _ctx(0, 4)
    alpha, pyramid = (
        METHOD.apply(ctx, _params(blend=blend, feather=0.02, color=0.0, light=0.0)).image.astype(
            np.float32
        )
        for blend in ("alpha", "pyramid")
    )
    apart = np.abs(cv2.GaussianBlur(alpha - pyramid, (0, 0), 4)).max(axis=2)
    middle = np.rint(ctx.target.landmarks[30]).astype(int)
    assert apart.max() > 1
    assert apart[middle[1], middle[0]] < 1


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


def test_shape_moves_the_inner_landmarks_toward_the_donor_and_leaves_the_jaw() -> None:
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


def test_a_strong_swap_has_the_donors_inner_shape_at_full_weight() -> None:
    ctx = Context(made_face(0, 200), made_face(1, 200))
    method = LandmarkSwap.build({"identity": "strong"})
    for number in range(8):
        drawn = method.sample(rng("strong", number), ctx)
        assert (drawn.ratio, drawn.shape, drawn.mouth, drawn.eyes) == (1, 1, "donor", "donor")
        varied = LandmarkSwap.build({}).sample(rng("strong", number), ctx)
        assert (drawn.blend, drawn.transfer, drawn.warp, drawn.color) == (
            varied.blend,
            varied.transfer,
            varied.warp,
            varied.color,
        )


def test_a_clear_swap_is_the_default_and_shows_half_of_the_donor_at_least() -> None:
    ctx = Context(made_face(0, 200), made_face(1, 200))
    assert LandmarkSwap.build({"identity": "clear"}).config == METHOD.config
    for number in range(8):
        drawn = METHOD.sample(rng("clear", number), ctx)
        assert drawn.shape >= 0.5
        assert drawn.ratio >= 0.95
        assert drawn.light <= 0.6
