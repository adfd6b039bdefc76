"""Images at the side of a diffusion network, and what it returns, checked."""

from __future__ import annotations

from typing import Any, TypeAlias

import cv2
import numpy as np

from datagen.core.arrays import Image
from datagen.errors import ItemError
from datagen.weights import Autoencoder, Diffusers

__all__ = ["ImageOrError", "checked_image", "network_side", "resized"]

ImageOrError: TypeAlias = Image | ItemError
"""An image of a network, or the error that takes its place in the batch."""


def network_side(contract: Diffusers | Autoencoder) -> int:
    """Return the side of input images in pixels: the training size, in whole steps of ``sides``."""
    return max(contract.size // contract.sides, 1) * contract.sides


def resized(image: Image, width: int, height: int) -> Image:
    """Resize an image to the network's side or back; area averaging where it shrinks."""
    if image.shape[:2] == (height, width):
        return image.copy()
    shrinks = image.shape[0] > height or image.shape[1] > width
    kernel = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, (width, height), interpolation=kernel), np.uint8)


def checked_image(values: np.ndarray[Any, Any], flagged: bool = False) -> ImageOrError:
    """Return a network's image as uint8, or the error that makes it unusable.

    Args:
        values: Output of the network, ``(3, h, w)`` in [0, 1].
        flagged: Whether the safety checker replaced the image by a black one.
    """
    if flagged:
        return ItemError("black_image", "the pipeline's safety checker flagged the image")
    if not np.isfinite(values).all():
        return ItemError("network_failed", "the image contains values that are not finite")
    image = np.rint(255 * np.clip(values, 0, 1)).astype(np.uint8).transpose(1, 2, 0)
    if image.max() == 0:
        return ItemError("black_image", "the network returned a black image")
    return np.ascontiguousarray(image)
