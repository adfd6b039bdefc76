"""What an image looks like under a mask, in single numbers."""

from __future__ import annotations

import cv2
import numpy as np

from .geometry import Array

__all__ = ["MEASURES", "measures", "sharpness"]

MEASURES = (
    "sharpness",
    "noise",
    "lightness",
    "a",
    "b",
    "contrast",
    "spectrum low",
    "spectrum middle",
    "spectrum high",
)
_BANDS = ((1, 3), (3, 6), (6, 15))  # sums of the two indices of the DCT


def sharpness(image: Array, mask: Array | None = None) -> float:
    """Return log2 of the mean absolute Laplacian of the light, where the mask is not zero."""
    light = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    edges = np.abs(cv2.Laplacian(light, cv2.CV_32F))
    inside = edges if mask is None else edges[mask > 0]
    return float(np.log2(inside.mean() + 1e-3))


def measures(image: Array, mask: Array) -> dict[str, float]:
    """Return the measures of an image where the mask is not zero.

    Log2 sharpness; log2 of the noise level (Immerkaer 1996, by the median, which edges hardly
    move); means of L, a and b, and the standard deviation of L; log2 energy of the DCT of 8x8
    blocks that lie mostly inside, in three bands.
    """
    inside = mask > 0
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[inside]
    light = cv2.cvtColor(image.astype(np.float32), cv2.COLOR_RGB2GRAY)  # not rounded
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    noise = np.median(np.abs(cv2.filter2D(light, cv2.CV_32F, kernel))[inside]) / (6 * 0.6745)
    height, width = (side // 8 for side in light.shape)
    blocks = light[: height * 8, : width * 8].reshape(height, 8, width, 8).transpose(0, 2, 1, 3)
    share = cv2.resize(inside.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    taken = blocks[share >= min(0.5, float(share.max()))]
    energy = np.mean([np.square(cv2.dct(block)) for block in taken], axis=0)
    order = np.add.outer(np.arange(8), np.arange(8))
    bands = [
        float(np.log2(energy[(order >= low) & (order < high)].mean() + 1e-3))
        for low, high in _BANDS
    ]
    color = [float(value) for value in (*lab.mean(axis=0), lab[:, 0].std())]
    first = [sharpness(image, mask), float(np.log2(noise + 1e-2))]
    return dict(zip(MEASURES, [*first, *color, *bands], strict=True))
