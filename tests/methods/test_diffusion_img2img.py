from __future__ import annotations

import dataclasses
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from datagen.core.arrays import Image
from datagen.core.rng import rng
from datagen.errors import DeviceError, ItemError, RecipeError, WeightsError
from datagen.faces.face import FaceCrop
from datagen.methods.base import Context
from datagen.methods.diffusion_img2img import DiffusionImg2Img, DiffusionImg2ImgParams
from datagen.networks.batch import OutOfMemoryError
from datagen.networks.diffusion import repaint as diffusion_repaint
from datagen.networks.diffusion.images import checked_image
from datagen.networks.diffusion.open import open_repainter, runner
from datagen.networks.diffusion.options import own_steps
from datagen.networks.diffusion.pipeline import open_pipeline
from tests.support.faces_made import made_face
from tests.support.small.diffusion import build_diffusion, build_xl, flagging_checker, write_card

SIDE = 64
SIZE = 96


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("diffusion")
    build_diffusion(folder)
    build_xl(folder)
    small = {"size": SIDE + 7, "sides": 8}
    for name, loads in (
        ("sd15", "StableDiffusionPipeline"),
        ("sd15_img2img", "StableDiffusionImg2ImgPipeline"),
        ("sdxl", "StableDiffusionXLPipeline"),
        ("ddpm_faces", "DDPMPipeline"),
    ):
        contract = {"loads": loads, "conditioned": loads != "DDPMPipeline", **small}
        write_card(folder, name, loads, diffusers=contract)
    return folder


@pytest.fixture(autouse=True)
def _weights(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(built))


def _method(weights: str = "sd15_img2img", **options: Any) -> DiffusionImg2Img:
    given = {"weights": weights, "steps": 5, "batch": 2, "strength": [0.2, 0.9], **options}
    return DiffusionImg2Img.build(given)


def _params(method: DiffusionImg2Img, number: int = 0, **changes: Any) -> DiffusionImg2ImgParams:
    drawn = method.sample(rng("img2img", number), _ctx())
    return drawn.model_copy(update=changes)


def _ctx(number: int = 0, size: int = SIZE) -> Context:
    return Context(made_face(number, size))


def _image(method: DiffusionImg2Img, params: DiffusionImg2ImgParams) -> Image:
    return method.apply(_ctx(), params).image


@pytest.mark.parametrize("weights", ["sd15_img2img", "sd15", "sdxl", "ddpm_faces"])
def test_the_whole_image_is_made_anew_and_stays_the_face(weights: str) -> None:
    method = _method(weights)
    method.open()
    params = _params(method)
    result = method.apply(_ctx(), params)
    apart = np.abs(result.image.astype(int) - _ctx().target.image).mean()
    assert result.mask.min() == 255
    assert result.real is None
    assert 1 < apart < 60
    assert (_image(method, params) == result.image).all()
    other = params.model_copy(update={"noise_seed": params.noise_seed + 1})
    assert (_image(method, other) != result.image).any()


@pytest.mark.parametrize("weights", ["sd15_img2img", "ddpm_faces"])
def test_a_stronger_draw_goes_further_from_the_image(weights: str) -> None:
    method = _method(weights, guidance=1.0)
    target = _ctx().target.image.astype(int)
    weak, strong = (
        np.abs(_image(method, _params(method, strength=strength)) - target).mean()
        for strength in (0.2, 0.9)
    )
    assert strong > weak


def test_the_prompt_is_heard_when_there_is_one() -> None:
    method = _method()
    params = _params(method)
    assert params.prompt is not None
    light = "lamp" if params.prompt.light != "lamp" else "sun"
    other = params.model_copy(update={"prompt": params.prompt.model_copy(update={"light": light})})
    assert (_image(method, other) != _image(method, params)).any()
    assert _params(_method("ddpm_faces")).prompt is None


def test_what_the_source_states_is_in_the_prompt() -> None:
    face = dataclasses.replace(made_face(0, SIZE), age=47.0, sex="male")
    params = _method().sample(rng("stated"), Context(face))
    assert params.prompt is not None
    assert (params.prompt.age, params.prompt.sex) == ("45-59", "male")
    young = dataclasses.replace(face, age=12.0)
    with pytest.raises(ItemError, match="not_adult"):
        _method().sample(rng("stated"), Context(young))


