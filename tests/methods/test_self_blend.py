from __future__ import annotations

import numpy as np
import pytest

from datagen.errors import RecipeError
from datagen.hashing import rng
from datagen.methods.base import Context
from datagen.methods.self_blend import Alteration, SelfBlend, SelfBlendParams
from tests.faces_made import made_face

SIZE = 200
METHOD = SelfBlend.build({})
PLAIN = Alteration(
    rgb=(0.0, 0.0, 0.0), hue=0.0, saturation=1.0, contrast=1.0, brightness=0.0, sharpness=0.0
)
STILL = [[[0.0, 0.0]] * 5] * 5


def _ctx(number: int = 0) -> Context:
    return Context(made_face(number, SIZE))


def _draws(count: int) -> list[SelfBlendParams]:
    return [METHOD.sample(rng("self_blend", n), _ctx()) for n in range(count)]


def _plain(**changes: object) -> SelfBlendParams:
    params = SelfBlendParams(
        altered="source",
        alteration=PLAIN,
        shift=(0.0, 0.0),
        scale=1.0,
        lift=0.5,
        part="face",
        field=STILL,
        bend=0.02,
        erode=0.02,
        blur=0.03,
        ratio=1.0,
    )
    return params.model_copy(update=changes)


def test_no_options() -> None:
    with pytest.raises(RecipeError, match="unknown key"):
        SelfBlend.build({"strength": 1})


def test_a_copy_that_is_not_altered_gives_the_target_back() -> None:
    result = METHOD.apply(_ctx(), _plain())
    assert result.real is None
    assert (result.image == _ctx().target.image).all()
    assert (result.landmarks == _ctx().target.landmarks).all()


def test_altering_the_target_alters_the_real_the_control_and_the_fake_outside() -> None:
    darker = PLAIN.model_copy(update={"brightness": -0.1})
    ctx, params = _ctx(1), _plain(altered="target", alteration=darker)
    result = METHOD.apply(ctx, params)
    assert result.real is not None
    assert result.real.mean() < ctx.target.image.mean() - 15
    outside, full = result.mask == 0, result.mask == 255
    assert (result.image[outside] == result.real[outside]).all()
    assert (result.image[full] == ctx.target.image[full]).all()
    assert np.abs(METHOD.control(ctx, params).astype(int) - result.real).mean() < 1


def test_altering_the_source_leaves_the_real_alone() -> None:
    redder = PLAIN.model_copy(update={"rgb": (15.0, 0.0, 0.0)})
    ctx = _ctx(1)
    result = METHOD.apply(ctx, _plain(alteration=redder))
    assert result.real is None
    full = result.mask == 255
    apart = result.image[full].astype(int) - ctx.target.image[full]
    assert np.median(apart, axis=0).tolist() == [15, 0, 0]


@pytest.mark.parametrize("ratio", [0.25, 0.5, 0.75, 1.0])
def test_ratio_is_the_mask_at_its_fullest(ratio: float) -> None:
    assert METHOD.apply(_ctx(), _plain(ratio=ratio)).mask.max() == round(255 * ratio)


def test_shift_and_scale_move_content_and_landmarks_alike() -> None:
    ctx = _ctx(2)
    for params in (_plain(shift=(0.03, -0.015)), _plain(scale=0.95), _plain(scale=1 / 0.95)):
        result = METHOD.apply(ctx, params)
        moved = result.landmarks - ctx.target.landmarks
        assert np.abs(moved[36:48]).max() > 0.5
        assert (moved[8] == 0).all()  # the chin lies on the edge of the mask
        eye = ctx.target.image.mean(axis=2)
        new = result.image.mean(axis=2)
        assert abs(_dark(new, result.landmarks) - _dark(eye, ctx.target.landmarks)) < 12


def _dark(grey: np.ndarray, marks: np.ndarray) -> float:
    x, y = np.rint(marks[36:42].mean(axis=0)).astype(int)
    return float(grey[y - 1 : y + 2, x - 1 : x + 2].mean())


def test_erosion_shrinks_and_blur_grows_the_mask() -> None:
    area = [
        int((METHOD.apply(_ctx(), _plain(erode=e, blur=b)).mask > 0).sum())
        for e, b in ((0.06, 0.01), (0.03, 0.03), (0.01, 0.06))
    ]
    assert area == sorted(area)
    assert area[0] < area[2]


def test_the_features_alone_are_a_smaller_mask() -> None:
    whole, part = (METHOD.apply(_ctx(), _plain(part=p)).mask for p in ("face", "features"))
    assert 0.1 < part.sum() / whole.sum() < 0.8


def test_draws_stay_in_the_range_of_the_paper() -> None:
    draws = _draws(200)
    assert {d.altered for d in draws} == {"source", "target"}
    assert {d.ratio for d in draws} == {0.25, 0.5, 0.75, 1.0}
    assert 0.35 < np.mean([d.ratio == 1 for d in draws]) < 0.65
    assert all(abs(d.shift[0]) <= 0.03 and abs(d.shift[1]) <= 0.015 for d in draws)
    assert all(0.95 <= d.scale <= 1 / 0.95 for d in draws)
    assert {d.alteration.sharpness > 0 for d in draws} == {True, False}
    for kind, plain in (("hue", 0.0), ("contrast", 1.0), ("rgb", (0.0, 0.0, 0.0))):
        share = np.mean([getattr(d.alteration, kind) == plain for d in draws])
        assert 0.35 < share < 0.65
