"""Blending of gradients: a face keeps its own detail and takes the colors along its rim."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Image, Mask

__all__ = ["alike", "clone"]

_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.float32)
_NOISE = 6
_AROUND = 5
_SMALLEST = 8
_MAX_SWEEPS = 64
_SWEEPS = 8
_MIN = 1e-6


def clone(source: Image, target: Image, inside: Mask, pinned: Mask) -> Image:
    """Put a face in with its own gradients (Perez et al., SIGGRAPH 2003, equation 10).

    The correction that is added to the source solves Laplace's equation with the difference
    of the two images as its value along the rim. The edge of the image and parts of the
    rim that are not pinned have no value to hold to, and the correction meets them without a
    slope; so a face at the edge of the image needs no frame, and hair that hangs over the rim
    does not bleed into the cheek.

    Args:
        source: Where the gradients come from, ``(height, width, 3)`` uint8.
        target: Where the colors along the rim come from; of the same size.
        inside: Where not 0, the source's gradients are taken; elsewhere the target is
            returned bit for bit.
        pinned: Pixels of the rim, outside, that the source must meet. Where there are none
            the source is put in as it is.
    """
    rim = cv2.bitwise_and(cv2.subtract(cv2.dilate(inside, _CROSS.astype(np.uint8)), inside), pinned)
    known = (np.asarray(rim) > 0) & (inside == 0)
    difference = np.asarray(cv2.subtract(target, source, dtype=cv2.CV_32F), np.float32)
    level = _Level(difference * known[..., None], known.astype(np.float32), inside > 0)
    change = cv2.add(source, _membrane(level), dtype=cv2.CV_8U)
    return np.where(inside[..., None] > 0, np.asarray(change, np.uint8), target)


def alike(source: Image, target: Image, most: float) -> Mask:
    """Return 255 where two images, slightly softened, are within ``most`` of each other.

    On the rim of a face a greater step is no other light on the same skin but hair, a collar or
    the wall behind: nothing that colors should be taken from. Neither should they be where
    skin goes over into one of these and only passes through a like color, so all pixels
    within two must be alike as well.

    Args:
        source: ``(height, width, 3)`` uint8.
        target: Of the same size.
        most: Share of the target's brightest channel, since light multiplies; a few levels of
            noise are allowed besides.
    """
    soft, seen = (
        np.asarray(cv2.blur(image, (_AROUND, _AROUND)), np.uint8) for image in (source, target)
    )
    apart = np.asarray(cv2.absdiff(soft, seen)).max(axis=2)
    allowed = _NOISE + most * seen.max(axis=2).astype(np.float32)
    like = np.where(apart < allowed, 255, 0).astype(np.uint8)
    return np.asarray(cv2.erode(like, np.ones((_AROUND, _AROUND), np.uint8)), np.uint8)


class _Level(NamedTuple):
    """A boundary problem at one size.

    Attributes:
        value: ``(height, width, 3)`` float32, what is known times its weight, else 0.
        weight: ``(height, width)`` float32, > 0 where something is known.
        unknown: Where a value is sought.
    """

    value: NDArray[np.float32]
    weight: NDArray[np.float32]
    unknown: NDArray[np.bool_]


def _membrane(level: _Level) -> NDArray[np.float32]:
    """Solve from coarse to fine (cascadic multigrid: Bornemann and Deuflhard, 1996).

    Each size starts from the enlarged solution of half of it and is relaxed by a few damped
    Jacobi sweeps. Every step takes means of pixels that have a value, so the solution stays
    between the least and the greatest value along the rim.

    Returns:
        The solution where it is sought, what is known where it is known, 0 elsewhere.
    """
    known = level.weight > 0
    free = level.unknown & ~known
    pinned = level.value / np.maximum(level.weight, _MIN)[..., None]
    coarsest = max(known.shape) <= _SMALLEST
    field = np.where(free[..., None], _guess(level, coarsest), pinned).astype(np.float32)
    domain = (free | known).astype(np.float32)
    count = np.asarray(cv2.filter2D(domain, -1, _CROSS, borderType=cv2.BORDER_CONSTANT))
    share = np.where(free, 1 / np.maximum(count, 1), 0).astype(np.float32)
    share = np.repeat(share[..., None], 3, axis=2)
    for _ in range(_MAX_SWEEPS if coarsest else _SWEEPS):
        total = cv2.filter2D(field, -1, _CROSS, borderType=cv2.BORDER_CONSTANT)
        field = np.asarray(cv2.add(cv2.multiply(total, share), pinned), np.float32)
    return field


def _guess(level: _Level, coarsest: bool) -> NDArray[np.float32]:
    if coarsest:
        total = max(float(level.weight.sum()), _MIN)
        return np.asarray(level.value.sum(axis=(0, 1)) / total, np.float32)
    half = _halved(level)
    height, width = level.weight.shape
    domain = (half.unknown | (half.weight > 0)).astype(np.float32)
    field = np.asarray(cv2.resize(_membrane(half), (width, height)), np.float32)
    inside = np.asarray(cv2.resize(domain, (width, height)), np.float32)
    return np.asarray(field / np.maximum(inside, _MIN)[..., None], np.float32)


def _halved(level: _Level) -> _Level:
    """Average what is known over two by two pixels; unknown is what touches an unknown pixel."""
    height, width = level.weight.shape
    size = ((width + 1) // 2, (height + 1) // 2)
    value = cv2.resize(level.value, size, interpolation=cv2.INTER_AREA)
    weight = cv2.resize(level.weight, size, interpolation=cv2.INTER_AREA)
    unknown = cv2.resize(level.unknown.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return _Level(
        np.asarray(value, np.float32),
        np.asarray(weight, np.float32),
        np.asarray(unknown) > 0,
    )
