"""Small Stable Diffusion pipelines that stand for real ones, set by hand and not trained.

Their classes, files and calls are those of the real pipelines. Their autoencoder truly
reconstructs, a little blurred; their denoiser smooths what it is given and tints it by the prompt.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import nn

from datagen.networks.diffusion.prompts import shipped_vocabulary
from datagen.networks.diffusion.settings import diffusers_class, diffusers_library, heard

__all__ = ["SIZE", "build_diffusion", "build_xl", "flagging_checker", "write_card"]

SIZE = 192
_WIDTH = 16
_GROUPS = 4
_STEP = _WIDTH // _GROUPS
_HIGH = 30.0  # two channels of a group at +-_HIGH make GroupNorm nearly linear in the others
_GAIN = 30.0
_BIAS = 60.0  # far to the right SiLU is linear too
_DEPTH = 0.15  # share of the smoothed image in the denoiser's answer
_TINT = 0.15
_ROWS = 77
_TEXT = 32


def build_diffusion(folder: Path) -> dict[str, dict[str, Any]]:
    """Write the pipelines and their cards under ``folder``.

    Returns:
        Options by name of method.
    """
    diffusers = diffusers_library()
    with heard():
        parts = _parts(folder / "_tokenizer", unet_channels=4)
        checked = {**parts, **_checker(flags=False)}
        plain = {**parts, "safety_checker": None, "feature_extractor": None}
        painter = {**plain, "unet": _unet(9)}
        quiet: dict[str, Any] = {"requires_safety_checker": False}
        _save(diffusers.StableDiffusionPipeline(**checked), folder, "sd15")
        _save(diffusers.StableDiffusionImg2ImgPipeline(**plain, **quiet), folder, "sd15_img2img")
        _save(diffusers.StableDiffusionInpaintPipeline(**painter, **quiet), folder, "sd15_inpaint")
        _save(_unconditional(), folder, "ddpm_faces")
    batch = {"batch": 2, "steps": 4}
    return {
        "diffusion_inpaint": {"weights": "sd15_inpaint", "strength": [0.5, 0.7], **batch},
        "diffusion_img2img": {"weights": "sd15_img2img", "strength": [0.3, 0.6], **batch},
    }


def build_xl(folder: Path) -> None:
    """Write SDXL's pipelines, ``sdxl`` and ``sdxl_inpaint``, and their cards."""
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    diffusers = diffusers_library()
    with heard():
        tokenizer = _tokenizer(folder / "_tokenizer")
        torch.manual_seed(0)
        parts: dict[str, Any] = {
            "vae": _vae(),
            "text_encoder": CLIPTextModel(_text_config(tokenizer)),
            "text_encoder_2": CLIPTextModelWithProjection(
                _text_config(tokenizer, projection_dim=_TEXT)
            ),
            "tokenizer": tokenizer,
            "tokenizer_2": tokenizer,
            "scheduler": _scheduler(),
        }
        more: dict[str, Any] = {
            "context": 2 * _TEXT,
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 8,
            "projection_class_embeddings_input_dim": _TEXT + 6 * 8,
        }
        _save(diffusers.StableDiffusionXLPipeline(**parts, unet=_unet(4, **more)), folder, "sdxl")
        painter = diffusers.StableDiffusionXLInpaintPipeline(**parts, unet=_unet(9, **more))
        _save(painter, folder, "sdxl_inpaint")


def flagging_checker(folder: Path) -> None:
    """Put a safety checker into the folder of ``sd15`` that flags every image."""
    with heard():
        checker = _checker(flags=True)["safety_checker"]
        checker.save_pretrained(folder / "sd15" / "safety_checker", safe_serialization=True)


def write_card(folder: Path, name: str, loads: str, **changes: Any) -> Path:
    """Write a user's card of a folder that was made here."""
    contract = {"loads": loads, "size": SIZE, "sides": 8, "conditioned": loads != "DDPMPipeline"}
    card = {
        "id": name,
        "title": f"Small stand-in for {name}, set by hand",
        "file": name,
        "form": "diffusers",
        "license": "CC0-1.0",
        "diffusers": contract,
        **changes,
    }
    path = folder / "cards" / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(card, sort_keys=False), encoding="utf-8")
    return path


def _save(pipeline: Any, folder: Path, name: str) -> None:
    pipeline.save_pretrained(folder / name, safe_serialization=True)
    write_card(folder, name, type(pipeline).__name__)


def _parts(folder: Path, unet_channels: int) -> dict[str, Any]:
    from transformers import CLIPTextModel

    tokenizer = _tokenizer(folder)
    torch.manual_seed(0)
    return {
        "vae": _vae(),
        "text_encoder": CLIPTextModel(_text_config(tokenizer)),
        "tokenizer": tokenizer,
        "unet": _unet(unet_channels),
        "scheduler": _scheduler(),
        "image_encoder": None,
    }