@pytest.mark.parametrize("weights", ["sd15_img2img", "sdxl", "ddpm_faces"])
def test_each_strength_in_a_batch_is_as_if_its_schedule_began_there(weights: str) -> None:
    mixed = _method(weights, strength=[0.4, 0.8])
    alone = _method(weights, strength=[0.4, 0.4])
    weak = _params(mixed, 1, strength=0.4)
    strong = _params(mixed, 2, strength=0.8)
    prepared = [mixed.prepare(_ctx(), one) for one in (weak, strong)]
    together = mixed.run(prepared)
    by_itself = alone.run([prepared[0]])[0]
    assert isinstance(together[0], np.ndarray)
    assert isinstance(together[1], np.ndarray)
    assert isinstance(by_itself, np.ndarray)
    assert np.abs(together[0].astype(int) - by_itself).max() <= 1
    assert np.abs(together[1].astype(int) - by_itself).max() > 1


@pytest.mark.parametrize("weights", ["sd15_img2img", "ddpm_faces"])
def test_a_face_is_equal_alone_and_in_any_place_of_a_batch(weights: str) -> None:
    method = _method(weights)
    draws = [(_ctx(number), _params(method, number)) for number in range(3)]
    prepared = [method.prepare(ctx, params) for ctx, params in draws]
    for order in ([0, 1, 2], [2, 0, 1]):
        outputs = method.run([prepared[number] for number in order])
        assert len(outputs) == 3
        for number, output in zip(order, outputs, strict=True):
            ctx, params = draws[number]
            made = method.finish(ctx, params, prepared[number], output)
            assert (made.image == method.apply(ctx, params).image).all()


def test_steps_are_counted_as_the_pipelines_count() -> None:
    assert [own_steps(10, strength) for strength in (0.1, 0.29, 0.7, 0.999, 1.0)] == [
        1,
        2,
        7,
        9,
        10,
    ]
    pipeline = open_pipeline("sd15_img2img", "cpu", "fp32")
    for strength in (0.2, 0.5, 0.77):
        pipeline.scheduler.set_timesteps(30)
        assert pipeline.get_timesteps(30, strength, "cpu")[1] == own_steps(30, strength)


def test_the_opened_pipeline_keeps_its_own_scheduler_and_checker() -> None:
    opened = open_repainter(_method("sd15").config, "Img2Img")
    kept = open_pipeline("sd15", "cpu", "fp32")
    assert type(opened.scheduler).__name__ == "DDIMScheduler"
    assert type(kept.scheduler).__name__ == "PNDMScheduler"
    assert opened.safety_checker is kept.safety_checker is not None
    assert opened.unet is kept.unet


def test_no_watermark_is_put_on_fakes() -> None:
    opened = open_repainter(_method("sdxl").config, "Img2Img")
    assert type(opened).__name__ == "StableDiffusionXLImg2ImgPipeline"
    assert opened.watermark is None


def test_a_flagged_image_is_no_fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(tmp_path))
    build_diffusion(tmp_path)
    flagging_checker(tmp_path)
    method = _method("sd15")
    with pytest.raises(ItemError, match="black_image: the pipeline's safety checker"):
        method.apply(_ctx(size=64), _params(method))


def test_unusable_outputs_are_errors_of_their_item_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    made = diffusion_repaint._late_start

    def poison(batch: torch.Tensor, requests: Any, starts: Any) -> Any:
        callback = made(batch, requests, starts)

        def spoil(pipeline: Any, step: int, time: Any, given: dict[str, Any]) -> dict[str, Any]:
            latents = callback(pipeline, step, time, given).get("latents", given["latents"]).clone()
            latents[1] = float("nan")
            return {"latents": latents}

        return spoil

    monkeypatch.setattr(diffusion_repaint, "_late_start", poison)
    method = _method()
    params = [_params(method, number) for number in range(2)]
    prepared = [method.prepare(_ctx(), one) for one in params]
    good, bad = method.run(prepared)
    assert method.finish(_ctx(), params[0], prepared[0], good).image.any()
    with pytest.raises(ItemError, match="network_failed"):
        method.finish(_ctx(), params[1], prepared[1], bad)


