"""Pipelines for one task, rebuilt from an opened pipeline, with the deterministic steps of DDIM."""

from __future__ import annotations

import inspect
from functools import lru_cache
from typing import Any, Literal, TypeAlias

from datagen.errors import WeightsError
from datagen.networks.batch import BatchRunner
from datagen.networks.diffusion.options import DiffusionOptions
from datagen.networks.diffusion.pipeline import diffusers_contract, open_pipeline
from datagen.networks.diffusion.settings import (
    diffusers_class,
    diffusers_library,
    heard,
    torch_facts,
)
from datagen.weights import Diffusers

__all__ = [
    "GENERATE",
    "IMAGE_TO_IMAGE",
    "INPAINT",
    "UNCONDITIONAL",
    "Mode",
    "open_generator",
    "open_repainter",
    "run_facts",
    "runner",
]

Mode: TypeAlias = Literal["Img2Img", "Inpaint"]

UNCONDITIONAL = "DDPMPipeline"
IMAGE_TO_IMAGE = (
    "StableDiffusionImg2ImgPipeline",
    "StableDiffusionPipeline",
    "StableDiffusionXLImg2ImgPipeline",
    "StableDiffusionXLPipeline",
    UNCONDITIONAL,
)
GENERATE = (UNCONDITIONAL, "StableDiffusionPipeline", "StableDiffusionXLPipeline")
INPAINT = ("StableDiffusionInpaintPipeline", "StableDiffusionXLInpaintPipeline")
_SETTINGS = ("requires_safety_checker", "requires_aesthetics_score", "force_zeros_for_empty_prompt")


def open_repainter(config: DiffusionOptions, mode: Mode) -> Any:
    """Return the card's pipeline for one mode; its networks are opened only once.

    Raises:
        RecipeError: The card's pipeline cannot be used in this mode.
        WeightsError: As ``open_pipeline``, or the denoiser has a wrong number of channels.
    """
    allowed = IMAGE_TO_IMAGE if mode == "Img2Img" else INPAINT
    contract = diffusers_contract(config.weights, allowed)
    pipeline = open_pipeline(config.weights, config.device, config.precision, config.compile)
    if contract.loads == UNCONDITIONAL:
        return diffusers_class(UNCONDITIONAL)(pipeline.unet, _ddim(pipeline, clipped=True))
    channels = pipeline.unet.config["in_channels"]
    wanted = (4, 9) if mode == "Inpaint" else (4,)
    if channels not in wanted:
        raise WeightsError(
            f"card {config.weights!r}: its denoiser takes {channels} channels, but {mode} needs "
            f"{' or '.join(map(str, wanted))}. Correct the card's diffusers.loads or its 'file'"
        )
    return _rebuilt(pipeline, contract, mode)


def open_generator(config: DiffusionOptions) -> Any:
    """Return the card's pipeline for whole faces from noise.

    Raises:
        RecipeError: The card is of another kind.
        WeightsError: As ``open_pipeline``, or the denoiser has a wrong number of channels.
    """
    contract = diffusers_contract(config.weights, GENERATE)
    pipeline = open_pipeline(config.weights, config.device, config.precision, config.compile)
    unconditional = contract.loads == UNCONDITIONAL
    channels, wanted = pipeline.unet.config["in_channels"], 3 if unconditional else 4
    if channels != wanted:
        raise WeightsError(
            f"card {config.weights!r}: its denoiser takes {channels} channels, but a face from "
            f"noise needs {wanted}. Correct the card's diffusers.loads or its 'file'"
        )
    if not unconditional:
        return _rebuilt(pipeline, contract, "")
    made = diffusers_class(UNCONDITIONAL)(pipeline.unet, _ddim(pipeline, clipped=True))
    made.set_progress_bar_config(disable=True)
    return made


def _rebuilt(pipeline: Any, contract: Diffusers, mode: str) -> Any:
    """Return a pipeline of another kind from the components of an opened one."""
    xl = "XL" if "XL" in contract.loads else ""
    kind = diffusers_class(f"StableDiffusion{xl}{mode}Pipeline")
    parts = {**pipeline.components, "scheduler": _ddim(pipeline, clipped=False)}
    takes = inspect.signature(kind).parameters
    # A watermark would be a shortcut for detectors: every fake has it and no real does.
    extra = {"add_watermarker": False} if "add_watermarker" in takes else {}
    settings = {name: pipeline.config[name] for name in _SETTINGS if name in pipeline.config}
    given = {**parts, **settings, **extra}
    with heard():
        made = kind(**{name: value for name, value in given.items() if name in takes})
    made.set_progress_bar_config(disable=True)
    return made


def _ddim(pipeline: Any, clipped: bool) -> Any:
    kind = diffusers_class("DDIMScheduler")
    with heard():
        return kind.from_config(
            pipeline.scheduler.config, clip_sample=clipped, set_alpha_to_one=clipped
        )


@lru_cache(maxsize=64)
def runner(config: DiffusionOptions, what: str) -> BatchRunner:
    """Return a method's runner for these options, which remembers a halved batch size."""
    return BatchRunner(config.batch, f"{what} with {config.weights} on {config.device}")


def run_facts(config: DiffusionOptions, what: str) -> dict[str, Any]:
    """Return what the bytes depend on besides the params, as it was used."""
    facts = torch_facts(config.device, config.precision, config.threads)
    runtime = f"{facts['runtime']}, diffusers {diffusers_library().__version__}"
    return {**facts, "batch": runner(config, what).size, "runtime": runtime}
