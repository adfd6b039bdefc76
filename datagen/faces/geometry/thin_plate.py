"""The thin-plate spline: the smoothest warp that maps given points to given positions."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from datagen.errors import ItemError
from datagen.faces.geometry.warp import Points, WarpMap
from datagen.faces.pixels.blend import Region

__all__ = ["ThinPlate", "fit_plate", "plate_map"]

_STEP = 6
_NEAREST = 0.5
_FLAT = 1e-6
_TINY = 1e-12


class ThinPlate(NamedTuple):
    """A fitted spline.

    Attributes:
        center, scale: Offset and divisor that normalize points to a range of about one.
        knots: Normalized control points, ``(n, 2)`` float64.
        bend: Weights of the radial part, ``(n, 2)`` float64.
        plane: Constant, x and y coefficients of the affine part, ``(3, 2)`` float64.
    """

    center: NDArray[np.float64]
    scale: float
    knots: NDArray[np.float64]
    bend: NDArray[np.float64]
    plane: NDArray[np.float64]

    def at(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the displacement of each of ``(n, 2)`` points."""
        scaled = (points - self.center) / self.scale
        flat = self.plane[0] + scaled @ self.plane[1:]
        shift: NDArray[np.float64] = flat + _kernel(scaled, self.knots) @ self.bend
        return shift


def fit_plate(target: Points, source: Points) -> ThinPlate:
    """Fit the spline that displaces ``target`` to ``source``.

    Args:
        target: ``(n, 2)`` control points. A point within half a pixel of an earlier one is left
            out, because no smooth map could send the two to different positions.
        source: ``(n, 2)`` corresponding points.

    Raises:
        ItemError: ``method_failed`` when the points are collinear.

    References:
        Bookstein, Principal warps: thin-plate splines and the decomposition of deformations,
        PAMI 1989.
    """
    points, shifts = target.astype(np.float64), (source - target).astype(np.float64)
    close = np.square(points[:, None] - points).sum(axis=2) < _NEAREST**2
    single = ~np.tril(close, -1).any(axis=1)
    points, shifts = points[single], shifts[single]
    center = points.mean(axis=0)
    scale = float(np.abs(points - center).max(initial=_FLAT))
    knots = (points - center) / scale
    if len(points) < 3 or np.linalg.svd(knots - knots.mean(axis=0), compute_uv=False)[1] < 1e-3:
        raise ItemError("method_failed", "landmarks are collinear")
    count = len(knots)
    system = np.zeros((count + 3, count + 3))
    system[:count, :count] = _kernel(knots, knots)
    system[:count, count] = system[count, :count] = 1
    system[:count, count + 1 :], system[count + 1 :, :count] = knots, knots.T
    solved = np.linalg.solve(system, np.concatenate([shifts, np.zeros((3, 2))]))
    return ThinPlate(center, scale, knots, solved[:count], solved[count:])


def plate_map(target: Points, source: Points, region: Region) -> WarpMap:
    """Map each pixel of ``region`` back along the spline.

    The displacement is computed on every sixth pixel and enlarged linearly. Affine changes are
    exact, and control points are accurate to about a quarter of a pixel, except those moved far
    from a neighbor that is closer than the grid.

    Args:
        target: ``(n, 2)`` control points in the output image.
        source: ``(n, 2)`` corresponding points in the input image.
        region: Region of the target to map.

    Raises:
        ItemError: ``method_failed`` when the points are collinear.
    """
    plate = fit_plate(target, source)
    left, top = (_STEP * (corner // _STEP) - _STEP for corner in (region.x0, region.y0))
    columns, rows = -((left - region.x1) // _STEP) + 1, -((top - region.y1) // _STEP) + 1
    x = left + np.arange(columns) * _STEP + (_STEP - 1) / 2
    y = top + np.arange(rows) * _STEP + (_STEP - 1) / 2
    grid = np.stack(np.meshgrid(x, y), axis=2).reshape(-1, 2)
    coarse = plate.at(grid).reshape(rows, columns, 2).astype(np.float32)
    size = (columns * _STEP, rows * _STEP)
    fine = np.asarray(cv2.resize(coarse, size, interpolation=cv2.INTER_LINEAR), np.float32)
    fine = fine[region.y0 - top :, region.x0 - left :][: region.height, : region.width]
    field = np.empty((2, region.height, region.width), np.float32)
    np.add(fine[..., 0], np.arange(region.x0, region.x1, dtype=np.float32), out=field[0])
    np.add(fine[..., 1], np.arange(region.y0, region.y1, dtype=np.float32)[:, None], out=field[1])
    return WarpMap(field[0], field[1])


def _kernel(points: NDArray[np.float64], knots: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``r^2 log r^2`` of each point from each knot, ``(n, k)``; 0 at the knot."""
    squared = np.square(points[:, :1] - knots[:, 0]) + np.square(points[:, 1:] - knots[:, 1])
    bent: NDArray[np.float64] = squared * np.log(np.maximum(squared, _TINY))
    return bent
