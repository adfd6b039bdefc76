"""Warps: similarities, affine warps of a region, and the piecewise-affine warp."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Affine, Image
from datagen.errors import ItemError
from datagen.faces.landmarks import move_points
from datagen.faces.pixels.blend import Region

__all__ = [
    "RING",
    "Points",
    "WarpMap",
    "piecewise_map",
    "similarity",
    "surround",
    "triangulate",
    "warp_affine",
    "warp_pixels",
]

Points = NDArray[np.float32]
Triangles = NDArray[np.int32]

RING = 16

_SUBPIXEL = 4
_STEP = 3
_FLAT = 1e-3
_SLIVER = 0.5


class WarpMap(NamedTuple):
    """Source coordinates of each pixel of a region, ``(height, width)`` float32 pixels each."""

    x: NDArray[np.float32]
    y: NDArray[np.float32]


def similarity(source: Points, target: Points) -> Affine:
    """Fit rotation, scale and shift by least squares, without reflection.

    Args:
        source: ``(n, 2)`` points.
        target: The corresponding points, ``(n, 2)``.

    Raises:
        ItemError: ``method_failed`` when all source points coincide.

    References:
        Umeyama, Least-squares estimation of transformation parameters, PAMI 1991.
    """
    p = source.astype(np.float64)
    q = target.astype(np.float64)
    p_mean, q_mean = p.mean(axis=0), q.mean(axis=0)
    p, q = p - p_mean, q - q_mean
    spread = float(np.square(p).sum())
    if spread < _FLAT:
        raise ItemError("method_failed", "landmarks coincide")
    a = float((p * q).sum()) / spread
    b = float((p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]).sum()) / spread
    turn = np.array([[a, -b], [b, a]])
    return np.concatenate([turn, (q_mean - turn @ p_mean)[:, None]], axis=1)


def warp_affine(image: Image, affine: Affine, region: Region) -> Image:
    """Warp an image by ``affine`` and return ``region`` of the result, like ``warp_pixels``."""
    shifted = affine.copy()
    shifted[:, 2] -= (region.x0, region.y0)
    return np.asarray(
        cv2.warpAffine(
            image,
            shifted,
            (region.width, region.height),
            flags=cv2.INTER_LANCZOS4,
            borderMode=cv2.BORDER_REFLECT_101,
        ),
        np.uint8,
    )


def surround(points: Points, others: Points) -> tuple[Points, Points]:
    """Add to both sets a wide ring of points that follow the best similarity.

    Without it the triangles would end at the outermost landmarks, and a mask with a soft edge
    would cover pixels outside all triangles.

    Args:
        points: ``(n, 2)`` points. The ring has 16 points on the circle about their mean, with
            twice the radius of the farthest point.
        others: ``(n, 2)``, the same points in the other image.

    Returns:
        Both sets with 16 more points.
    """
    center = points.mean(axis=0)
    radius = 2 * float(np.linalg.norm(points - center, axis=1).max())
    angle = np.arange(RING) * (2 * np.pi / RING)
    ring = (center + radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)).astype(np.float32)
    other = move_points(ring, similarity(points, others))
    return np.concatenate([points, ring]), np.concatenate([others, other])


def triangulate(points: Points) -> Triangles:
    """Return the Delaunay triangles of ``(n, 2)`` points as ``(k, 3)`` indices.

    Of points that coincide, only the first is used.

    Raises:
        ItemError: ``method_failed`` when no triangle has an area.
    """
    low = np.floor(points.min(axis=0)).astype(int) - 1
    size = np.ceil(points.max(axis=0)).astype(int) + 2 - low
    net = cv2.Subdiv2D((int(low[0]), int(low[1]), int(size[0]), int(size[1])))
    index: dict[tuple[float, float], int] = {}
    for number, (x, y) in enumerate(points.tolist()):
        if (x, y) not in index:
            index[x, y] = number
            net.insert((x, y))
    corners = np.asarray(net.getTriangleList()).reshape(-1, 3, 2).tolist()
    found = [[index.get((x, y), -1) for x, y in corner] for corner in corners]
    triangles = np.array([row for row in found if -1 not in row], np.int32).reshape(-1, 3)
    triangles = triangles[np.abs(_areas(points, triangles)) > _FLAT]
    if not len(triangles):
        raise ItemError("method_failed", "landmarks are collinear")
    return triangles


def _areas(points: Points, triangles: Triangles) -> NDArray[np.float64]:
    """Return twice the signed area of each triangle."""
    a, b, c = points[triangles].astype(np.float64).transpose(1, 0, 2)
    areas: NDArray[np.float64] = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    return areas


def _heights(points: Points, triangles: Triangles) -> NDArray[np.float64]:
    """Return the distance of each triangle's longest side from the opposite corner."""
    corners = points[triangles].astype(np.float64)
    sides = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
    heights: NDArray[np.float64] = np.abs(_areas(points, triangles)) / np.maximum(sides, _FLAT)
    return heights


