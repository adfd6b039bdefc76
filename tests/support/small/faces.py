"""Small pipelines that make whole faces, trained until a blurred face of nobody comes out.

They learn procedural people in the alignment of FFHQ, on one core, from fixed seeds, in a fixed
number of steps. Both answer with the image and not with the noise, which needs the fewest steps.
"""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from datagen.core.arrays import Image
from datagen.core.rng import rng
from datagen.networks.alignment.align import align_matrix, take_aligned
from datagen.networks.diffusion.prompts import PromptOptions, compose, words
from datagen.networks.diffusion.settings import diffusers_library, heard
from datagen.sources.procedural import render, truth
from tests.support.small.autoencoder import one_core, tensor_of, train, trained_autoencoder
from tests.support.small.diffusion import build_diffusion, write_card

__all__ = ["build_faces"]

_SEED = 7
_PEOPLE = 40
_IMAGES = 3
_TEXTS = 4
_BATCH = 8
_NO_TEXT = 0.15
_SIDE = 64
_CELL = 4
_PIXELS = 32
_STEPS = 10


def build_faces(folder: Path) -> dict[str, dict[str, Any]]:
    """Write a text-to-image and an unconditional pipeline, and their cards, under ``folder``.

    Returns:
        Options by name of method.
    """
    with heard():
        _from_text().save_pretrained(folder / "sd15_faces", safe_serialization=True)
        _from_noise().save_pretrained(folder / "ddpm_aligned_faces", safe_serialization=True)
    title = "Small stand-in for a pipeline of faces, trained on procedural people"
    contract = {"loads": "StableDiffusionPipeline", "size": _SIDE, "conditioned": True}
    write_card(folder, "sd15_faces", "", title=title, diffusers=contract)
    contract = {"loads": "DDPMPipeline", "size": _PIXELS, "conditioned": False}
    write_card(folder, "ddpm_aligned_faces", "", title=title, diffusers=contract)
    options = {"weights": "sd15_faces", "batch": 2, "steps": _STEPS, "guidance": 1.5}
    return {"diffusion_face": options}


@cache
def _from_text() -> Any:
    """Return a text-to-image pipeline; what reads the prompt is not trained."""
    library = diffusers_library()
    with TemporaryDirectory() as folder:
        build_diffusion(Path(folder))
        parts = library.StableDiffusionPipeline.from_pretrained(f"{folder}/sd15").components
    vae = deepcopy(trained_autoencoder("AutoencoderKL"))
    with one_core():
        with torch.no_grad():
            latents = vae.encode(tensor_of(_aligned(_SIDE))).latent_dist.mode()
            texts = _encoded(parts["tokenizer"], parts["text_encoder"])
        vae.register_to_config(scaling_factor=1 / float(latents.std()))
        latents = latents / latents.std()
        unet = library.UNet2DConditionModel(
            sample_size=_SIDE // _CELL,
            in_channels=latents.shape[1],
            out_channels=latents.shape[1],
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            block_out_channels=(32, 48, 64),
            layers_per_block=1,
            cross_attention_dim=texts.shape[-1],
            attention_head_dim=8,
            norm_num_groups=4,
        )
        scheduler = library.DDIMScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            prediction_type="sample",
            clip_sample=False,
            set_alpha_to_one=False,
            steps_offset=1,
        )

        def loss(draw: torch.Generator) -> torch.Tensor:
            which = torch.randint(_PEOPLE, (_BATCH,), generator=draw)
            said = texts[which, torch.randint(_TEXTS, (_BATCH,), generator=draw)]
            silent = torch.rand(_BATCH, generator=draw) < _NO_TEXT
            said = torch.where(silent[:, None, None], texts[-1, 0], said)
            noised, times = _noised(scheduler, latents[which], draw)
            made = unet(noised, times, encoder_hidden_states=said).sample
            return _squared(made - latents[which])

        train(unet, 320, 2e-3, loss)
    made = {**parts, "vae": vae, "unet": unet.eval(), "scheduler": scheduler}
    return library.StableDiffusionPipeline(**made)


@cache
def _from_noise() -> Any:
    """Return an unconditional pipeline."""
    library = diffusers_library()
    with one_core():
        faces = tensor_of(_aligned(_PIXELS))
        unet = library.UNet2DModel(
            sample_size=_PIXELS,
            down_block_types=("DownBlock2D",) * 4,
            up_block_types=("UpBlock2D",) * 4,
            block_out_channels=(16, 32, 48, 64),
            layers_per_block=1,
            norm_num_groups=4,
            attention_head_dim=8,
        )
        scheduler = library.DDPMScheduler(
            beta_schedule="squaredcos_cap_v2", prediction_type="sample"
        )

        def loss(draw: torch.Generator) -> torch.Tensor:
            wanted = faces[torch.randint(_PEOPLE, (_BATCH,), generator=draw)]
            noised, times = _noised(scheduler, wanted, draw)
            return _squared(unet(noised, times).sample - wanted)

        train(unet, 320, 2e-3, loss)
    return library.DDPMPipeline(unet.eval(), scheduler)


def _noised(
    scheduler: Any, wanted: torch.Tensor, draw: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Add noise of a drawn time, more often a late one: there the face is laid out."""
    times = (torch.rand(len(wanted), generator=draw).sqrt() * 999).long()
    noise = torch.randn(wanted.shape, generator=draw)
    return scheduler.add_noise(wanted, noise, times), times


def _squared(far: torch.Tensor) -> torch.Tensor:
    return far.square().mean()


def _aligned(side: int) -> list[Image]:
    """Return one face of each person, the one of its images that looks most to the front."""
    faces = []
    for person in range(_PEOPLE):
        portrait = render(_SEED, person, _frontal(person), 3 * side)
        matrix = align_matrix(portrait.landmarks, "ffhq_512", side)
        faces.append(take_aligned(portrait.image, matrix, side))
    return faces


def _frontal(person: int) -> int:
    def away(picture: int) -> float:
        told = truth(_SEED, person, picture)
        return abs(told.yaw) + abs(told.pitch)

    return min(range(_IMAGES), key=away)


def _encoded(tokenizer: Any, text_encoder: Any) -> torch.Tensor:
    """Return ``(people + 1, texts, rows, width)``: what is said of each, and at the end nothing."""
    options = PromptOptions()
    texts = []
    for person in range(_PEOPLE):
        told = truth(_SEED, person, _frontal(person))
        for number in range(_TEXTS):
            draw = rng("text", person, number)
            texts.append(words(compose(draw, told.age, told.sex, options)))
    texts += [""] * _TEXTS
    rows = tokenizer(
        texts,
        padding="max_length",
        max_length=tokenizer.model_max_length,
        truncation=True,
        return_tensors="pt",
    )
    encoded: torch.Tensor = text_encoder(rows.input_ids)[0]
    return encoded.reshape(_PEOPLE + 1, _TEXTS, *encoded.shape[1:])