def _text_config(tokenizer: Any, **more: Any) -> Any:
    from transformers import CLIPTextConfig

    return CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=_TEXT,
        intermediate_size=37,
        num_attention_heads=4,
        num_hidden_layers=2,
        max_position_embeddings=_ROWS,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        **more,
    )


def _scheduler() -> Any:
    return diffusers_class("PNDMScheduler")(
        beta_start=0.000001,
        beta_end=0.0001,
        skip_prk_steps=True,
        steps_offset=1,
        # The denoiser below answers with the image, not with the noise.
        prediction_type="sample",
    )


def _tokenizer(folder: Path) -> Any:
    """Write and read a byte-pair vocabulary that knows the words of the prompts."""
    from transformers import CLIPTokenizer

    letters = "abcdefghijklmnopqrstuvwxyz0123456789,.-+"
    names = [text for letter in letters for text in (letter, f"{letter}</w>")]
    merges: dict[str, None] = {}
    for word in sorted(shipped_vocabulary().all_words()):
        pieces = [*word[:-1], f"{word[-1]}</w>"]
        left = pieces[0]
        for piece in pieces[1:]:
            merges[f"{left} {piece}"] = None
            left += piece
            names.append(left)
    names = [*dict.fromkeys(names), "<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps({text: n for n, text in enumerate(names)}))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]))
    settings = {"tokenizer_class": "CLIPTokenizer", "model_max_length": _ROWS}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return CLIPTokenizer.from_pretrained(str(folder), local_files_only=True)


def _checker(flags: bool) -> dict[str, Any]:
    from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
    from transformers import CLIPConfig, CLIPImageProcessor

    sizes = {
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_attention_heads": 2,
        "num_hidden_layers": 1,
    }
    eye = {**sizes, "image_size": 32, "patch_size": 16, "projection_dim": 16}
    torch.manual_seed(1)
    checker = StableDiffusionSafetyChecker(
        CLIPConfig(text_config={**sizes, "vocab_size": 8}, vision_config=eye, projection_dim=16)
    )
    # A cosine is above -2 always and above 2 never.
    checker.concept_embeds_weights.data.fill_(-2.0 if flags else 2.0)
    checker.special_care_embeds_weights.data.fill_(2.0)
    look = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    return {"safety_checker": checker, "feature_extractor": look}


def _vae() -> Any:
    """Return an autoencoder whose latent is the image at half the side: its mean of 2 x 2."""
    torch.manual_seed(2)
    vae = diffusers_class("AutoencoderKL")(
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        block_out_channels=(_WIDTH, _WIDTH),
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=_GROUPS,
        sample_size=SIZE,
        scaling_factor=1.0,
        mid_block_add_attention=False,  # it would add nothing, at most of the cost
    )
    _straighten(vae)
    _enter(vae.encoder.conv_in, inputs=3)
    _halve(vae.encoder.down_blocks[0].downsamplers[0].conv)
    _leave(vae.encoder, outputs=3)
    vae.encoder.conv_out.bias.data[4:] = -30.0  # log variance: no noise of its own
    _pick(vae.quant_conv, {n: n for n in range(8)})
    _pick(vae.post_quant_conv, {n: n for n in range(4)})
    _enter(vae.decoder.conv_in, inputs=3)
    _soften(vae.decoder.up_blocks[0].upsamplers[0].conv)
    _leave(vae.decoder, outputs=3)
    return vae


def _unet(channels: int, context: int = _TEXT, **more: Any) -> Any:
    """Return a denoiser: its input, some of it smoothed, and a tint by the prompt."""
    torch.manual_seed(3)
    unet = diffusers_class("UNet2DConditionModel")(
        sample_size=SIZE // 2,
        in_channels=channels,
        out_channels=4,
        down_block_types=("DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D"),
        block_out_channels=(_WIDTH, _WIDTH),
        layers_per_block=1,
        cross_attention_dim=context,
        attention_head_dim=1,  # here a number of heads
        norm_num_groups=_GROUPS,
        **more,
    )
    _straighten(unet, but=("mid_block.attentions.0.proj_out",))
    _enter(unet.conv_in, inputs=3)
    if channels == 9:  # what is to be painted over, and the image without it
        for color in range(3):
            unet.conv_in.weight.data[_STEP * color, 4 + 1 + color, 1, 1] = 0.05
            unet.conv_in.weight.data[_STEP * color, 4, 1, 1] = 0.02 * (color - 1)
    _halve(unet.down_blocks[0].downsamplers[0].conv)
    _soften(unet.up_blocks[0].upsamplers[0].conv)
    _tint(unet.mid_block.attentions[0].proj_out)
    for block in unet.up_blocks:
        for resnet in block.resnets:
            _pick(resnet.conv_shortcut, {n: n for n in range(_WIDTH)})
    _blend(unet.up_blocks[-1].resnets[-1].conv_shortcut)
    _leave(unet, outputs=3)
    return unet


def _unconditional() -> Any:
    """Return a pipeline of whole faces without prompt, as DDPM's: an image in, an image out."""
    torch.manual_seed(4)
    unet = diffusers_class("UNet2DModel")(
        sample_size=SIZE,
        down_block_types=("DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D"),
        block_out_channels=(_WIDTH, _WIDTH),
        layers_per_block=1,
        norm_num_groups=_GROUPS,
        attention_head_dim=4,
    )
    _straighten(unet)
    _enter(unet.conv_in, inputs=3)
    _halve(unet.down_blocks[0].downsamplers[0].conv)
    _soften(unet.up_blocks[0].upsamplers[0].conv)
    for block in unet.up_blocks:
        for resnet in block.resnets:
            _pick(resnet.conv_shortcut, {n: n for n in range(_WIDTH)})
    _blend(unet.up_blocks[-1].resnets[-1].conv_shortcut)
    _leave(unet, outputs=3)
    scheduler = diffusers_class("DDPMScheduler")(
        beta_start=1e-6, beta_end=1e-4, prediction_type="sample"
    )
    return diffusers_class("DDPMPipeline")(unet, scheduler)


def _straighten(network: nn.Module, but: tuple[str, ...] = ()) -> None:
    """Make every residual branch add nothing, except those named."""
    ends = ("conv2", "proj_out", "to_out.0")
    for name, module in network.named_modules():
        if name.endswith(ends) and not name.startswith(but or ("\0",)):
            inner = "transformer_blocks" in name
            if not inner and isinstance(module, nn.Conv2d | nn.Linear):
                module.weight.data.zero_()
                assert module.bias is not None
                module.bias.data.zero_()


def _enter(conv: nn.Conv2d, inputs: int) -> None:
    """Lay input n into channel ``_STEP * n`` and constants of +-``_HIGH`` beside it."""
    conv.weight.data.zero_()
    assert conv.bias is not None
    conv.bias.data.zero_()
    for group in range(_GROUPS):
        conv.bias.data[_STEP * group + 1] = _HIGH
        conv.bias.data[_STEP * group + 2] = -_HIGH
    for channel in range(inputs):
        conv.weight.data[_STEP * channel, channel, 1, 1] = 1.0


def _leave(network: Any, outputs: int) -> None:
    """Undo ``_enter`` behind a GroupNorm and a SiLU; the constants tell the group's mean."""
    norm, conv = network.conv_norm_out, network.conv_out
    norm.weight.data.fill_(_GAIN)
    norm.bias.data.fill_(_BIAS)
    deviation = _HIGH / 2**0.5
    conv.weight.data.zero_()
    conv.bias.data.zero_()
    scale = deviation / _GAIN
    for channel in range(outputs):
        first = _STEP * channel
        conv.weight.data[channel, first, 1, 1] = scale
        conv.weight.data[channel, first + 1 : first + 3, 1, 1] = -scale / 2


def _halve(conv: nn.Conv2d) -> None:
    """Average 2 x 2 pixels."""
    _every_channel(conv, torch.tensor([[0, 0, 0], [0, 1, 1], [0, 1, 1]]) / 4)
    if conv.padding == (0, 0):  # padded by one at the right and below alone
        _every_channel(conv, torch.tensor([[1, 1, 0], [1, 1, 0], [0, 0, 0]]) / 4)


def _soften(conv: nn.Conv2d) -> None:
    """Smooth the steps of an enlargement by repetition; half, for the edge fades to gray."""
    row = torch.tensor([1.0, 2.0, 1.0]) / 4
    whole = torch.zeros(3, 3)
    whole[1, 1] = 1.0
    _every_channel(conv, (whole + torch.outer(row, row)) / 2)


def _every_channel(conv: nn.Conv2d, kernel: torch.Tensor) -> None:
    conv.weight.data.zero_()
    assert conv.bias is not None
    conv.bias.data.zero_()
    for channel in range(conv.weight.shape[0]):
        conv.weight.data[channel, channel] = kernel


def _pick(conv: nn.Conv2d, sources: dict[int, int]) -> None:
    conv.weight.data.zero_()
    assert conv.bias is not None
    conv.bias.data.zero_()
    for channel, source in sources.items():
        conv.weight.data[channel, source, 0, 0] = 1.0


def _blend(conv: nn.Conv2d) -> None:
    """Mix some of what came through the depth into what the first layer saw."""
    _pick(conv, {n: _WIDTH + n for n in range(_WIDTH)})
    for color in range(4):
        conv.weight.data[_STEP * color, _WIDTH + _STEP * color, 0, 0] = 1 - _DEPTH
        conv.weight.data[_STEP * color, _STEP * color, 0, 0] = _DEPTH


def _tint(layer: Any) -> None:
    """Let the prompt's attention make the image warmer and lighter or colder and darker."""
    torch.manual_seed(5)
    warm = torch.randn(layer.weight.shape[1:]) * _TINT
    layer.weight.data.zero_()
    layer.bias.data.zero_()
    for color, share in enumerate((1.0, 0.7, 0.5)):
        layer.weight.data[_STEP * color] = share * warm
