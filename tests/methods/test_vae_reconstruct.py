from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from datagen.core.arrays import Image
from datagen.core.rng import rng
from datagen.errors import DeviceError, ItemError, RecipeError, WeightsError
from datagen.faces.face import FaceCrop
from datagen.methods.base import Context
from datagen.methods.vae_reconstruct import VaeReconstruct, VaeReconstructParams
from datagen.networks.batch import OutOfMemoryError
from datagen.networks.diffusion.settings import diffusers_library
from tests.support.faces_made import made_face
from tests.support.small.autoencoder import SIDE, face_crops
from tests.support.small.build import SmallWeights
from tests.support.small.diffusion import build_diffusion, write_card

PLAIN = VaeReconstructParams(passes=1, phase=(0.0, 0.0))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, small_weights: SmallWeights) -> Path:
    folder = tmp_path_factory.mktemp("autoencoders")
    for name in ("sd_vae_ft_mse", "taesd"):
        small_weights.copy(name, folder)
    return folder


@pytest.fixture(autouse=True)
def _weights(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(small))


def _method(**options: Any) -> VaeReconstruct:
    return VaeReconstruct.build({"weights": "sd_vae_ft_mse", "batch": 2, **options})


def _unseen(count: int = 4, side: int = SIDE) -> list[Context]:
    marks = made_face(0, side).landmarks
    people = range(1000, 1000 + count)
    return [Context(FaceCrop(image, marks)) for image in face_crops(99, people, side)]


def _psnr(one: Image, other: Image) -> float:
    squared = np.square(one.astype(float) - other).mean()
    return float(10 * np.log10(255**2 / max(float(squared), 1e-9)))


@pytest.mark.parametrize(("weights", "least"), [("sd_vae_ft_mse", 26.5), ("taesd", 27.5)])
def test_people_whom_it_has_not_seen_come_back(weights: str, least: float) -> None:
    method = _method(weights=weights)
    contexts = _unseen(8)
    quality = []
    for number, ctx in enumerate(contexts):
        params = method.sample(rng("vae", number), ctx)
        result = method.apply(ctx, params)
        assert result.image.shape == ctx.target.image.shape
        assert (result.mask == 255).all()
        assert (result.landmarks == ctx.target.landmarks).all()
        quality.append(_psnr(result.image, ctx.target.image))
        strangers = [_psnr(result.image, other.target.image) for other in contexts]
        assert int(np.argmax(strangers)) == number
        assert quality[-1] > sorted(strangers)[-2] + 6
    assert least < np.mean(quality) < 45


def test_the_fake_is_not_moved_whatever_the_phase_of_the_grid() -> None:
    (ctx,) = _unseen(1, 133)
    real = ctx.target.image
    method, corner = _method(), _method(grid="corner")
    for phase in ((0.0, 0.0), (0.3, 0.99), (0.74, 0.5)):
        params = PLAIN.model_copy(update={"phase": phase})
        fake = method.apply(ctx, params).image
        assert fake.shape == (133, 133, 3)
        here = _psnr(fake, real)
        assert here > 24
        for axis in (0, 1):
            for step in (-2, 2):
                assert _psnr(np.roll(fake, step, axis)[4:-4, 4:-4], real[4:-4, 4:-4]) < here
    fakes = [method.apply(ctx, PLAIN.model_copy(update={"phase": (x, 0.0)})) for x in (0.0, 0.5)]
    assert (fakes[0].image != fakes[1].image).any()
    assert corner.sample(rng("corner"), ctx).phase == (0.0, 0.0)


@pytest.mark.parametrize("grid", ["corner", "drawn"])
def test_any_size_goes_in_padded_to_whole_cells(grid: str) -> None:
    method = _method(grid=grid)
    for side in (61, 64, 95):
        ctx = Context(made_face(1, side))
        shapes = set()
        for number in range(6):
            params = method.sample(rng(side, number), ctx)
            shapes.add(method.prepare(ctx, params).image.shape)
            assert method.apply(ctx, params).image.shape == (side, side, 3)
        (shape,) = shapes
        assert shape[0] == shape[1]
        assert shape[0] % 4 == 0
        assert side <= shape[0] < side + 8


def test_through_the_size_of_the_card_and_back() -> None:
    (ctx,) = _unseen(1, 200)
    method = _method(size="card")
    params = method.sample(rng("card"), ctx)
    assert params.phase == (0.0, 0.0)
    assert method.prepare(ctx, params).image.shape == (SIDE, SIDE, 3)
    fake = method.apply(ctx, params).image
    assert fake.shape == (200, 200, 3)
    assert 24 < _psnr(fake, ctx.target.image) < _psnr(_method().apply(ctx, PLAIN).image, fake) + 20


def test_each_pass_loses_a_little_more() -> None:
    (ctx,) = _unseen(1)
    method = _method()
    quality = [
        _psnr(
            method.apply(ctx, PLAIN.model_copy(update={"passes": passes})).image, ctx.target.image
        )
        for passes in (1, 2, 4)
    ]
    assert quality == sorted(quality, reverse=True)
    drawn = {
        _method(passes=[1, 3]).sample(rng("passes", number), ctx).passes for number in range(30)
    }
    assert drawn == {1, 2, 3}


