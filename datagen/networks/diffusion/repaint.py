"""Images sent part of the way to noise and back, each its own part, in one batch.

SDEdit (Meng et al., ICLR 2022, section 3) with the deterministic steps of DDIM (Song et al., ICLR
2021), so that all chance lies in the noise at the start.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

import cv2
import numpy as np

from datagen.core.arrays import Image, Mask
from datagen.errors import ItemError, WeightsError
from datagen.networks.batch import BatchRunner
from datagen.networks.diffusion.noise import generators, noise
from datagen.networks.diffusion.options import DiffusionOptions, own_steps
from datagen.networks.diffusion.pipeline import diffusers_contract, open_pipeline
from datagen.networks.diffusion.settings import (
    at_work,
    diffusers_class,
    diffusers_library,
    heard,
    torch_facts,
)
from datagen.weights import Diffusers

if TYPE_CHECKING:
    import torch

__all__ = [
    "GENERATE",
    "IMAGE_TO_IMAGE",
    "INPAINT",
    "Repainted",
    "Request",
    "Use",
    "image_or_error",
    "network_side",
    "open_generator",
    "open_repainter",
    "repaint",
    "resized",
    "run_facts",
    "runner",
]

Use: TypeAlias = Literal["Img2Img", "Inpaint"]
Repainted: TypeAlias = Image | ItemError

IMAGE_TO_IMAGE = (
    "StableDiffusionImg2ImgPipeline",
    "StableDiffusionPipeline",
    "StableDiffusionXLImg2ImgPipeline",
    "StableDiffusionXLPipeline",
    "DDPMPipeline",
)
GENERATE = ("DDPMPipeline", "StableDiffusionPipeline", "StableDiffusionXLPipeline")
INPAINT = ("StableDiffusionInpaintPipeline", "StableDiffusionXLInpaintPipeline")
_SETTINGS = ("requires_safety_checker", "requires_aesthetics_score", "force_zeros_for_empty_prompt")


class Request(NamedTuple):
    """One image on its way.

    Attributes:
        image: ``(side, side, 3)`` at the network's side.
        mask: ``(side, side)``, what to paint over is 255; ``None``: everything.
        text: Prompt; empty: none.
        seed: Of its noise.
        strength: See ``Strength``.
    """

    image: Image
    mask: Mask | None
    text: str
    seed: int
    strength: float


def network_side(contract: Diffusers) -> int:
    """Return the side of the images that go in: what it was trained at, in whole steps."""
    return max(contract.size // contract.sides, 1) * contract.sides


def resized(image: Image, width: int, height: int) -> Image:
    """Bring an image to the network's side, or back; averages where it shrinks."""
    if image.shape[:2] == (height, width):
        return image.copy()
    shrinks = image.shape[0] > height or image.shape[1] > width
    kernel = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, (width, height), interpolation=kernel), np.uint8)


def open_repainter(config: DiffusionOptions, use: Use) -> Any:
    """Return the card's pipeline for one use, with DDIM's steps; its networks are opened once.

    Raises:
        RecipeError: The card is of something that cannot be used so.
        WeightsError: As ``open_pipeline``, or the denoiser takes other channels.
    """
    allowed = IMAGE_TO_IMAGE if use == "Img2Img" else INPAINT
    contract = diffusers_contract(config.weights, allowed)
    pipeline = open_pipeline(config.weights, config.device, config.precision, config.compile)
    if contract.loads == "DDPMPipeline":
        return diffusers_class("DDPMPipeline")(pipeline.unet, _ddim(pipeline, clipped=True))
    channels = pipeline.unet.config["in_channels"]
    wanted = (4, 9) if use == "Inpaint" else (4,)
    if channels not in wanted:
        raise WeightsError(
            f"card {config.weights!r}: its denoiser takes {channels} channels, {use} wants "
            f"{' or '.join(map(str, wanted))}. Correct the card's diffusers.loads or its 'file'"
        )
    return _rebuilt(pipeline, contract, use)


