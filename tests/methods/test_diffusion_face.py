from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datagen.core.arrays import Image
from datagen.core.rng import rng
from datagen.errors import DeviceError, ItemError, RecipeError, WeightsError
from datagen.faces.face import FaceCrop
from datagen.faces.geometry.expression import NEUTRAL
from datagen.faces.geometry.warp import similarity
from datagen.faces.landmarks import move_points
from datagen.methods.base import Context
from datagen.methods.diffusion_face import DiffusionFace, DiffusionFaceParams
from datagen.networks.alignment.align import TEMPLATES, five_points
from datagen.networks.diffusion.settings import diffusers_library
from tests.support.faces_made import made_face
from tests.support.small.build import SmallWeights
from tests.support.small.diffusion import write_card

SIZE = 160
_FACE = NEUTRAL.astype(np.float32)
MEAN_FACE = move_points(_FACE, similarity(five_points(_FACE), TEMPLATES["ffhq_512"]))
BOTH = pytest.mark.parametrize("weights", ["sd15_faces", "ddpm_aligned_faces"])


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, small_weights: SmallWeights) -> Path:
    folder = tmp_path_factory.mktemp("faces")
    for name in ("sd15_faces", "ddpm_aligned_faces", "sd_vae_ft_mse", "taesd"):
        small_weights.copy(name, folder)
    return folder


@pytest.fixture(autouse=True)
def _weights(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(small))


def _method(weights: str = "sd15_faces", **options: Any) -> DiffusionFace:
    given = {"weights": weights, "batch": 2, "steps": 10, "guidance": 1.5}
    return DiffusionFace.build({**given, **options})


def _ctx(number: int = 0, size: int = SIZE, **known: Any) -> Context:
    return Context(replace(made_face(number, size), **known))


def _seed(seed: int, params: DiffusionFaceParams) -> DiffusionFaceParams:
    return params.model_copy(update={"noise_seed": seed})


def _apart(one: Image, other: Image) -> float:
    return float(np.abs(one.astype(float) - other).mean())


@BOTH
def test_a_face_of_nobody_whose_landmarks_nobody_knows(weights: str) -> None:
    """The small networks learned from faces in one alignment: there the mean face must fit."""
    method = _method(weights)
    darker, skin = 0, []
    for number in range(8):
        ctx = _ctx(number)
        result = method.apply(ctx, method.sample(rng("face", number), ctx))
        assert result.image.shape == (SIZE, SIZE, 3)
        assert (result.mask == 255).all()
        gray = result.image.mean(axis=2)

        def light(points: Any, gray: Any = gray) -> float:
            x, y = np.rint(np.asarray(points)).astype(int).reshape(-1, 2).T
            return float(gray[y, x].mean())

        assert not result.placed
        marks = MEAN_FACE * [SIZE, SIZE] - 0.5
        eyes = [marks[36:42].mean(axis=0), marks[42:48].mean(axis=0)]
        cheeks = [(marks[side] + marks[33]) / 2 for side in (2, 14)]
        darker += light(eyes) < light(cheeks)
        red, _, blue = result.image[np.rint(cheeks[0]).astype(int)[1], int(cheeks[0][0])]
        skin.append(int(red) - int(blue))
    assert darker >= 7
    assert min(skin) > 5


@BOTH
def test_nothing_of_the_targets_pixels_is_in_it(weights: str) -> None:
    method = _method(weights)
    ctx, other = _ctx(0), _ctx(3)
    params = method.sample(rng("pixels"), ctx)
    assert (method.apply(ctx, params).image == method.apply(other, params).image).all()


@BOTH
def test_another_seed_is_another_face(weights: str) -> None:
    method, ctx = _method(weights), _ctx()
    params = method.sample(rng("seed"), ctx)
    first, again, second = (
        method.apply(ctx, one).image for one in (params, params, _seed(5, params))
    )
    assert (first == again).all()
    assert _apart(first, second) > 5


def test_the_prompt_says_what_the_source_states() -> None:
    method = _method()
    for number in range(8):
        known = method.sample(rng("known", number), _ctx(age=70.0, sex="female"))
        assert known.prompt is not None
        assert (known.prompt.age, known.prompt.sex) == ("60+", "female")
    drawn = [method.sample(rng("unknown", number), _ctx()).prompt for number in range(30)]
    assert len({prompt.age for prompt in drawn if prompt is not None}) > 2
    assert {prompt.sex for prompt in drawn if prompt is not None} == {"unstated"}
    few = _method(prompt={"lights": ["studio"]})
    lights = [few.sample(rng("few", number), _ctx()).prompt for number in range(8)]
    assert {prompt.light for prompt in lights if prompt is not None} == {"studio"}
    with pytest.raises(ItemError, match="not_adult"):
        method.sample(rng("child"), _ctx(age=12.0))
    with pytest.raises(RecipeError, match="closed vocabulary"):
        _method(prompt={"lights": ["by candle"]})


