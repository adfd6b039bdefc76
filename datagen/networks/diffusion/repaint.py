"""SDEdit: images noised to a strength of their own and denoised again, in one batch.

Meng et al., ICLR 2022, section 3, with the deterministic steps of DDIM (Song et al., ICLR 2021), so
that the initial noise is the only source of randomness.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from datagen.core.arrays import Image, Mask
from datagen.networks.diffusion.images import ImageOrError, checked_image
from datagen.networks.diffusion.noise import generators, noise
from datagen.networks.diffusion.open import UNCONDITIONAL
from datagen.networks.diffusion.options import DiffusionOptions, own_steps
from datagen.networks.diffusion.settings import at_work

if TYPE_CHECKING:
    import torch

__all__ = ["Request", "repaint"]


class Request(NamedTuple):
    """One image to repaint.

    Attributes:
        image: Image at the network's side, ``(side, side, 3)`` uint8.
        mask: Mask of what to repaint, ``(side, side)``, 0 or 255; ``None`` for all of it.
        text: Prompt; empty for none.
        seed: Seed of the noise.
        strength: Share of the schedule, see ``Strength``.
    """

    image: Image
    mask: Mask | None
    text: str
    seed: int
    strength: float


def repaint(
    pipeline: Any, requests: Sequence[Request], config: DiffusionOptions, strongest: float
) -> list[ImageOrError]:
    """Noise images and denoise them again.

    Args:
        pipeline: Pipeline from ``open_repainter``.
        requests: One batch, all of one size, all with a mask or all without.
        config: Steps, guidance, device and threads.
        strongest: Upper bound of the strengths of ``requests``, which sets the start of the
            batch's schedule.

    Returns:
        For each request an image, or the error that takes its place.

    Raises:
        OutOfMemoryError: The batch does not fit into the device's memory.
    """
    with at_work(config.device, config.threads):
        batch = _tensor([one.image for one in requests])
        if type(pipeline).__name__ == UNCONDITIONAL:
            return _images(_unconditional(pipeline, batch, requests, config), None)
        first = own_steps(config.steps, strongest)
        starts = [first - own_steps(config.steps, one.strength) for one in requests]
        conditioned = any(one.text for one in requests)
        more: dict[str, Any] = {}
        if requests[0].mask is not None:
            masks = [one.mask for one in requests if one.mask is not None]
            height, width = batch.shape[2:]
            more = {"mask_image": _masks(masks), "height": height, "width": width}
        output = pipeline(
            prompt=[one.text for one in requests],
            image=batch,
            # Slightly more than the number of steps, because the pipelines round down.
            strength=1.0 if first == config.steps else (first + 0.5) / config.steps,
            num_inference_steps=config.steps,
            guidance_scale=config.guidance if conditioned else 1.0,
            generator=generators([one.seed for one in requests]),
            output_type="pt",
            callback_on_step_end=_late_start(batch, requests, starts),
            callback_on_step_end_tensor_inputs=["latents"],
            **more,
        )
        return _images(output.images, getattr(output, "nsfw_content_detected", None))


def _late_start(
    batch: torch.Tensor, requests: Sequence[Request], starts: Sequence[int]
) -> Callable[[Any, int, Any, dict[str, Any]], dict[str, Any]]:
    """Return a callback that lets images of lower strength join at their own first step.

    What the network has made of such an image until then is discarded: the noised image takes its
    place, exactly as if the schedule had begun there.
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
    """Return the latents of one image, noised to ``timestep``, ``(4, h, w)``."""
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
    """Do the same in pixel space with an unconditional network."""
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
    images: torch.Tensor = (sample / 2 + 0.5).clamp(0, 1)
    return images


def _tensor(images: Sequence[Image]) -> torch.Tensor:
    """Return ``(n, 3, h, w)`` float32 in [0, 1]."""
    import torch

    stacked = np.ascontiguousarray(np.stack(images).transpose(0, 3, 1, 2))
    return torch.from_numpy(stacked).float() / 255


def _masks(masks: Sequence[Mask]) -> torch.Tensor:
    """Return ``(n, 1, h, w)`` float32, 0 or 1."""
    import torch

    return torch.from_numpy((np.stack(masks)[:, None] > 127).astype(np.float32))


def _images(output: torch.Tensor, flagged: Sequence[bool] | None) -> list[ImageOrError]:
    values = output.float().cpu().numpy()
    flags = flagged or [False] * len(values)
    return [checked_image(one, flag) for one, flag in zip(values, flags, strict=True)]