def open_generator(config: DiffusionOptions) -> Any:
    """Return the card's pipeline for whole faces from noise, with DDIM's steps.

    Raises:
        RecipeError: The card is of something else.
        WeightsError: As ``open_pipeline``, or the denoiser takes other channels.
    """
    contract = diffusers_contract(config.weights, GENERATE)
    pipeline = open_pipeline(config.weights, config.device, config.precision, config.compile)
    unconditional = contract.loads == "DDPMPipeline"
    channels, wanted = pipeline.unet.config["in_channels"], 3 if unconditional else 4
    if channels != wanted:
        raise WeightsError(
            f"card {config.weights!r}: its denoiser takes {channels} channels, a face from noise "
            f"wants {wanted}. Correct the card's diffusers.loads or its 'file'"
        )
    if not unconditional:
        return _rebuilt(pipeline, contract, "")
    made = diffusers_class("DDPMPipeline")(pipeline.unet, _ddim(pipeline, clipped=True))
    made.set_progress_bar_config(disable=True)
    return made


def _rebuilt(pipeline: Any, contract: Diffusers, use: str) -> Any:
    """Return a pipeline of another kind from the parts of one that is open."""
    xl = "XL" if "XL" in contract.loads else ""
    kind = diffusers_class(f"StableDiffusion{xl}{use}Pipeline")
    parts = {**pipeline.components, "scheduler": _ddim(pipeline, clipped=False)}
    takes = inspect.signature(kind).parameters
    # A mark on the image would be a shortcut: it is on every fake and on no real.
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
    """Return the runner of a method with these options: it remembers a batch that was halved."""
    return BatchRunner(config.batch, f"{what} with {config.weights} on {config.device}")


def run_facts(config: DiffusionOptions, what: str) -> dict[str, Any]:
    """Return what the bytes depend on beside the params, as it was used."""
    facts = torch_facts(config.device, config.precision, config.threads)
    runtime = f"{facts['runtime']}, diffusers {diffusers_library().__version__}"
    return {**facts, "batch": runner(config, what).size, "runtime": runtime}


def repaint(
    pipeline: Any, requests: Sequence[Request], config: DiffusionOptions, strongest: float
) -> list[Repainted]:
    """Send images to noise and back.

    Args:
        pipeline: Of ``open_repainter``.
        requests: One batch, all of one size, all with a mask or all without.
        config: Steps, guidance, device and threads.
        strongest: At least every strength of ``requests``; where the schedule of the batch begins.

    Returns:
        An image for each, or the error that stands in its place.

    Raises:
        OutOfMemoryError: The device has no room for them.
    """
    with at_work(config.device, config.threads):
        batch = _tensor([one.image for one in requests])
        if type(pipeline).__name__ == "DDPMPipeline":
            return _images(_unconditional(pipeline, batch, requests, config), None)
        first = own_steps(config.steps, strongest)
        starts = [first - own_steps(config.steps, one.strength) for one in requests]
        conditioned = any(one.text for one in requests)
        more: dict[str, Any] = {}
        if requests[0].mask is not None:
            masks = [one.mask for one in requests if one.mask is not None]
            height, width = batch.shape[2:]
            more = {"mask_image": _masks(masks), "height": height, "width": width}
        answer = pipeline(
            prompt=[one.text for one in requests],
            image=batch,
            # A little more than the steps say: the pipelines round down.
            strength=1.0 if first == config.steps else (first + 0.5) / config.steps,
            num_inference_steps=config.steps,
            guidance_scale=config.guidance if conditioned else 1.0,
            generator=generators([one.seed for one in requests]),
            output_type="pt",
            callback_on_step_end=_late_start(batch, requests, starts),
            callback_on_step_end_tensor_inputs=["latents"],
            **more,
        )
        return _images(answer.images, getattr(answer, "nsfw_content_detected", None))


def _late_start(
    batch: torch.Tensor, requests: Sequence[Request], starts: Sequence[int]
) -> Callable[[Any, int, Any, dict[str, Any]], dict[str, Any]]:
    """Return a callback that lets an image of less strength join when the batch comes by.

    What the network made of it until then is thrown away: the noised image takes its place,
    exactly as if the schedule had begun there.
    """
    import torch

    def callback(pipeline: Any, step: int, _: Any, given: dict[str, Any]) -> dict[str, Any]:
        joining = [number for number, start in enumerate(starts) if start == step + 1]
        if not joining:
            return {}
        latents = given["latents"].clone()
        timesteps = pipeline.scheduler.timesteps[-pipeline.num_timesteps :]
        for number in joining:
            image, seed = batch[number : number + 1], requests[number].seed
            latents[number] = _noised(
                pipeline, image, timesteps[step + 1 : step + 2], seed, latents
            )
        return {"latents": latents}

    assert torch.is_tensor(batch)
    return callback


