"""Blur kernels, made fast: wide ones at reduced size or by repeated averaging."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Image

__all__ = ["defocus", "gaussian", "motion", "zoom"]

_MAX_TAPS = 7  # per side of a kernel that is not separable; the time grows with the square
_MAX_SIGMA = 3.0
_WHOLE = 8  # margin in pixels from which rounding to whole pixels is accurate enough


def gaussian(image: Image, sigma: float) -> Image:
    """Convolve with a Gaussian of standard deviation ``sigma`` in pixels."""
    factor = int(np.ceil(sigma / _MAX_SIGMA))
    # The area average of the reduction is part of the blur.
    left = np.sqrt(sigma**2 - (factor**2 - 1) / 12) / factor
    soft = cv2.GaussianBlur(_reduced(image, factor), (0, 0), float(left))
    return _enlarged(soft, image)


def defocus(image: Image, diameter: float) -> Image:
    """Average over a disc of ``diameter`` pixels."""
    factor = int(np.ceil(diameter / _MAX_TAPS))
    return _enlarged(cv2.filter2D(_reduced(image, factor), -1, _disc(diameter / factor)), image)


def _reduced(image: Image, factor: int) -> Image:
    """Reduce the size: a wide blur removes the lost detail anyway."""
    if factor == 1:
        return image
    size = [max(2, round(side / factor)) for side in image.shape[1::-1]]
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _enlarged(small: NDArray[np.generic], image: Image) -> Image:
    if small.shape == image.shape:
        return np.asarray(small, np.uint8)
    size = (image.shape[1], image.shape[0])
    return np.asarray(
        cv2.resize(np.asarray(small, np.uint8), size, interpolation=cv2.INTER_CUBIC), np.uint8
    )


def _grid(reach: float) -> NDArray[np.float64]:
    half = int(np.ceil(reach))
    return np.arange(-half, half + 1, dtype=np.float64)


def _disc(diameter: float) -> NDArray[np.float32]:
    steps = _grid(diameter / 2 - 0.5)
    distance = np.hypot(steps[:, None], steps[None])
    return _normed(np.clip(diameter / 2 + 0.5 - distance, 0, 1))


def motion(image: Image, length: float, angle: float) -> Image:
    """Average along a line of ``length`` pixels; for a long line, sum shifted images.

    ``angle`` is in radians, from the x axis toward the y axis.
    """
    dx, dy = np.cos(angle), np.sin(angle)
    if length <= _MAX_TAPS - 1:
        steps = _grid(length / 2 - 0.5)
        along = np.abs(steps[None] * dx + steps[:, None] * dy)
        across = np.abs(steps[:, None] * dx - steps[None] * dy)
        kernel = np.clip(length / 2 + 0.5 - along, 0, 1) * np.clip(1 - across, 0, 1)
        return np.asarray(cv2.filter2D(image, -1, _normed(kernel)), np.uint8)
    count = int(np.ceil(length))
    places = (np.arange(count) - (count - 1) / 2) * length / count
    columns, rows = np.rint(places * dx).astype(int), np.rint(places * dy).astype(int)
    height, width = image.shape[:2]
    left, top = int(np.abs(columns).max()), int(np.abs(rows).max())
    wide = cv2.copyMakeBorder(image, top, top, left, left, cv2.BORDER_REFLECT_101)
    wide = wide.astype(np.uint16)
    total = np.zeros(image.shape, np.uint16)  # up to 257 images fit
    for x, y in zip(columns + left, rows + top, strict=True):
        cv2.add(total, wide[y : y + height, x : x + width], dst=total)
    return np.asarray(cv2.convertScaleAbs(total, alpha=1 / count), np.uint8)


def zoom(image: Image, share: float, middle: tuple[float, float]) -> Image:
    """Average over magnifications by up to ``share`` of half a side, doubling their number.

    The steps are 1, 2, 4, ... with the last one negative: 1 + 2 + 4 - 8 yields 16 copies from -8
    to 7, centered on no magnification.
    """
    turns = int(np.clip(np.ceil(np.log2(share * min(image.shape[:2]) / 2)), 1, 4))
    step = 2 * share / 2**turns
    for turn in range(turns):
        scale = float(np.exp(step * 2**turn * (-1 if turn == turns - 1 else 1)))
        moved = _magnified(image, scale, middle)
        image = np.asarray(cv2.addWeighted(image, 0.5, moved, 0.5, 0), np.uint8)
    return image


def _magnified(image: Image, scale: float, middle: tuple[float, float]) -> Image:
    height, width = image.shape[:2]
    size = (width, height)
    margin = (1 - 1 / scale) * np.array(size)
    if np.abs(margin).max() < _WHOLE:
        about = (1 - scale) * (np.array(middle) * size - 0.5)
        matrix = np.array([[scale, 0, about[0]], [0, scale, about[1]]])
        moved = cv2.warpAffine(image, matrix, size, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(moved, np.uint8)
    # Resizing a rectangle of whole pixels takes a third of the time of a warp.
    left, top = np.rint(margin * middle).astype(int)
    right, bottom = np.rint(margin).astype(int) - [left, top]
    if scale > 1:
        part = image[top : height - bottom, left : width - right]
    else:
        edges = (-top, -bottom, -left, -right)
        part = np.asarray(cv2.copyMakeBorder(image, *edges, cv2.BORDER_REPLICATE), np.uint8)
    return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def _normed(kernel: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.asarray(kernel / kernel.sum(), np.float32)
