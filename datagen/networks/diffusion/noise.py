"""Noise of diffusion networks: drawn on the CPU from one seed per image.

A GPU draws different numbers for the same seed, which also differ between models of GPUs.
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
    """Draw a seed for ``generators``, from 0 to 2**32 - 1."""
    return int(rng.integers(_SEEDS))


def generators(seeds: Sequence[int]) -> list[torch.Generator]:
    """Return one CPU generator per image, so that ``diffusers`` draws on the CPU."""
    import torch

    return [torch.Generator("cpu").manual_seed(seed) for seed in seeds]


def noise(seeds: Sequence[int], shape: Sequence[int]) -> torch.Tensor:
    """Return standard normal noise, ``(len(seeds), *shape)`` float32 on the CPU."""
    import torch

    return torch.stack([torch.randn(tuple(shape), generator=one) for one in generators(seeds)])
