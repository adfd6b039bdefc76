"""Noise of diffusion networks: drawn on the CPU from a seed for each image.

A GPU draws other numbers for the same seed, and other ones again on the next model of GPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

__all__ = ["draw_noise_seed", "generators", "noise"]

_SEEDS = 1 << 32


def draw_noise_seed(rng: np.random.Generator) -> int:
    """Draw what ``generators`` takes, from 0 up to 2**32 - 1."""
    return int(rng.integers(_SEEDS))


def generators(seeds: Sequence[int]) -> list[torch.Generator]:
    """Return one generator of the CPU for each image; ``diffusers`` then draws there."""
    import torch

    return [torch.Generator("cpu").manual_seed(seed) for seed in seeds]


def noise(seeds: Sequence[int], shape: Sequence[int]) -> torch.Tensor:
    """Return standard normal noise, ``(len(seeds), *shape)`` float32 on the CPU."""
    import torch

    return torch.stack([torch.randn(tuple(shape), generator=one) for one in generators(seeds)])
