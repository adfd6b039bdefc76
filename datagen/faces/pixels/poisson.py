"""Gradient-domain blending: a face keeps its detail and takes the colors along its rim."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Image, Mask

__all__ = ["clone", "similar_colors"]

_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.float32)
_NOISE = 6
_AROUND = 5
_SMALLEST = 8
_MAX_SWEEPS = 64
_SWEEPS = 8
_MIN = 1e-6


def clone(source: Image, target: Image, inside: Mask, pinned: Mask) -> Image:
    """Insert a face with its own gradients.

    The correction added to the source solves Laplace's equation, with the difference of the two
    images as boundary values along the rim (Dirichlet). At the edge of the image and at parts of
    the rim that are not pinned, the boundary is free (Neumann): a face at the edge of the image
    needs no frame, and hair over the rim does not bleed into the cheek.

    Args:
        source: Image that provides the gradients, ``(height, width, 3)`` uint8.
        target: Image that provides the colors along the rim, of the same size.
        inside: Where not 0, the source's gradients are used; elsewhere the target is copied
            exactly.
        pinned: Pixels of the rim, just outside, whose colors the source must match. If there
            are none, the source is inserted unchanged.

    References:
        Perez et al., Poisson image editing, SIGGRAPH 2003, equation 10.
    """
    rim = cv2.bitwise_and(cv2.subtract(cv2.dilate(inside, _CROSS.astype(np.uint8)), inside), pinned)
    known = (np.asarray(rim) > 0) & (inside == 0)
    difference = np.asarray(cv2.subtract(target, source, dtype=cv2.CV_32F), np.float32)
    level = _Level(difference * known[..., None], known.astype(np.float32), inside > 0)
    change = cv2.add(source, _membrane(level), dtype=cv2.CV_8U)
    return np.where(inside[..., None] > 0, np.asarray(change, np.uint8), target)


def similar_colors(source: Image, target: Image, max_difference: float) -> Mask:
    """Return 255 where two images, slightly blurred, differ by at most ``max_difference``.

    A larger step at the rim of a face is not different light on the same skin but hair, a collar
    or the background, from which no colors should be taken. Nor should they be taken where skin
    turns into one of these through a similar color, so all pixels within a distance of two must
    be similar as well.

    Args:
        source: Image, ``(height, width, 3)`` uint8.
        target: Image of the same size.
        max_difference: Largest difference, as a share of the target's brightest channel, since
            light is multiplicative; a few levels of noise are allowed in addition.
    """
    soft, seen = (
        np.asarray(cv2.blur(image, (_AROUND, _AROUND)), np.uint8) for image in (source, target)
    )
    apart = np.asarray(cv2.absdiff(soft, seen)).max(axis=2)
    allowed = _NOISE + max_difference * seen.max(axis=2).astype(np.float32)
    like = np.where(apart < allowed, 255, 0).astype(np.uint8)
    return np.asarray(cv2.erode(like, np.ones((_AROUND, _AROUND), np.uint8)), np.uint8)


class _Level(NamedTuple):
    """A boundary value problem at one size.

    Attributes:
        value: Known values times their weight, 0 elsewhere, ``(height, width, 3)`` float32.
        weight: Weight, > 0 where the value is known, ``(height, width)`` float32.
        unknown: Whether a value is to be found, ``(height, width)`` bool.
    """

    value: NDArray[np.float32]
    weight: NDArray[np.float32]
    unknown: NDArray[np.bool_]


def _membrane(level: _Level) -> NDArray[np.float32]:
    """Solve from coarse to fine (cascadic multigrid: Bornemann and Deuflhard, 1996).

    Each size starts from the enlarged solution of half of it and is relaxed by a few damped
    Jacobi sweeps. Every step averages pixels that have a value, so the solution stays between
    the smallest and the largest value along the rim.

    Returns:
        The solution where it is unknown, the given values where they are known, 0 elsewhere.
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
    """Average known values over 2 x 2 pixels; unknown is whatever touches an unknown pixel."""
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
