"""From triangles to per-pixel surface values, without a graphics library.

Triangles are painted back to front into an id buffer with OpenCV's fixed-point polygon
fill (1/64 pixel, integer arithmetic), then every covered pixel finds its barycentric
coordinates in its triangle and interpolates the values of the three corners.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from .arrays import F32, F64, I32, I64, Mask
from .camera import Camera

_SHIFT = 6
_BLOCK = 8192


@dataclass(frozen=True, slots=True)
class Layer:
    """The visible triangle of every pixel.

    Attributes:
        ids: (size, size) int32, index into ``triangles`` plus one, 0 for no triangle.
        triangles: (m, 3) the triangles of the layer.
        screen: (n, 3) pixel positions of the points, smaller z nearer.
    """

    ids: I32
    triangles: I64
    screen: F64


def facing(screen: F64, triangles: I64) -> Mask:
    """Whether each triangle faces the camera: (m,) bool."""
    a, b, c = (screen[triangles[:, k], :2] for k in range(3))
    u, v = b - a, c - a
    return np.asarray(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0] < -1e-6, np.bool_)


def _back_to_front(screen: F64, triangles: I64, drawn: I64, size: int) -> tuple[I64, I32]:
    """Triangles that touch the image, farthest first, with corners in 1/64 pixel."""
    outside = np.stack([screen[:, :2] <= 0.0, screen[:, :2] >= size]).reshape(2, -1, 2)
    a, b, c = (np.ascontiguousarray(triangles[drawn, k]) for k in range(3))
    # A triangle is invisible if all its corners are beyond the same side of the image.
    beyond = outside[:, a] & outside[:, b] & outside[:, c]
    inside = ~(beyond[0, :, 0] | beyond[0, :, 1] | beyond[1, :, 0] | beyond[1, :, 1])
    drawn, depth = drawn[inside], (screen[a, 2] + screen[b, 2] + screen[c, 2])[inside]
    drawn = drawn[np.argsort(-depth, kind="stable")]
    # OpenCV has pixel centers at integer positions; here they are at half-integer positions.
    fixed = np.round((screen[:, :2] - 0.5) * (1 << _SHIFT)).astype(np.int32)
    return drawn, fixed[triangles[drawn]]


def paint(screen: F64, triangles: I64, groups: Sequence[I64], camera: Camera) -> Layer:
    """Paint groups of triangles one over the other, each from back to front.

    Args:
        screen: (n, 3) pixel positions.
        triangles: (m, 3) all triangles.
        groups: indices of the triangles to paint.
        camera: the camera, for the size of the image.
    """
    left, top, size = camera.part or (0, 0, camera.size)
    ids = np.zeros((size, size), np.int32)
    # A part is cut from the whole image: OpenCV shifts the edges of polygons that it clips.
    whole = screen + np.array([left, top, 0.0]) if camera.part else screen
    fill = cv2.fillConvexPoly
    for group in groups:
        drawn, fixed = _back_to_front(whole, triangles, group, size)
        for index, polygon in zip((drawn + 1).tolist(), fixed, strict=True):
            fill(ids, polygon, index, cv2.LINE_8, _SHIFT)
    if camera.part:
        ids = ids[top : top + camera.size, left : left + camera.size].copy()
    return Layer(ids, triangles, screen)


def interpolate(layer: Layer, rows: I64, columns: I64, values: F32) -> F32:
    """Interpolate values at points to pixels, linearly in the image.

    Args:
        layer: the painted layer.
        rows: (p,) pixel rows, all covered.
        columns: (p,) pixel columns.
        values: (n, k) values at the points.

    Returns:
        (k, p) float32.
    """
    at = layer.ids[rows, columns] - 1
    # Most triangles are hidden or face away.
    drawn = np.bincount(at, minlength=len(layer.triangles)) > 0
    at = (np.cumsum(drawn) - 1)[at]
    triangles = layer.triangles[drawn]
    plane = _planes(layer.screen, triangles)
    first = np.ascontiguousarray(values[triangles[:, 0]].T)
    to_second = np.ascontiguousarray(values[triangles[:, 1]].T) - first
    to_third = np.ascontiguousarray(values[triangles[:, 2]].T) - first
    out = np.empty((values.shape[1], len(rows)), np.float32)
    # In blocks that fit into the processor's cache.
    for start in range(0, len(rows), _BLOCK):
        block = slice(start, start + _BLOCK)
        which = at[block]
        p = np.take(plane, which, axis=1, mode="clip")
        x, y = columns[block].astype(np.float32) + 0.5, rows[block].astype(np.float32) + 0.5
        second = p[0] * x
        second += p[1] * y
        second += p[2]
        np.minimum(np.maximum(second, 0.0, out=second), 1.0, out=second)
        third = p[3] * x
        third += p[4] * y
        third += p[5]
        np.minimum(np.maximum(third, 0.0, out=third), 1.0 - second, out=third)
        part = np.take(first, which, axis=1, mode="clip")
        step = np.take(to_second, which, axis=1, mode="clip")
        step *= second
        part += step
        np.take(to_third, which, axis=1, mode="clip", out=step)
        step *= third
        np.add(part, step, out=out[:, block])
    return out


def _planes(screen: F64, triangles: I64) -> F32:
    """Second and third barycentric coordinate as planes over the image: (6, m)."""
    a, b, c = (screen[triangles[:, k], :2] for k in range(3))
    u, v = b - a, c - a
    area = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    area = np.where(np.abs(area) < 1e-9, 1e-9, area)
    from_v, from_u = (w[:, 1] * a[:, 0] - w[:, 0] * a[:, 1] for w in (v, u))
    plane = np.stack([v[:, 1], -v[:, 0], -from_v, -u[:, 1], u[:, 0], from_u])
    return np.asarray(plane / area, np.float32)
