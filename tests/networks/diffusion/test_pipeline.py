from __future__ import annotations

import json
import logging
import re
import shutil
import socket
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from datagen.errors import CardError, DeviceError, MissingExtraError, RecipeError, WeightsError
from datagen.networks.batch import OutOfMemoryError
from datagen.networks.diffusion.noise import generators, noise
from datagen.networks.diffusion.pipeline import diffusers_contract, open_autoencoder, open_pipeline
from datagen.networks.diffusion.settings import at_work, diffusers_library, heard
from tests.support.small.diffusion import build_diffusion, write_card


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("diffusion")
    build_diffusion(folder)
    return folder


@pytest.fixture
def shared(built: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(built))
    return built


@pytest.fixture
def own(built: Path, weights_copy: Callable[[Path], Path]) -> Path:
    return weights_copy(built)


@pytest.mark.parametrize(
    ("card", "kind"),
    [
        ("sd15", "StableDiffusionPipeline"),
        ("sd15_img2img", "StableDiffusionImg2ImgPipeline"),
        ("sd15_inpaint", "StableDiffusionInpaintPipeline"),
        ("ddpm_faces", "DDPMPipeline"),
    ],
)
def test_the_cards_class_is_opened_once_and_in_silence(
    shared: Path, card: str, kind: str, capfd: pytest.CaptureFixture[str]
) -> None:
    pipeline = open_pipeline(card, "cpu", "fp16")
    assert type(pipeline).__name__ == kind
    assert open_pipeline(card, "cpu", "fp32") is pipeline  # a CPU has one precision
    assert {one.dtype for one in pipeline.unet.parameters()} == {torch.float32}
    said = capfd.readouterr()
    assert said.out + said.err == ""


def test_another_folder_is_another_network(shared: Path, own: Path) -> None:
    here = open_pipeline("sd15", "cpu", "fp32")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATAGEN_WEIGHTS", str(shared))
        assert open_pipeline("sd15", "cpu", "fp32") is not here


def test_nothing_asks_the_network(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("went to the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert open_pipeline("sd15", "cpu", "fp32").safety_checker is not None


def test_a_folder_saved_for_one_use_opens_for_another(own: Path) -> None:
    write_card(own, "sd15", "StableDiffusionImg2ImgPipeline")
    opened = open_pipeline("sd15", "cpu", "fp32")
    assert type(opened).__name__ == "StableDiffusionImg2ImgPipeline"
    assert opened.safety_checker is not None


def test_half_precision_files_are_found(own: Path) -> None:
    for path in sorted((own / "sd15_img2img").rglob("*.safetensors")):
        half = {name: one.half() for name, one in load_file(path).items()}
        save_file(half, path.with_suffix(".fp16.safetensors"), {"format": "pt"})
        path.unlink()
    opened = open_pipeline("sd15_img2img", "cpu", "fp32")
    assert {one.dtype for one in opened.vae.parameters()} == {torch.float32}


def _write(path: Path, **changes: Any) -> None:
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, **changes}))


def _no_index(folder: Path) -> None:
    (folder / "model_index.json").unlink()


def _cut_index(folder: Path) -> None:
    (folder / "model_index.json").write_text('{"_class_name": "Stab')


def _list_index(folder: Path) -> None:
    (folder / "model_index.json").write_text("[]")


def _other_class(folder: Path) -> None:
    _write(folder / "model_index.json", _class_name="StableDiffusionInpaintPipeline")


def _own_code(folder: Path) -> None:
    _write(folder / "model_index.json", unet=["my_unet", "Unet"])


def _no_part(folder: Path) -> None:
    shutil.rmtree(folder / "vae")


def _no_weights(folder: Path) -> None:
    (folder / "unet" / "diffusion_pytorch_model.safetensors").unlink()


def _pickled(folder: Path) -> None:
    _no_weights(folder)
    torch.save({}, folder / "unet" / "diffusion_pytorch_model.bin")


