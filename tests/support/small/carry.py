"""A start for the training of small networks: the colors of an image go through unchanged.

Channels 2n and 2n + 1 carry a value and its negative, so that a SiLU can be undone:
silu(x) - silu(-x) = x. Two more carry constants, so that a GroupNorm of one group divides by
nearly the same number for every image. All other channels are as diffusers makes them.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

__all__ = ["carry_through_kl", "carry_through_tiny"]

_COLORS = 3
_CARRIED = 2 * _COLORS
_HIGH = 5.0
_POWER = 61.0  # about what a pixel's channels have together: 2 * 5 ** 2, the colors, the others
_MEAN = ((0.0, 0.0, 0.0), (0.0, 1.0, 1.0), (0.0, 1.0, 1.0))
_MEAN_PADDED_BEHIND = ((1.0, 1.0, 0.0), (1.0, 1.0, 0.0), (0.0, 0.0, 0.0))
_SMOOTH = ((1.0, 2.0, 1.0), (2.0, 4.0, 2.0), (1.0, 2.0, 1.0))
_SAME = ((0.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 0.0))


def carry_through_kl(network: Any) -> None:
    """Make an ``AutoencoderKL`` of one norm group a codec of mean colors; its rest is free."""
    encoder, decoder = network.encoder, network.decoder
    for part in (encoder, decoder):
        _quiet(part, ("conv2", "to_out.0"), 0.1)
        _split(part.conv_in)
        for name, module in part.named_modules():
            if name.endswith("conv_shortcut"):
                _carry(module, _CARRIED + 2, ((1.0,),))
        _join(part.conv_out, (_POWER / part.conv_out.in_channels) ** 0.5)
    for block in encoder.down_blocks[:-1]:
        _carry(block.downsamplers[0].conv, _CARRIED + 2, _MEAN_PADDED_BEHIND)
    for block in decoder.up_blocks[:-1]:
        _carry(block.upsamplers[0].conv, _CARRIED + 2, _SMOOTH)
    latents = encoder.conv_out.out_channels // 2
    encoder.conv_out.weight.data[latents:] *= 0.1
    encoder.conv_out.bias.data[latents:] = -6.0  # log variance
    for conv in (network.quant_conv, network.post_quant_conv):
        nn.init.dirac_(conv.weight)
        nn.init.zeros_(conv.bias)


def carry_through_tiny(network: Any) -> None:
    """Make an ``AutoencoderTiny`` a codec of mean colors; a ReLU leaves them, they are above 0."""
    for part, kernel in ((network.encoder, _MEAN), (network.decoder, _SMOOTH)):
        _quiet(part, ("conv.4",), 0.1)
        convs = [layer for layer in part.layers if isinstance(layer, nn.Conv2d)]
        for conv in (convs[0], convs[-1]):
            _carry(conv, _COLORS, _SAME)
        for conv in convs[1:-1]:
            _carry(conv, _COLORS, kernel)


def _quiet(part: nn.Module, ends: tuple[str, ...], share: float) -> None:
    """Let each residual branch add little at first."""
    for name, module in part.named_modules():
        if name.endswith(ends) and isinstance(module, nn.Conv2d | nn.Linear):
            module.weight.data.mul_(share)
            assert module.bias is not None
            module.bias.data.mul_(share)


def _split(conv: nn.Conv2d) -> None:
    """Lay color n into channels 2n and, negative, 2n + 1; constants into the next two."""
    assert conv.bias is not None
    conv.weight.data[: _CARRIED + 2] = 0.0
    conv.bias.data[: _CARRIED + 2] = 0.0
    for color in range(_COLORS):
        conv.weight.data[2 * color, color, 1, 1] = 1.0
        conv.weight.data[2 * color + 1, color, 1, 1] = -1.0
    conv.bias.data[_CARRIED] = _HIGH
    conv.bias.data[_CARRIED + 1] = -_HIGH


def _join(conv: nn.Conv2d, scale: float) -> None:
    """Undo ``_split`` behind a norm, which has divided by ``scale``, and a SiLU."""
    assert conv.bias is not None
    conv.weight.data[:_COLORS] = 0.0
    conv.bias.data[:_COLORS] = 0.0
    for color in range(_COLORS):
        conv.weight.data[color, 2 * color, 1, 1] = scale
        conv.weight.data[color, 2 * color + 1, 1, 1] = -scale


def _carry(conv: nn.Conv2d, channels: int, kernel: tuple[tuple[float, ...], ...]) -> None:
    """Filter each of the first channels by itself, with ``kernel`` scaled to a sum of 1."""
    taps = torch.tensor(kernel)
    conv.weight.data[:channels] = 0.0
    if conv.bias is not None:
        conv.bias.data[:channels] = 0.0
    for channel in range(channels):
        conv.weight.data[channel, channel] = taps / taps.sum()
