"""From encoded images to the arrays that a detector is given."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Image
from datagen.detectors.config import DetectorConfig

__all__ = ["MAX_NUMBERS", "network_input", "resized"]

MAX_NUMBERS = 3 * 32 * 1024**2
"""Most numbers of a batch, unless a single image has more: 32 images of 1024 pixels."""


def resized(image: Image, size: tuple[int, int] | None) -> Image:
    """Return the image resized to ``(height, width)``, or as it is."""
    if size is None or image.shape[:2] == tuple(size):
        return image
    smaller = size[0] * size[1] < image.shape[0] * image.shape[1]
    interpolation = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (size[1], size[0]), interpolation=interpolation), np.uint8)


def network_input(images: Sequence[Image], config: DetectorConfig) -> NDArray[np.float32]:
    """Return the input of a network.

    Returns:
        Contiguous float32 ``(n, 3, height, width)``, or ``(n, height, width, 3)`` where
        ``layout`` says so.
    """
    batch = np.stack(images).astype(np.float32) / 255
    batch = (batch - np.asarray(config.mean or (0, 0, 0), np.float32)) / np.asarray(
        config.std or (1, 1, 1), np.float32
    )
    if config.channels == "bgr":
        batch = batch[..., ::-1]
    if config.layout != "nhwc":
        batch = batch.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(batch, np.float32)