def _cut_weights(folder: Path) -> None:
    path = folder / "unet" / "diffusion_pytorch_model.safetensors"
    path.write_bytes(path.read_bytes()[:5000])


def _no_safetensors(folder: Path) -> None:
    path = folder / "unet" / "diffusion_pytorch_model.safetensors"
    path.write_bytes(b"\x08" + bytes(7) + b"[[1, 2]]" + path.read_bytes())


def _lacking(file: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        tensors = load_file(folder / file)
        del tensors[sorted(tensors)[0]]
        save_file(tensors, folder / file, {"format": "pt"})

    return spoil


def _other_shape(folder: Path) -> None:
    _write(folder / "unet" / "config.json", in_channels=5)


def _no_vocabulary(folder: Path) -> None:
    for path in (folder / "tokenizer").iterdir():
        path.write_text("{}")


def _cut_component(folder: Path) -> None:
    (folder / "scheduler" / "scheduler_config.json").write_text("{")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_no_index, r"model_index\.json: no such file.*get it again from"),
        (_cut_index, r"model_index\.json: is not valid JSON"),
        (_list_index, r"model_index\.json: contains list, expected an object"),
        (_other_class, r"_class_name is 'StableDiffusionInpaintPipeline'.*needs StableDiffusion"),
        (_own_code, r"unet is of 'my_unet'.*never code inside a folder"),
        (_no_part, r"vae: no such folder, but model_index\.json names it"),
        (_no_weights, r"unet: contains no \.safetensors"),
        (_pickled, r"model\.bin: pickled weights can run arbitrary code.*refused"),
        (_cut_weights, r"unet/diffusion_pytorch_model\.safetensors: is truncated.*Get the files"),
        (
            _no_safetensors,
            r"unet/diffusion_pytorch_model\.safetensors: is truncated, or not a safetensors file",
        ),
        (_lacking("unet/diffusion_pytorch_model.safetensors"), r"sd15: weights are missing:"),
        (_lacking("text_encoder/model.safetensors"), r"sd15: weights are missing:"),
        (_lacking("safety_checker/model.safetensors"), r"sd15: weights are missing:"),
        (_other_shape, r"sd15: (cannot be loaded|weights are missing):"),
        (_no_vocabulary, r"sd15: cannot be loaded:"),
        (_cut_component, r"sd15: cannot be loaded:"),
    ],
)
def test_a_spoiled_folder_is_named(own: Path, spoil: Callable[[Path], None], said: str) -> None:
    spoil(own / "sd15")
    with pytest.raises(WeightsError, match=said):
        open_pipeline("sd15", "cpu", "fp32")


def test_a_missing_folder_is_named(own: Path) -> None:
    shutil.rmtree(own / "sd15")
    with pytest.raises(WeightsError, match="sd15"):
        open_pipeline("sd15", "cpu", "fp32")


def test_cards_of_other_things_are_refused(own: Path) -> None:
    with pytest.raises(CardError, match="no weight card 'sd51'"):
        open_pipeline("sd51", "cpu", "fp32")
    with pytest.raises(RecipeError, match="expected 'diffusers'"):
        open_pipeline("mediapipe_face_landmarker", "cpu", "fp32")
    with pytest.raises(RecipeError, match="expected AutoencoderKL or AutoencoderTiny"):
        open_autoencoder("sd15", "cpu", "fp32")
    write_card(own, "sd_vae", "AutoencoderKL")
    with pytest.raises(RecipeError, match="expected a pipeline"):
        open_pipeline("sd_vae", "cpu", "fp32")
    with pytest.raises(
        RecipeError, match="loads 'AutoencoderKL', but this method needs DDPMPipeline"
    ):
        diffusers_contract("sd_vae", ("DDPMPipeline",))


