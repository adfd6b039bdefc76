from __future__ import annotations

import dataclasses
import json
import pickle
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from datagen.core.arrays import Image
from datagen.core.rng import rng
from datagen.errors import CardError, DeviceError, ItemError, RecipeError
from datagen.generation.checks import checked, checked_control, visible_change
from datagen.methods import METHODS
from datagen.methods.base import Context
from datagen.methods.onnx_swap import OnnxSwap
from datagen.networks.onnx.enhance import open_enhancer
from tests.support.crops import procedural_crop
from tests.support.faces_made import made_face
from tests.support.small.onnx import AGE, ENHANCER, SWAP, SWAP_BY_IMAGE, SWAP_EMAP, SWAP_MASK
from tests.support.small.onnx_broken import recard

SWAPS = [SWAP, SWAP_EMAP, SWAP_BY_IMAGE, SWAP_MASK]
ENHANCED = {"weights": ENHANCER, "blend": [0.4, 0.9]}


pytestmark = pytest.mark.usefixtures("onnx_folder")


def _method(weights: str = SWAP, **options: Any) -> OnnxSwap:
    if weights == SWAP_MASK:
        options = {"masks": ["network"], **options}
    method = OnnxSwap.build({"weights": weights, "batch": 2, **options})
    assert isinstance(method, OnnxSwap)
    return method


def _apart(one: Image, other: Image) -> float:
    return float(np.abs(one.astype(int) - other).mean())


@pytest.mark.parametrize("enhancer", [None, ENHANCED], ids=["plain", "enhanced"])
@pytest.mark.parametrize("weights", SWAPS)
def test_the_contract_holds_on_people_who_do_not_exist(
    weights: str, enhancer: dict[str, Any] | None
) -> None:
    method = _method(weights, enhancer=enhancer)
    for number in range(4):
        ctx = Context(procedural_crop(number), procedural_crop(number + 1))
        params = method.sample(rng("contract", number), ctx)
        result = checked(method, method.apply(ctx, params), ctx)
        real = ctx.target.image if result.real is None else result.real
        assert visible_change(real, result.image, result.mask) > method.min_change
        control = checked_control(method, method.control(ctx, params), real, result.mask)
        assert _apart(control, real) < 0.5 * _apart(result.image, real)
        assert (result.landmarks == ctx.target.landmarks).all()


@pytest.mark.parametrize("weights", SWAPS)
def test_the_fake_comes_from_the_target_and_the_donor(weights: str) -> None:
    method = _method(weights)
    ctx = Context(procedural_crop(0), procedural_crop(1))
    params = method.sample(rng("both"), ctx)
    fake = method.apply(ctx, params)
    other = method.apply(Context(procedural_crop(0), procedural_crop(2)), params)
    assert _apart(fake.image, other.image) > 0.5
    inside = other.mask > 200
    tone = [image[inside].mean(axis=0) for image in (fake.image, other.image, ctx.target.image)]
    assert np.abs(tone[0] - tone[1]).max() > 3
    own = method.apply(Context(procedural_crop(0), procedural_crop(0)), params)
    assert _apart(own.image, ctx.target.image) < 0.5 * _apart(fake.image, ctx.target.image)


def test_an_enhancer_goes_over_real_control_and_fake_alike() -> None:
    plain, method = _method(), _method(enhancer=ENHANCED)
    ctx = Context(procedural_crop(3), procedural_crop(4))
    params = method.sample(rng("enhancer"), ctx)
    assert 0.4 <= params.enhance <= 0.9
    assert plain.sample(rng("enhancer"), ctx).mask == params.mask
    result, control = method.apply(ctx, params), method.control(ctx, params)
    real = open_enhancer(ENHANCER, "cpu", 1)(ctx.target.image, ctx.target.landmarks, params.enhance)
    assert result.real is not None
    assert (result.real == real).all()
    assert _apart(real, ctx.target.image) > 0.3
    outside = result.mask == 0
    assert outside.sum() > 1000
    assert (result.image[outside] == real[outside]).all()
    assert (control[outside] == real[outside]).all()
    assert (result.mask == plain.apply(ctx, params).mask).all()
    assert method.enhancer_id() == ENHANCER
    assert ENHANCER not in method.weight_ids()
    assert plain.enhancer_id() is None


def test_a_batch_gives_what_apply_gives() -> None:
    method = _method(SWAP_BY_IMAGE, batch=4, enhancer=ENHANCED)
    pairs = [Context(procedural_crop(number), procedural_crop(number + 1)) for number in range(3)]
    params = [method.sample(rng("batch", number), ctx) for number, ctx in enumerate(pairs)]
    prepared = [method.prepare(ctx, drawn) for ctx, drawn in zip(pairs, params, strict=True)]
    outputs = method.run(prepared)
    for ctx, drawn, ready, output in zip(pairs, params, prepared, outputs, strict=True):
        result, alone = method.finish(ctx, drawn, ready, output), method.apply(ctx, drawn)
        assert (result.mask == alone.mask).all()
        assert np.abs(result.image.astype(int) - alone.image).max() <= 1
        assert result.real is not None
        assert alone.real is not None
        assert (result.real == alone.real).all()


