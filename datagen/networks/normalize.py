"""Conversion between images and the arrays that networks take and return."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from datagen.core.arrays import Image, Mask
from datagen.errors import ItemError
from datagen.networks.onnx.session import Floats
from datagen.weights import FaceInput, Network

__all__ = ["to_image", "to_mask", "to_network"]

_FLAT = 2


def to_network(faces: Sequence[Image], how: FaceInput) -> Floats:
    """Return ``(n, 3, height, width)`` float32: ``(pixel / 255 - mean) / std`` for each channel.

    Args:
        faces: Aligned faces or other images of one shape, uint8 RGB each.
        how: Mean, standard deviation and order of the channels.
    """
    mean, std = (np.asarray(values, np.float32) for values in (how.mean, how.std))
    scale = np.broadcast_to(1 / (255 * std), 3).reshape(3, 1, 1)
    shift = np.broadcast_to(-mean / std, 3).reshape(3, 1, 1)
    order = slice(None, None, -1 if how.color == "bgr" else 1)
    numbers = np.empty((len(faces), 3, *faces[0].shape[:2]), np.float32)
    for row, face in zip(numbers, faces, strict=True):
        np.multiply(face[:, :, order].transpose(2, 0, 1), scale, out=row)
        row += shift
    return numbers


def to_image(
    output: Floats, network: Network, face: Image, shape: tuple[int, ...] | None = None
) -> Image:
    """Return one output of a network as an image.

    Args:
        output: Output, ``(3, height, width)``; values outside the card's range are clipped.
        network: Contract with the range, and the order of the channels, which is the input's.
        face: Input face, ``(size, size, 3)``.
        shape: Height and width of the image; by default the input's.

    Raises:
        ItemError: ``network_failed`` for NaN or infinity; ``black_image`` for a uniform image of
            a face that is not uniform, as from a safety checker or too low a precision.
    """
    if not np.isfinite(output).all():
        raise ItemError("network_failed", "the network's output contains NaN or infinity")
    low, high = network.output
    levels = (output - np.float32(low)) * np.float32(255 / (high - low))
    whole = np.rint(np.clip(levels, 0, 255)).astype(np.uint8).transpose(1, 2, 0)
    if network.face is not None and network.face.color == "bgr":
        whole = whole[:, :, ::-1]
    if np.ptp(whole) < _FLAT <= np.ptp(face):
        raise ItemError("black_image", f"all pixels of the network's output are {whole.max()}")
    return _fit(np.ascontiguousarray(whole), shape or face.shape[:2])


def to_mask(output: Floats, face: Image) -> Mask:
    """Return a network's mask as uint8 of the face's size.

    Args:
        output: Mask of the network, ``(1, height, width)`` in [0, 1].
        face: Input face, ``(size, size, 3)``.

    Raises:
        ItemError: ``network_failed`` for NaN or infinity.
    """
    if not np.isfinite(output).all():
        raise ItemError("network_failed", "the network's mask contains NaN or infinity")
    mask = np.rint(np.clip(output[0], 0, 1) * np.float32(255)).astype(np.uint8)
    return _fit(mask, face.shape[:2])


def _fit(image: Image | Mask, shape: tuple[int, ...]) -> Image | Mask:
    if image.shape[:2] == shape:
        return image
    how = cv2.INTER_AREA if image.shape[0] > shape[0] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, shape[::-1], interpolation=how), np.uint8)
