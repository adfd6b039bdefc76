"""From decoded images and clips to the arrays that a detector is given."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from datagen.detectors.config import DetectorConfig

__all__ = ["MAX_NUMBERS", "network_input", "resized"]

MAX_NUMBERS = 3 * 32 * 1024**2
"""Most numbers of a batch, unless a single image has more: 32 images of 1024 pixels."""

_AXES = 3  # of an image
_GIVEN = {4: "nhwc", 5: "nthwc"}  # the axes of a batch of images, and of clips


def resized(image: NDArray[np.uint8], size: tuple[int, int] | None) -> NDArray[np.uint8]:
    """Return an image, or each frame of a clip, resized to ``(height, width)``, or as it is."""
    if size is None or image.shape[-3:-1] == tuple(size):
        return image
    if image.ndim > _AXES:
        return np.stack([resized(frame, size) for frame in image])
    smaller = size[0] * size[1] < image.shape[0] * image.shape[1]
    interpolation = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (size[1], size[0]), interpolation=interpolation), np.uint8)


def network_input(
    images: Sequence[NDArray[np.uint8]], config: DetectorConfig
) -> NDArray[np.float32]:
    """Return the input of a network.

    Args:
        images: Images or clips, all of one shape.
        config: Normalization and axes.

    Returns:
        Contiguous float32 ``(n, 3, height, width)``, or with the axes that ``layout`` names.
    """
    batch = np.stack(images).astype(np.float32) / 255
    batch = (batch - np.asarray(config.mean or (0, 0, 0), np.float32)) / np.asarray(
        config.std or (1, 1, 1), np.float32
    )
    if config.channels == "bgr":
        batch = batch[..., ::-1]
    given = _GIVEN[batch.ndim]
    batch = batch.transpose([given.index(axis) for axis in config.layout or "nchw"])
    return np.ascontiguousarray(batch, np.float32)
