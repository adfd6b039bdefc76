from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datagen.core.rng import rng
from datagen.errors import CardError, ItemError, RecipeError
from datagen.faces.face import FaceCrop
from datagen.faces.part_masks import PARTS
from datagen.generation.checks import checked, checked_control, visible_change
from datagen.methods.base import Context
from datagen.methods.onnx_edit import OnnxEdit
from tests.support.crops import procedural_crop
from tests.support.faces_made import made_face
from tests.support.small.onnx import AGE, ENHANCER, SWAP

pytestmark = pytest.mark.usefixtures("onnx_folder")


def _method(weights: str = AGE, **options: Any) -> OnnxEdit:
    method = OnnxEdit.build({"weights": weights, "batch": 2, **options})
    assert isinstance(method, OnnxEdit)
    return method


@pytest.mark.parametrize("weights", [AGE, ENHANCER])
def test_the_contract_holds_on_people_who_do_not_exist(weights: str) -> None:
    method = _method(weights)
    method.open()
    changes = []
    for number in range(6):
        ctx = Context(procedural_crop(number))
        params = method.sample(rng("contract", number), ctx)
        result = checked(method, method.apply(ctx, params), ctx)
        assert result.real is None
        changes.append(visible_change(ctx.target.image, result.image, result.mask))
        control = method.control(ctx, params)
        checked_control(method, control, ctx.target.image, result.mask)
        assert result.mask.mean() < 0.6 * 255
    assert np.median(changes) > method.min_change


@pytest.mark.parametrize("part", PARTS)
def test_only_the_named_part_is_redrawn(part: str) -> None:
    method = _method(masks=[part])
    ctx = Context(procedural_crop(1))
    params = method.sample(rng("part"), ctx)
    assert params.mask.kind == part
    mask = method.apply(ctx, params).mask
    eye, mouth = ctx.target.landmarks[36:42].mean(axis=0), ctx.target.landmarks[60:68].mean(axis=0)
    at_eye, at_mouth = (mask[round(float(y)), round(float(x))] > 60 for x, y in (eye, mouth))
    assert at_eye == (part in ("face", "no_forehead", "features", "eyes"))
    assert at_mouth == (part in ("face", "no_forehead", "features", "lower_half", "mouth"))


def test_an_enhancer_never_goes_over_the_whole_image() -> None:
    with pytest.raises(RecipeError, match="enhance the whole image, which is not a fake"):
        _method(ENHANCER, masks=["face", "box"]).open()
    with pytest.raises(RecipeError, match="enhance the whole image"):
        _method(ENHANCER, masks=["box"]).weight_ids()
    assert _method(AGE, masks=["box"]).weight_ids() == (AGE,)


def test_a_swap_is_no_edit() -> None:
    with pytest.raises(CardError, match=r"network\.task is 'swap', expected 'edit' or 'enhance'"):
        _method(SWAP).open()


def test_age_is_dull_and_rough_within_the_face() -> None:
    method = _method(masks=["face"])
    ctx = Context(procedural_crop(2))
    result = method.apply(ctx, method.sample(rng("age"), ctx))
    inside = result.mask > 250
    before, after = ctx.target.image[inside].astype(float), result.image[inside].astype(float)
    assert np.ptp(after.mean(axis=0)) < 0.85 * np.ptp(before.mean(axis=0))
    assert after.mean() < before.mean()


@pytest.mark.parametrize(
    ("name", "code"), [("broken_nan", "network_failed"), ("broken_black", "black_image")]
)
def test_unusable_outputs_are_item_errors_and_the_batch_goes_on(name: str, code: str) -> None:
    method = _method(name, batch=4)
    dark = made_face(0, 128)
    dark.image[...] //= 3
    bright = made_face(1, 128)
    np.maximum(bright.image, 170, out=bright.image)
    pairs = [Context(dark), Context(bright)]
    params = [method.sample(rng("bad", number), ctx) for number, ctx in enumerate(pairs)]
    prepared = [method.prepare(ctx, drawn) for ctx, drawn in zip(pairs, params, strict=True)]
    outputs = method.run(prepared)
    with pytest.raises(ItemError) as caught:
        method.finish(pairs[1], params[1], prepared[1], outputs[1])
    assert caught.value.code == code
    if name == "broken_nan":
        assert method.finish(pairs[0], params[0], prepared[0], outputs[0]).mask.any()


def test_a_halved_batch_is_recorded(onnx_folder: Path) -> None:
    method = _method("broken_hungry", batch=8)
    assert method.run_record()["batch"] == 8
    ctx = Context(procedural_crop(0))
    params = method.sample(rng("hungry"), ctx)
    method.apply(ctx, params)
    assert method.run_record()["batch"] == 2


def test_a_method_pickles_and_writes_to_nothing() -> None:
    method = pickle.loads(pickle.dumps(_method()))
    ctx = Context(procedural_crop(3))  # its pixels are read-only
    params = method.sample(rng("pickle"), ctx)
    first, second = method.apply(ctx, params), method.apply(ctx, params)
    assert (first.image == second.image).all()
    assert not np.shares_memory(first.image, ctx.target.image)


def test_landmarks_without_a_face_are_an_item_error() -> None:
    method = _method()
    params = method.sample(rng("none"), Context(procedural_crop(0)))
    for marks in (np.full((68, 2), 40.0), np.full((68, 2), np.nan)):
        ctx = Context(FaceCrop(procedural_crop(0).image, marks.astype(np.float32)))
        with pytest.raises(ItemError, match="method_failed"):
            method.sample(rng("none"), ctx)
        with pytest.raises(ItemError, match="method_failed"):
            method.apply(ctx, params)
