"""Homographies, and the background of an image that does not fill its frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import cv2
import numpy as np

from datagen.core.arrays import Image
from datagen.degradations.base import Homography, Shape

__all__ = ["Border", "backdrop", "fit", "keystone", "rotation"]

Border: TypeAlias = Literal["black", "gray", "blur"]
"""Background of an image that does not fill its frame: a single level, or an enlarged and heavily
blurred copy, as players and social networks show behind portrait videos. Never a mirrored copy:
that would repeat parts of the fake's face outside of the mask."""

Rect: TypeAlias = tuple[int, int, int, int]

_LEVELS = {"black": 0, "gray": 128}
_BACKDROP_SIDE = 64  # the blur removes everything finer


def fit(source: Rect, target: Rect) -> Homography:
    """Map one rectangle of whole pixels (x0, y0, x1, y1; ends excluded) to another."""
    matrix = np.eye(3)
    for axis in range(2):
        scale = (target[axis + 2] - target[axis]) / (source[axis + 2] - source[axis])
        matrix[axis, axis] = scale
        matrix[axis, 2] = target[axis] - 0.5 - scale * (source[axis] - 0.5)
    return matrix


def rotation(shape: Shape, degrees: float, cover: bool) -> Homography:
    """Rotate counterclockwise about the center; ``cover`` enlarges until no corner is empty."""
    height, width = shape
    turn = np.radians(abs(degrees))
    scale = np.cos(turn) + max(width / height, height / width) * np.sin(turn) if cover else 1.0
    matrix = np.eye(3)
    middle = ((width - 1) / 2, (height - 1) / 2)
    matrix[:2] = cv2.getRotationMatrix2D(middle, degrees, float(scale))
    return matrix


def keystone(shape: Shape, out: Sequence[tuple[float, float]]) -> Homography:
    """Move the four corners (clockwise from the upper left) outward, by shares of the sides."""
    height, width = shape
    away = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    low, high = np.full(2, -0.5), np.array([width, height]) - 0.5
    corners = np.where(away < 0, low, high)
    moved = corners + away * np.abs(np.array(out)) * [width, height]
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), moved.astype(np.float32))
    return np.asarray(matrix, np.float64)


def backdrop(image: Image, border: Border) -> Image:
    """Return the background."""
    if border in _LEVELS:
        return np.full_like(image, _LEVELS[border])
    height, width = image.shape[:2]
    factor = min(1.0, _BACKDROP_SIDE / max(height, width))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), 0.06 * max(size))
    dx, dy = size[0] // 8, size[1] // 8
    inner = small[dy : size[1] - dy, dx : size[0] - dx]
    return np.asarray(cv2.resize(inner, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