def test_an_autoencoder_opens_from_its_own_folder_and_from_a_pipelines(own: Path) -> None:
    shutil.copytree(own / "sd15" / "vae", own / "sd_vae")
    write_card(own, "sd_vae", "AutoencoderKL")
    write_card(own, "whole", "AutoencoderKL", file="sd15")
    alone, inside = (open_autoencoder(card, "cpu", "fp32") for card in ("sd_vae", "whole"))
    assert type(alone).__name__ == "AutoencoderKL"
    assert not alone.training
    assert open_autoencoder("sd_vae", "cpu", "bf16") is alone
    image = torch.linspace(-0.5, 0.5, 3 * 32 * 32).reshape(1, 3, 32, 32)
    with torch.inference_mode():
        first, second = (
            one.decode(one.encode(image).latent_dist.mode()) for one in (alone, inside)
        )
    assert torch.equal(first.sample, second.sample)
    assert (first.sample - image)[..., 2:-2, 2:-2].abs().mean() < 0.02


def test_an_autoencoder_of_another_class_is_refused(own: Path) -> None:
    shutil.copytree(own / "sd15" / "vae", own / "tiny")
    write_card(own, "tiny", "AutoencoderTiny")
    with pytest.raises(WeightsError, match="'AutoencoderKL'; card 'tiny' needs AutoencoderTiny"):
        open_autoencoder("tiny", "cpu", "fp32")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_not_replaced(shared: Path) -> None:
    for opened in (open_pipeline, open_autoencoder):
        with pytest.raises(DeviceError, match="device: cuda was requested"):
            opened("sd15", "cuda", "fp16")


@pytest.mark.parametrize("package", ["diffusers", "transformers", "safetensors"])
def test_a_missing_package_is_named_with_its_extra(
    own: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    said = rf"needs the package '{package}'.*datagen\[diffusers\]"
    with pytest.raises(MissingExtraError, match=said):
        open_pipeline("sd15", "cpu", "fp32")


def test_work_holds_threads_and_determinism_and_restores_them() -> None:
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with at_work("cpu", 1):
        assert torch.get_num_threads() == 1
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.is_inference_mode_enabled()
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == before
    assert not torch.is_inference_mode_enabled()


@pytest.mark.parametrize(
    "error",
    [
        torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 99 bytes"),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 99 bytes"),
        MemoryError("full"),
    ],
)
def test_a_full_memory_asks_for_a_smaller_batch(error: Exception) -> None:
    with pytest.raises(OutOfMemoryError, match=re.escape(str(error))), at_work("cpu", 1):
        raise error


def test_torch_says_a_full_memory_in_the_words_that_are_looked_for() -> None:
    with pytest.raises(OutOfMemoryError), at_work("cpu", 1):
        torch.empty(1 << 60, dtype=torch.uint8)


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(RuntimeError, match="shapes"), at_work("cpu", 1):
        raise RuntimeError("shapes do not fit")


def test_what_libraries_log_is_heard_and_not_shown(capfd: pytest.CaptureFixture[str]) -> None:
    diffusers_library()
    logger = logging.getLogger("diffusers")
    before = list(logger.handlers), logger.level, logger.propagate
    with heard() as said:
        logging.getLogger("diffusers.made").warning("weights of %s", "a test")
        warnings.warn("a library's own", FutureWarning, stacklevel=1)
    assert said == ["weights of a test"]
    assert capfd.readouterr().err == ""
    assert (logger.handlers, logger.level, logger.propagate) == before


def test_noise_is_the_seeds_alone() -> None:
    drawn = noise([5, 7, 2**32 - 1], (4, 6, 8))
    assert drawn.shape == (3, 4, 6, 8)
    assert drawn.dtype == torch.float32
    assert drawn.device.type == "cpu"
    assert torch.equal(noise([7], (4, 6, 8))[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[1])
    assert abs(float(drawn.mean())) < 0.15
    assert abs(float(drawn.std()) - 1) < 0.1
    torch.manual_seed(1)
    assert torch.equal(noise([5], (4, 6, 8))[0], drawn[0])
    again = [torch.randn((4, 6, 8), generator=one) for one in generators([5, 7])]
    assert torch.equal(torch.stack(again), drawn[:2])
