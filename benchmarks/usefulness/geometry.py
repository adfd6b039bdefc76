"""Shapes and warps of the foreign kinds, written without ``datagen.faces`` and its methods."""

from __future__ import annotations

from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Delaunay

__all__ = [
    "PARTS",
    "Array",
    "bounds",
    "face_polygon",
    "feather",
    "fill",
    "framed",
    "mix",
    "part_polygon",
    "shifted",
    "warp",
    "width_of",
]

Array: TypeAlias = NDArray[Any]

# Numbers of 300-W.
PARTS = {
    "eyes": [*range(36, 48)],
    "brows_eyes": [*range(17, 27), *range(36, 48)],
    "nose": [*range(27, 36)],
    "mouth": [*range(48, 60)],
    "mouth_chin": [4, 5, 6, 7, 8, 9, 10, 11, 12, *range(48, 60)],
}


def width_of(points: Array) -> float:
    """Return the distance between the ends of the jaw."""
    return float(np.linalg.norm(points[16] - points[0]))


def face_polygon(points: Array, forehead: float = 0.0) -> Array:
    """Return the convex hull of a face as ``(n, 2)``, its brows lifted by ``forehead`` widths."""
    up = points[27] - points[8]
    up = up / max(float(np.linalg.norm(up)), 1e-6) * forehead * width_of(points)
    return _hull(np.vstack([points, points[17:27] + up]))


def part_polygon(points: Array, part: str) -> Array:
    """Return the convex hull of a part."""
    return _hull(points[PARTS[part]])


def _hull(points: Array) -> Array:
    return np.asarray(cv2.convexHull(points.astype(np.float32))[:, 0], np.float32)


def fill(polygon: Array, shape: tuple[int, ...], grow: float = 0.0) -> Array:
    """Return a polygon as a mask of 0 and 1, ``float32``, grown or shrunk by pixels."""
    mask = np.zeros(shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.rint(polygon).astype(np.int32)], 1)
    side = 2 * round(abs(grow)) + 1
    if side > 1:
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
        mask = np.asarray((cv2.dilate if grow > 0 else cv2.erode)(mask, kernel), np.uint8)
    return np.asarray(mask, np.float32)


def feather(mask: Array, sigma: float) -> Array:
    """Return a mask whose edge fades inward only, so that nothing outside of it changes."""
    if sigma <= 0:
        return mask
    inner = cv2.erode(mask, np.ones((3, 3), np.uint8), iterations=max(1, round(2 * sigma)))
    return np.asarray(cv2.GaussianBlur(inner, (0, 0), sigma) * mask, np.float32)


def mix(under: Array, over: Array, mask: Array) -> Array:
    """Return ``over`` where the mask is 1 and ``under`` where it is 0, as ``uint8``."""
    weight = mask[..., None]
    mixed = under.astype(np.float32) * (1 - weight) + over.astype(np.float32) * weight
    return np.asarray(np.clip(np.rint(mixed), 0, 255), np.uint8)


def bounds(mask: Array) -> tuple[int, int, int, int]:
    """Return ``x, y, width, height`` of what is not zero."""
    x, y, width, height = cv2.boundingRect((mask > 0).astype(np.uint8))
    return int(x), int(y), int(width), int(height)


def framed(points: Array, shape: tuple[int, ...]) -> Array:
    """Return points with eight more on the border of the image, which hold it in place."""
    height, width = shape[0] - 1, shape[1] - 1
    border = [(x, y) for x in (0, width / 2, width) for y in (0, height / 2, height)]
    border.remove((width / 2, height / 2))
    return np.vstack([points, np.asarray(border)]).astype(np.float64)


def warp(image: Array, source: Array, goal: Array) -> Array:
    """Move an image triangle by triangle, so that ``source`` comes to lie on ``goal``.

    Args:
        image: The image.
        source: Points of the image, ``(n, 2)``.
        goal: Where they go; the triangles are a Delaunay triangulation of these.

    Returns:
        ``float32``, sampled once and bilinearly. Outside of all triangles, the image itself.
    """
    height, width = image.shape[:2]
    mesh = Delaunay(goal)
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).reshape(-1, 2)
    triangle = mesh.find_simplex(grid.astype(np.float64))
    inside = triangle >= 0
    corners = mesh.simplices[triangle[inside]]
    matrix = mesh.transform[triangle[inside]]
    first = np.einsum("nij,nj->ni", matrix[:, :2], grid[inside] - matrix[:, 2])
    shares = np.column_stack([first, 1 - first.sum(axis=1)])
    places = grid.astype(np.float64)
    places[inside] = np.einsum("ni,nij->nj", shares, source[corners])
    columns, rows = (places[:, n].reshape(height, width).astype(np.float32) for n in (0, 1))
    moved = cv2.remap(
        image.astype(np.float32), columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    return np.asarray(moved, np.float32)


def shifted(image: Array, rng: np.random.Generator) -> Array:
    """Return the image moved by less than a pixel: sampled once, as a donor's is, and no more."""
    matrix = np.eye(2, 3)
    matrix[:, 2] = rng.uniform(0.25, 0.75, 2) * rng.choice([-1, 1], 2)
    size = (image.shape[1], image.shape[0])
    moved = cv2.warpAffine(
        image.astype(np.float32),
        matrix,
        size,
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    return np.asarray(moved, np.float32)