def _noised(
    pipeline: Any, image: torch.Tensor, timestep: torch.Tensor, seed: int, like: torch.Tensor
) -> torch.Tensor:
    """Return the latents of one image with the noise of ``timestep``, ``(4, h, w)``."""
    image = pipeline.image_processor.preprocess(image)
    given: dict[str, Any] = {
        "image": image,
        "timestep": timestep,
        "batch_size": 1,
        "dtype": like.dtype,
        "device": like.device,
        "generator": generators([seed]),
    }
    if "num_channels_latents" in inspect.signature(pipeline.prepare_latents).parameters:
        height, width = image.shape[2:]
        given |= {"num_channels_latents": like.shape[1], "height": height, "width": width}
        latents = pipeline.prepare_latents(**given, is_strength_max=False)[0]
    else:
        latents = pipeline.prepare_latents(**given, num_images_per_prompt=1)
    first: torch.Tensor = latents[0]
    return first


def _unconditional(
    pipeline: Any, batch: torch.Tensor, requests: Sequence[Request], config: DiffusionOptions
) -> torch.Tensor:
    """Do the same in pixels with a network that takes no prompt; each image joins in time."""
    import torch

    unet, scheduler = pipeline.unet, pipeline.scheduler
    device = next(iter(unet.parameters())).device
    scheduler.set_timesteps(config.steps, device=device)
    start = (2 * batch - 1).to(device, unet.dtype)
    drawn = noise([one.seed for one in requests], start.shape[1:]).to(device, unet.dtype)
    left = [own_steps(config.steps, one.strength) for one in requests]
    sample = start.clone()
    for step in range(config.steps - max(left), config.steps):
        now = scheduler.timesteps[step]
        joining = torch.tensor([config.steps - own == step for own in left], device=device)
        fresh = scheduler.add_noise(start, drawn, now.expand(len(requests)))
        sample = torch.where(joining[:, None, None, None], fresh, sample)
        sample = scheduler.step(unet(sample, now).sample, now, sample).prev_sample
    picture: torch.Tensor = (sample / 2 + 0.5).clamp(0, 1)
    return picture


def _tensor(images: Sequence[Image]) -> torch.Tensor:
    """Return ``(n, 3, h, w)`` float32 in [0, 1]."""
    import torch

    stacked = np.ascontiguousarray(np.stack(images).transpose(0, 3, 1, 2))
    return torch.from_numpy(stacked).float() / 255


def _masks(masks: Sequence[Mask]) -> torch.Tensor:
    """Return ``(n, 1, h, w)`` float32, 0 or 1."""
    import torch

    return torch.from_numpy((np.stack(masks)[:, None] > 127).astype(np.float32))


def _images(answer: torch.Tensor, flagged: Sequence[bool] | None) -> list[Repainted]:
    values = answer.float().cpu().numpy()
    flags = flagged or [False] * len(values)
    return [image_or_error(one, flag) for one, flag in zip(values, flags, strict=True)]


def image_or_error(values: np.ndarray[Any, Any], flagged: bool = False) -> Repainted:
    """Return a network's image as uint8, or why it cannot be used.

    Args:
        values: ``(3, h, w)`` in [0, 1].
        flagged: Whether the safety checker blackened it.
    """
    if flagged:
        return ItemError("black_image", "the pipeline's safety checker flagged the image")
    if not np.isfinite(values).all():
        return ItemError("network_failed", "the image holds values that are not finite")
    picture = np.rint(255 * np.clip(values, 0, 1)).astype(np.uint8).transpose(1, 2, 0)
    if picture.max() == 0:
        return ItemError("black_image", "the network returned a black image")
    return np.ascontiguousarray(picture)