def piecewise_map(target: Points, source: Points, triangles: Triangles, region: Region) -> WarpMap:
    """Map each pixel of ``region`` back by the affine matrix of the triangle around it.

    The displacement is computed on every third pixel and enlarged linearly, which also
    smooths the creases along the edges of triangles; control points are accurate to about a
    pixel.

    Args:
        target: ``(n, 2)`` corners in the output image.
        source: ``(n, 2)`` corresponding corners in the input image.
        triangles: ``(k, 3)`` indices. Triangles less than half a pixel high in the target are
            left to their neighbors, because their matrices are ill-conditioned.
        region: Region of the target to map.

    Raises:
        ItemError: ``method_failed`` when no triangle is left.
    """
    triangles = triangles[_heights(target, triangles) > _SLIVER]
    if not len(triangles):
        raise ItemError("method_failed", "the face is too small to warp")
    shifts = np.zeros((len(triangles) + 1, 3, 2))
    corners = np.ones((len(triangles), 3, 3))
    corners[..., :2] = target[triangles] - np.array([region.x0, region.y0])
    shifts[1:] = np.linalg.solve(corners, (source - target).astype(np.float64)[triangles])
    shifts[0] = _common(target - np.array([region.x0, region.y0]), source - target)
    coarse = _label(corners[..., :2], region)
    chosen = shifts.astype(np.float32)[coarse]
    rows, columns = coarse.shape
    x = np.arange(columns, dtype=np.float32)[None, :, None] * _STEP + (_STEP - 1) / 2
    y = np.arange(rows, dtype=np.float32)[:, None, None] * _STEP + (_STEP - 1) / 2
    move = chosen[..., 0, :] * x + chosen[..., 1, :] * y + chosen[..., 2, :]
    size = (columns * _STEP, rows * _STEP)
    fine = np.asarray(cv2.resize(move, size, interpolation=cv2.INTER_LINEAR), np.float32)
    fine = fine[: region.height, : region.width]
    field = np.empty((2, region.height, region.width), np.float32)
    np.add(fine[..., 0], np.arange(region.x0, region.x1, dtype=np.float32), out=field[0])
    np.add(fine[..., 1], np.arange(region.y0, region.y1, dtype=np.float32)[:, None], out=field[1])
    return WarpMap(field[0], field[1])


def _common(points: NDArray[np.float64], shifts: NDArray[np.float32]) -> NDArray[np.float64]:
    """Fit one affine displacement to all corners, for pixels outside all triangles."""
    ones = np.ones((len(points), 1))
    system = np.concatenate([points, ones], axis=1)
    return np.asarray(np.linalg.lstsq(system, shifts, rcond=None)[0], np.float64)


def _label(corners: NDArray[np.float64], region: Region) -> NDArray[np.int16]:
    """Return the number of the triangle at the center of each block of pixels, 0 for none."""
    rows, columns = -(-region.height // _STEP), -(-region.width // _STEP)
    drawn = np.zeros((rows * _STEP, columns * _STEP), np.int16)
    fixed = np.rint(corners * (1 << _SUBPIXEL)).astype(np.int32)
    for number, triangle in enumerate(fixed, start=1):
        cv2.fillConvexPoly(drawn, triangle, (number,), cv2.LINE_8, _SUBPIXEL)
    return drawn[_STEP // 2 :: _STEP, _STEP // 2 :: _STEP]


def warp_pixels(image: Image, field: WarpMap, kernel: int = cv2.INTER_LANCZOS4) -> Image:
    """Sample an image along a map; it is continued by reflection.

    Args:
        image: The image.
        field: Source coordinates of each pixel of the result.
        kernel: Interpolation of OpenCV. Lanczos loses half as much of the highest frequencies as
            a cubic kernel.
    """
    made = cv2.remap(image, field.x, field.y, kernel, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(made, np.uint8)
