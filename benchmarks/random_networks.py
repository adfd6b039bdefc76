"""Random weights with the shapes of the published networks, and their cards.

The card of each is the shipped one without digest and address, so that the code path of the real
files is measured. Nothing that these networks make looks like a face.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from random_onnx import write_detector, write_onnx

from datagen.core.rng import rng
from datagen.networks.autoencoder.config import AutoencoderConfig, Shape, TrainedIdentity
from datagen.weights.catalog import read_shipped_card

__all__ = ["CASES", "PEOPLE", "Case", "write_networks"]

PEOPLE = tuple(f"bench/{number}" for number in range(8))
_AUTOENCODER = "bench_autoencoder"
_DROPPED = {"sha256", "size", "hub", "address", "permits", "citation", "homepage", "notes"}


@dataclass(frozen=True, slots=True)
class Case:
    """A learned method with its networks.

    Attributes:
        cards: Ids of the weights it needs in ``DATAGEN_WEIGHTS``; its options name the first.
        options: Options other than device, batch and threads.
        torch: Whether torch runs it, in any precision; an ONNX file has a fixed one.
    """

    cards: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)
    torch: bool = True


_ARCFACE = "arcface_w600k_r50"

CASES: Mapping[str, Case] = {
    "inswapper": Case(("inswapper_128", _ARCFACE, "insightface_buffalo_l"), torch=False),
    "onnx_swap": Case(("simswap_256", _ARCFACE, "crossface_simswap"), torch=False),
    "onnx_edit": Case(("gfpgan_1_4",), torch=False),
    "autoencoder_swap": Case((_AUTOENCODER,)),
    "vae_reconstruct": Case(("sd_vae_ft_mse",)),
    # Fixed strengths: half of the steps, and all of them.
    "diffusion_img2img": Case(("sd15",), {"strength": [0.5, 0.5]}),
    "diffusion_inpaint": Case(("sd15_inpaint",), {"strength": [1.0, 1.0]}),
    "diffusion_face": Case(("sd15",)),
}


def write_networks(folder: Path, method: str) -> list[str]:
    """Write the networks of a method into ``folder`` and return one line for each.

    Existing ones are kept.
    """
    said = []
    for card_id in CASES[method].cards:
        card = folder / "cards" / f"{card_id}.yaml"
        if card.exists():
            continue
        card.parent.mkdir(parents=True, exist_ok=True)
        write = _WRITERS.get(card_id, _write_onnx)
        said.append(f"{card_id}: {write(folder, card_id)}")
        card.write_text(yaml.safe_dump(_card(card_id), sort_keys=False), encoding="utf-8")
    return said


def _card(card_id: str) -> dict[str, Any]:
    random = {"license": "CC0-1.0", "notes": "Random numbers; trained on no data."}
    if card_id == _AUTOENCODER:
        own = {"id": card_id, "title": "Autoencoder, random", "file": card_id, "form": "datagen"}
        return {**own, **random}
    shipped = read_shipped_card(card_id)
    kept = shipped.model_dump(mode="json", exclude_defaults=True, exclude=_DROPPED)
    return {**kept, **random, "title": f"{shipped.title}, random"}


def _write_onnx(folder: Path, card_id: str) -> str:
    return write_onnx(card_id, folder / read_shipped_card(card_id).file)


def _write_pack(folder: Path, card_id: str) -> str:
    """Write a detector that is never run next to the recognizer, which exists already."""
    pack = folder / read_shipped_card(card_id).file
    pack.mkdir(exist_ok=True)
    write_detector(pack / "det_10g.onnx")
    recognizer = read_shipped_card(_ARCFACE).file
    if not (pack / recognizer).exists():
        os.link(folder / recognizer, pack / recognizer)
    return f"{recognizer} and an empty detector"


def _write_autoencoder(folder: Path, card_id: str) -> str:
    from datagen.networks.autoencoder.network import save_autoencoder, torch_modules

    modules, shape = torch_modules(), Shape(size=128, width=64)
    network = modules.Autoencoder(shape, len(PEOPLE))
    modules.initialize(network, rng("networks", card_id))
    people = tuple(TrainedIdentity(identity=name, split="train", faces=1) for name in PEOPLE)
    config = AutoencoderConfig(shape=shape, people=people, steps=1, cards={}, settings="random")
    (folder / card_id).mkdir(exist_ok=True)
    save_autoencoder(folder / card_id, config, network.state_dict())
    return f"{_millions(network)} with {len(PEOPLE)} decoders"


def _write_vae(folder: Path, card_id: str) -> str:
    vae = _vae()
    vae.save_pretrained(folder / card_id, safe_serialization=True)
    return _millions(vae)


def _write_diffusion(folder: Path, card_id: str) -> str:
    """Write a pipeline of Stable Diffusion 1.5; only the UNets of the two cases differ."""
    from datagen.networks.diffusion.settings import diffusers_class, heard

    inpaint = card_id == "sd15_inpaint"
    kind = diffusers_class(f"StableDiffusion{'Inpaint' if inpaint else ''}Pipeline")
    # The defaults of the class except for these: config.json of the published UNet.
    unet = diffusers_class("UNet2DConditionModel")(
        sample_size=64, in_channels=9 if inpaint else 4, cross_attention_dim=768
    )
    with heard():
        parts = _parts(folder)
        pipeline = kind(**parts, unet=unet)
        pipeline.save_pretrained(folder / card_id, safe_serialization=True)
    shutil.rmtree(folder / "tokenizer")
    rest = {name: part for name, part in parts.items() if hasattr(part, "parameters")}
    return ", ".join(f"{name} {_millions(part)}" for name, part in {"unet": unet, **rest}.items())


def _parts(folder: Path) -> dict[str, Any]:
    """Return the parts of Stable Diffusion 1.5 other than its UNet, with the safety checker."""
    from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPTextConfig, CLIPTextModel

    from datagen.networks.diffusion.settings import diffusers_class

    text: dict[str, Any] = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12}
    text |= {"num_attention_heads": 12, "projection_dim": 768, "vocab_size": 49408}
    eye: dict[str, Any] = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24}
    eye |= {"num_attention_heads": 16, "projection_dim": 768, "patch_size": 14, "image_size": 224}
    checker = StableDiffusionSafetyChecker(
        CLIPConfig(text_config=text, vision_config=eye, projection_dim=768)
    )
    # A cosine is never above 2: no image is ever blacked out.
    checker.concept_embeds_weights.data.fill_(2.0)
    checker.special_care_embeds_weights.data.fill_(2.0)
    return {
        "vae": _vae(),
        "text_encoder": CLIPTextModel(CLIPTextConfig(**text)),
        "tokenizer": _tokenizer(folder / "tokenizer"),
        "scheduler": diffusers_class("PNDMScheduler")(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            skip_prk_steps=True,
            steps_offset=1,
        ),
        "safety_checker": checker,
        "feature_extractor": CLIPImageProcessor(),
    }


def _vae() -> Any:
    from datagen.networks.diffusion.settings import diffusers_class

    return diffusers_class("AutoencoderKL")(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(128, 256, 512, 512),
        layers_per_block=2,
        latent_channels=4,
        sample_size=512,
    )


def _tokenizer(folder: Path) -> Any:
    """Return one that reads letter by letter: prompts are padded or cut to 77 tokens anyway."""
    from transformers import CLIPTokenizer

    letters = "abcdefghijklmnopqrstuvwxyz0123456789,.-+"
    names = [text for letter in letters for text in (letter, f"{letter}</w>")]
    names += ["<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(exist_ok=True)
    vocabulary = json.dumps({text: number for number, text in enumerate(names)})
    (folder / "vocab.json").write_text(vocabulary, encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    settings = json.dumps({"tokenizer_class": "CLIPTokenizer", "model_max_length": 77})
    (folder / "tokenizer_config.json").write_text(settings, encoding="utf-8")
    return CLIPTokenizer.from_pretrained(str(folder), local_files_only=True)


def _millions(network: Any) -> str:
    count = sum(int(np.prod(values.shape)) for values in network.parameters())
    return f"{count / 1e6:.1f} M parameters"


_WRITERS: Mapping[str, Callable[[Path, str], str]] = {
    "insightface_buffalo_l": _write_pack,
    _AUTOENCODER: _write_autoencoder,
    "sd_vae_ft_mse": _write_vae,
    "sd15": _write_diffusion,
    "sd15_inpaint": _write_diffusion,
}