def test_the_networks_mask_is_kept_and_bounded_by_the_box() -> None:
    method = _method(SWAP_MASK)
    ctx = Context(procedural_crop(2), procedural_crop(5))
    params = method.sample(rng("own"), ctx)
    own = method.apply(ctx, params).mask
    box = params.model_copy(update={"mask": params.mask.model_copy(update={"kind": "box"})})
    assert params.mask.kind == "network"
    assert (own <= method.apply(ctx, box).mask).all()
    dark = dataclasses.replace(ctx.target, image=ctx.target.image // 12)
    assert method.apply(Context(dark, ctx.donor), params).mask.sum() < 0.5 * own.sum()


def test_params_make_the_same_image_after_json() -> None:
    method = _method(enhancer=ENHANCED)
    ctx = Context(procedural_crop(1), procedural_crop(2))
    drawn = method.sample(rng("json"), ctx)
    again = method.params.model_validate(json.loads(json.dumps(drawn.model_dump(mode="json"))))
    assert again == drawn
    first, second = method.apply(ctx, drawn), method.apply(ctx, again)
    assert (first.image == second.image).all()
    assert (first.mask == second.mask).all()


def test_a_method_pickles_with_its_config_alone() -> None:
    method = _method(enhancer=ENHANCED)
    method.open()
    data = pickle.dumps(method)
    assert len(data) < 2000
    again = pickle.loads(data)
    ctx = Context(procedural_crop(1), procedural_crop(2))
    params = method.sample(rng("pickle"), ctx)
    assert (again.apply(ctx, params).image == method.apply(ctx, params).image).all()


def test_the_record_says_what_the_bytes_depend_on(onnx_folder: Path) -> None:
    record = _method(batch=3, threads=2).run_record()
    assert record["batch"] == 3
    assert record["threads"] == 2
    assert record["device"] == "cpu"
    assert record["runtime"].startswith("onnxruntime ")


def test_weights_are_the_whole_closure() -> None:
    assert _method().weight_ids() == (SWAP, "small_embedder", "small_converter")
    assert _method(SWAP_EMAP).weight_ids() == (SWAP_EMAP, "small_embedder")
    assert _method(SWAP_BY_IMAGE).weight_ids() == (SWAP_BY_IMAGE,)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "weights: missing"),
        (
            {"weights": SWAP, "precision": "fp16"},
            "the precision of an ONNX network is fixed by its file",
        ),
        ({"weights": SWAP, "masks": ["box", "box"]}, "masks: a mask is listed twice"),
        ({"weights": SWAP, "masks": []}, "masks"),
        ({"weights": SWAP, "mask": "box"}, "unknown key. Did you mean 'masks'"),
        ({"weights": SWAP, "enhancer": {"weights": "e", "blend": [0, 1]}}, "blend: expected"),
        ({"weights": SWAP, "enhancer": {"weights": "e", "blend": [0.9, 0.1]}}, "low <= high"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        METHODS.load("onnx_swap").build(options)


def test_what_does_not_fit_is_refused_before_any_face(onnx_folder: Path) -> None:
    with pytest.raises(CardError, match="'edit', expected 'swap'"):
        _method(AGE).open()
    with pytest.raises(CardError, match="no weight card"):
        _method("nobodys").open()
    with pytest.raises(RecipeError, match="'network' needs a network that returns a mask"):
        _method(SWAP, masks=["network"]).open()
    with pytest.raises(CardError, match="'edit', expected 'enhance'"):
        _method(enhancer={"weights": AGE}).open()
    with pytest.raises(CardError, match="expected 'enhance'"):
        _method(enhancer={"weights": AGE}).enhancer_id()
    with pytest.raises(DeviceError, match="cuda"):
        _method(device="cuda").open()


def test_unusable_outputs_are_item_errors(onnx_folder: Path) -> None:
    recard(onnx_folder, SWAP, "blind", embedder="broken_embedder", converter=None)
    black = dataclasses.replace(procedural_crop(1), image=np.zeros_like(procedural_crop(1).image))
    method = _method("blind")
    ctx = Context(procedural_crop(0), black)
    with pytest.raises(ItemError, match="network_failed"):
        method.apply(ctx, method.sample(rng("blind"), ctx))
    recard(onnx_folder, "broken_black", "black_enhancer", task="enhance")
    method = _method(enhancer={"weights": "black_enhancer"})
    ctx = Context(procedural_crop(0), procedural_crop(1))
    with pytest.raises(ItemError, match="black_image"):
        method.apply(ctx, method.sample(rng("black"), ctx))


def test_a_control_that_loses_too_much_is_an_item_error() -> None:
    method = _method(SWAP_EMAP)  # 128 pixels for a face of about 400
    target = made_face(6, 640)
    grain = rng("grain").integers(-60, 61, (640, 640, 1))
    rough = np.clip(target.image.astype(int) + grain, 0, 255).astype(np.uint8)
    ctx = Context(dataclasses.replace(target, image=rough), made_face(7, 160))
    params = method.sample(rng("rough"), ctx)
    with pytest.raises(
        ItemError, match=r"method_failed: the control has a PSNR of .* dB to its real"
    ):
        method.control(ctx, params)
    smooth = Context(target, ctx.donor)
    assert _apart(method.control(smooth, params), target.image) > 0


def test_faces_at_the_edge_and_in_gray_keep_the_contract() -> None:
    method = _method(masks=["box", "face", "features"])
    gray = cv2.cvtColor(
        cv2.cvtColor(procedural_crop(1).image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB
    )
    targets = [
        made_face(3, 160, shift=(0.3, 0.2)),
        made_face(4, 64),
        made_face(5, 160, 50),
        dataclasses.replace(procedural_crop(1), image=np.asarray(gray, np.uint8)),
    ]
    for number, target in enumerate(targets):
        ctx = Context(target, made_face(number, 160))
        params = method.sample(rng("edge", number), ctx)
        result = checked(method, method.apply(ctx, params), ctx)
        checked_control(method, method.control(ctx, params), target.image, result.mask)