def test_the_prompt_and_its_strength_change_the_face() -> None:
    ctx = _ctx()
    young, old = (
        _seed(1, _method().sample(rng("prompt"), _ctx(age=age, sex=sex)))
        for age, sex in ((22.0, "female"), (72.0, "male"))
    )
    weak, strong = (
        _apart(
            _method(guidance=guidance).apply(ctx, young).image,
            _method(guidance=guidance).apply(ctx, old).image,
        )
        for guidance in (1.0, 4.0)
    )
    assert 0 < weak < strong


def test_a_network_without_a_prompt_gets_none() -> None:
    method = _method("ddpm_aligned_faces")
    params = method.sample(rng("none"), _ctx(age=30.0, sex="male"))
    assert params.prompt is None
    assert json.loads(params.model_dump_json())["prompt"] is None
    stronger = _method("ddpm_aligned_faces", guidance=9.0)
    assert (method.apply(_ctx(), params).image == stronger.apply(_ctx(), params).image).all()


@pytest.mark.parametrize("size", [61, 95, 200])
def test_any_size_of_crop(size: int) -> None:
    method, ctx = _method(), _ctx(size=size)
    result = method.apply(ctx, method.sample(rng("size"), ctx))
    assert result.image.shape == (size, size, 3)


@BOTH
def test_a_batch_gives_the_bytes_of_single_faces(weights: str) -> None:
    method = _method(weights)
    contexts = [_ctx(number) for number in range(3)]
    drawn = [method.sample(rng("batch", number), ctx) for number, ctx in enumerate(contexts)]
    outputs = method.run([method.prepare(*pair) for pair in zip(contexts, drawn, strict=True)])
    for ctx, params, output in zip(contexts, drawn, outputs, strict=True):
        together = method.finish(ctx, params, params, output).image
        assert (together == method.apply(ctx, params).image).all()


def test_a_pickled_method_makes_the_same_bytes() -> None:
    method, ctx = _method("ddpm_aligned_faces"), _ctx()
    method.open()
    params = method.sample(rng("pickle"), ctx)
    data = pickle.dumps(method)
    assert len(data) < 2000
    again = pickle.loads(data)
    assert (again.apply(ctx, params).image == method.apply(ctx, params).image).all()
    assert again.weight_ids() == ("ddpm_aligned_faces",)
    facts = again.run_record()
    assert (facts["device"], facts["precision"], facts["batch"]) == ("cpu", "fp32", 2)
    assert "diffusers" in facts["runtime"]


@pytest.mark.parametrize(
    ("value", "code"), [(float("nan"), "network_failed"), (-9.0, "black_image")]
)
def test_unusable_output_is_a_reject(small: Path, value: float, code: str) -> None:
    pipeline = diffusers_library().DDPMPipeline.from_pretrained(small / "ddpm_aligned_faces")
    pipeline.unet.conv_out.weight.data.zero_()
    pipeline.unet.conv_out.bias.data.fill_(value)
    pipeline.save_pretrained(small / code, safe_serialization=True)
    contract = {"loads": "DDPMPipeline", "size": 32}
    write_card(small, code, "DDPMPipeline", diffusers=contract)
    method, ctx = _method(code), _ctx()
    with pytest.raises(ItemError) as caught:
        method.apply(ctx, method.sample(rng("spoiled"), ctx))
    assert caught.value.code == code


def test_an_image_that_the_safety_checker_refuses(small: Path) -> None:
    import shutil

    from tests.support.small.diffusion import flagging_checker

    shutil.copytree(small / "sd15_faces", small / "sd15")
    flagging_checker(small)
    (small / "sd15").rename(small / "flagged")
    contract = {"loads": "StableDiffusionPipeline", "size": 64, "conditioned": True}
    write_card(small, "flagged", "StableDiffusionPipeline", diffusers=contract)
    method, ctx = _method("flagged"), _ctx()
    with pytest.raises(ItemError, match="safety checker") as caught:
        method.apply(ctx, method.sample(rng("flagged"), ctx))
    assert caught.value.code == "black_image"


def test_cards_of_something_else(small: Path) -> None:
    for look in ("weight_ids", "open"):
        with pytest.raises(RecipeError, match="AutoencoderTiny"):
            getattr(_method("taesd"), look)()
    contract = {"loads": "DDPMPipeline", "size": 64}
    write_card(small, "not_ddpm", "DDPMPipeline", file="sd15_faces", diffusers=contract)
    with pytest.raises(WeightsError, match="StableDiffusionPipeline"):
        _method("not_ddpm").open()


def test_a_gpu_that_is_not_there() -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(DeviceError, match="no GPU"):
        _method(device="cuda").open()


def test_a_target_is_needed_for_its_size_and_attributes_alone() -> None:
    blank = FaceCrop(np.zeros((SIZE, SIZE, 3), np.uint8), made_face(0, SIZE).landmarks)
    method = _method()
    params = method.sample(rng("blank"), Context(blank))
    assert params == method.sample(rng("blank"), _ctx())
    assert method.apply(Context(blank), params).image.mean() > 30