def test_black_and_infinite_images_are_refused() -> None:
    values = np.full((3, 8, 8), 0.5, np.float32)
    assert isinstance(checked_image(values), np.ndarray)
    black, infinite = checked_image(values * 0), checked_image(values * np.inf)
    assert isinstance(black, ItemError)
    assert black.code == "black_image"
    assert isinstance(infinite, ItemError)
    assert infinite.code == "network_failed"


def test_a_full_memory_halves_the_batch_and_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    method = _method(steps=6, batch=4, precision="bf16")
    repaint, sizes = diffusion_repaint.repaint, []

    def small(pipeline: Any, requests: Any, *rest: Any) -> Any:
        sizes.append(len(requests))
        if len(requests) > 1:
            raise OutOfMemoryError("full")
        return repaint(pipeline, requests, *rest)

    monkeypatch.setattr("datagen.methods.diffusion_base.repaint", small)
    record = method.run_record()
    assert record["batch"] == 4
    assert record["precision"] == "fp32"  # what a CPU does, whatever was asked for
    assert "diffusers" in record["runtime"]
    method.apply(_ctx(), _params(method))
    assert sizes == [4, 2, 1]
    assert method.run_record()["batch"] == 1
    runner.cache_clear()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"prompt": "a photo of Jane Roe"}, "prompt: expected keys and values"),
        ({"prompt": {"text": "anything"}}, "prompt.text: unknown key"),
        ({"prompt": {"lights": ["neon glow"]}}, "not free text"),
        ({"strength": [0.0, 0.5]}, "above 0 and at most 1"),
        ({"strength": [0.5, 1.0]}, "use diffusion_face"),
        ({"strength": 0.1}, "steps x the lowest strength is below 1"),
        ({"guidance": 0.5}, "guidance"),
        ({"negative_prompt": "x"}, "unknown key"),
        ({"weights": ""}, "weights"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        _method(**options)


def test_params_hold_keys_and_no_text() -> None:
    params = _params(_method())
    plain = params.model_dump(mode="json")
    assert DiffusionImg2ImgParams.model_validate(json.loads(json.dumps(plain))) == params
    with pytest.raises(ValueError, match="Prompt"):
        DiffusionImg2ImgParams.model_validate({**plain, "prompt": "a photo of anybody"})
    changed = {**plain["prompt"], "background": "a photo of anybody"}
    with pytest.raises(ValueError, match="not free text"):
        DiffusionImg2ImgParams.model_validate({**plain, "prompt": changed})


def test_cards_of_other_uses_are_refused(built: Path) -> None:
    with pytest.raises(
        RecipeError, match="'StableDiffusionInpaintPipeline', but this method needs"
    ):
        _method("sd15_inpaint").open()
    with pytest.raises(
        RecipeError, match="'StableDiffusionInpaintPipeline', but this method needs"
    ):
        _method("sd15_inpaint").weight_ids()
    write_card(built, "mislabeled", "StableDiffusionPipeline", file="sd15_inpaint")
    with pytest.raises(WeightsError, match="_class_name is 'StableDiffusionInpaintPipeline'"):
        _method("mislabeled").open()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_missing_gpu_is_named() -> None:
    with pytest.raises(DeviceError, match="cuda"):
        _method(device="cuda", precision="fp16").open()


def test_an_opened_method_pickles_as_its_config_alone() -> None:
    method = _method()
    params = _params(method)
    made = _image(method, params)
    packed = pickle.dumps(method)
    assert len(packed) < 4000
    again = pickle.loads(packed)
    assert (_image(again, params) == made).all()
    assert again.weight_ids() == ("sd15_img2img",)
    assert pickle.loads(pickle.dumps(method.prepare(_ctx(), params))).text


def test_a_face_that_is_none_is_an_item_error() -> None:
    method = _method()
    none_found = FaceCrop(made_face(0, SIZE).image, np.full((68, 2), 20, np.float32))
    with pytest.raises(ItemError, match="method_failed"):
        method.sample(rng("nobody"), Context(none_found))
    with pytest.raises(ItemError, match="method_failed"):
        method.apply(Context(none_found), _params(method))