def test_seeds_matter_where_a_latent_is_drawn_and_only_there() -> None:
    (ctx,) = _unseen(1)
    mode, drawn = _method(), _method(posterior="sample", passes=[2, 2])
    assert mode.sample(rng(0), ctx).noise_seeds == ()
    params = drawn.sample(rng(0), ctx).model_copy(update={"phase": (0.0, 0.0)})
    assert len(params.noise_seeds) == 2
    other = params.model_copy(update={"noise_seeds": (params.noise_seeds[0], 1)})
    first, again, second = (drawn.apply(ctx, one).image for one in (params, params, other))
    assert (first == again).all()
    assert (first != second).any()
    assert _psnr(first, ctx.target.image) > 22
    twice = PLAIN.model_copy(update={"passes": 2})
    likely = mode.apply(ctx, twice).image
    assert (likely == mode.apply(ctx, twice.model_copy(update={"noise_seeds": (1, 2)})).image).all()
    assert (likely != first).any()


def test_a_batch_gives_the_bytes_of_single_faces() -> None:
    contexts = _unseen(5, 61)
    method = _method(posterior="sample", passes=[1, 3])
    drawn = [method.sample(rng("batch", number), ctx) for number, ctx in enumerate(contexts)]
    assert len({params.passes for params in drawn}) > 1
    prepared = [method.prepare(*pair) for pair in zip(contexts, drawn, strict=True)]
    outputs = method.run(prepared)
    parts = zip(contexts, drawn, prepared, outputs, strict=True)
    for ctx, params, ready, output in parts:
        together = method.finish(ctx, params, ready, output)
        assert (together.image == method.apply(ctx, params).image).all()


def test_a_pickled_method_makes_the_same_bytes() -> None:
    (ctx,) = _unseen(1)
    method = _method()
    method.open()
    data = pickle.dumps(method)
    assert len(data) < 2000
    again = pickle.loads(data)
    assert (again.apply(ctx, PLAIN).image == method.apply(ctx, PLAIN).image).all()
    assert again.weight_ids() == ("sd_vae_ft_mse",)


def test_a_batch_that_does_not_fit_is_halved_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    method = _method(batch=4, threads=2)
    whole = VaeReconstruct._pass
    sizes = []

    def narrow(self: VaeReconstruct, items: list[Any]) -> list[Any]:
        sizes.append(len(items))
        if len(items) > 2:
            raise OutOfMemoryError("cpu: full")
        return whole(self, items)

    monkeypatch.setattr(VaeReconstruct, "_pass", narrow)
    assert method.run_record()["batch"] == 4
    contexts = _unseen(3, 64)
    outputs = method.run([method.prepare(ctx, PLAIN) for ctx in contexts])
    assert len(outputs) == 3
    assert sizes == [4, 2, 2]
    facts = method.run_record()
    assert (facts["device"], facts["precision"], facts["batch"]) == ("cpu", "fp32", 2)


def _spoiled(folder: Path, name: str, value: float) -> None:
    """Save an autoencoder whose last layer gives ``value`` everywhere."""
    network = diffusers_library().AutoencoderKL.from_pretrained(folder / "sd_vae_ft_mse")
    network.decoder.conv_out.weight.data.zero_()
    network.decoder.conv_out.bias.data.fill_(value)
    network.save_pretrained(folder / name, safe_serialization=True)
    contract = {"loads": "AutoencoderKL", "size": SIDE, "sides": 4}
    write_card(folder, name, "AutoencoderKL", diffusers=contract)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("value", "code"), [(float("nan"), "network_failed"), (-3.0, "black_image")]
)
def test_unusable_output_is_a_reject_and_the_others_go_on(
    small: Path, value: float, code: str
) -> None:
    name = f"spoiled_{code}"
    _spoiled(small, name, value)
    (ctx,) = _unseen(1)
    with pytest.raises(ItemError) as caught:
        _method(weights=name, passes=[2, 2]).apply(ctx, PLAIN.model_copy(update={"passes": 2}))
    assert caught.value.code == code


def test_options_that_cannot_be() -> None:
    for passes in ([0, 1], [2, 1], [1, 99]):
        with pytest.raises(RecipeError, match="passes"):
            _method(passes=passes)
    with pytest.raises(RecipeError, match="posterior"):
        _method(weights="taesd", posterior="sample").open()
    with pytest.raises(RecipeError, match="weights"):
        VaeReconstruct.build({})


def test_cards_of_something_else(small: Path) -> None:
    build_diffusion(small)
    for look in ("weight_ids", "open"):
        with pytest.raises(RecipeError, match="StableDiffusionPipeline"):
            getattr(_method(weights="sd15"), look)()
        with pytest.raises(RecipeError, match="set posterior: mode"):
            getattr(_method(weights="taesd", posterior="sample"), look)()
    contract = {"loads": "AutoencoderKL", "size": SIDE, "sides": 4}
    write_card(small, "not_kl", "AutoencoderKL", file="taesd", diffusers=contract)
    with pytest.raises(WeightsError, match="AutoencoderTiny"):
        _method(weights="not_kl").open()
    path = small / "cards" / "sd_vae_ft_mse.yaml"
    card = yaml.safe_load(path.read_text(encoding="utf-8"))
    for sides in (2, 6):
        other = {**card["diffusers"], "sides": sides}
        write_card(small, "uneven", "AutoencoderKL", file="sd_vae_ft_mse", diffusers=other)
        with pytest.raises(WeightsError, match="multiples of 4"):
            _method(weights="uneven").open()


def test_a_gpu_that_is_not_there() -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(DeviceError, match="no GPU"):
        _method(device="cuda").open()
    assert _method(device="cuda", gpu_share=0.5).resources().gpus == 0.5
