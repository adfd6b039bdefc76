"""Warps that move landmarks within a face, and the mask of what they change."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Landmarks, Mask
from datagen.faces import masks
from datagen.faces.geometry.outline import convex_hull, face_outline, face_width, forehead
from datagen.faces.geometry.warp import WarpMap, piecewise_map, surround, triangulate
from datagen.faces.pixels.blend import Region, region_around

__all__ = ["Motion", "motion", "motion_mask", "warp_field"]

_SPREAD = 1.2
_HELD = 32
_STILL = 0.0012
_FULL = 0.006
_GROW = 0.03
_SOFT = 0.025


class Motion(NamedTuple):
    """Displacements of points of a face.

    Attributes:
        corners: Points in the fake, ``(n, 2)`` float32; the first 68 are its landmarks.
        origins: The same points in the target.
        region: Region outside which nothing changes.
        triangles: Delaunay triangles of ``corners``, ``(k, 3)`` indices.
        unit: ``face_width`` of the target, in pixels.
    """

    corners: NDArray[np.float32]
    origins: NDArray[np.float32]
    region: Region
    triangles: NDArray[np.int32]
    unit: float


def motion(
    marks: Landmarks,
    moved: Landmarks,
    shape: tuple[int, ...],
    more: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None,
) -> Motion:
    """Move landmarks; everything beyond 1.2 times the face's outline stays fixed.

    Args:
        marks: Landmarks of the target.
        moved: Landmarks of the fake.
        shape: Shape of the image.
        more: Further points of the target and of the fake, ``(m, 2)`` each, placed after the
            landmarks.

    Raises:
        ItemError: ``method_failed`` when the face is outside the image.
    """
    rim = _along(convex_hull(np.concatenate([face_outline(marks, 0.9), marks])))
    center = rim.mean(axis=0)
    rim = (center + _SPREAD * (rim - center)).astype(np.float32)
    held = np.concatenate([forehead(marks, 0.5), rim])
    still, _ = surround(held, held)
    before, after = more or (marks[:0], marks[:0])
    corners = np.concatenate([moved, after, still]).astype(np.float32)
    origins = np.concatenate([marks, before, still]).astype(np.float32)
    unit = face_width(marks)
    region = region_around(np.concatenate([rim, moved]), shape, (_GROW + 3 * _SOFT) * unit + 2)
    return Motion(corners, origins, region, triangulate(corners), unit)


def _along(polygon: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return evenly spaced points along a polygon: a long side without points fixes nothing."""
    closed = np.concatenate([polygon, polygon[:1]]).astype(np.float64)
    way = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    steps = np.linspace(0, way[-1], _HELD, endpoint=False)
    walked = [np.interp(steps, way, closed[:, axis]) for axis in (0, 1)]
    return np.stack(walked, axis=1).astype(np.float32)


def warp_field(move: Motion) -> WarpMap:
    """Return the source coordinates of each pixel of the motion's region."""
    return piecewise_map(move.corners, move.origins, move.triangles, move.region)


def motion_mask(field: WarpMap, region: Region, unit: float) -> Mask:
    """Draw the mask of a warp: 0 where nothing moves, 255 where the shift is visible.

    Args:
        field: Source coordinates of pixels.
        region: Region of the field.
        unit: ``face_width``, the unit of shifts, in pixels.
    """
    away = np.hypot(
        field.x - np.arange(region.x0, region.x1, dtype=np.float32),
        field.y - np.arange(region.y0, region.y1, dtype=np.float32)[:, None],
    )
    share = (away / np.float32(unit) - _STILL) * np.float32(255 / (_FULL - _STILL))
    mask = np.clip(np.rint(share), 0, 255).astype(np.uint8)
    canvas = masks.canvas_for(region)
    small = cv2.resize(mask, (canvas.width, canvas.height), interpolation=cv2.INTER_AREA)
    grown = masks.dilate(np.asarray(small, np.uint8), _GROW * unit * canvas.scale)
    return masks.enlarge(masks.soften(grown, _SOFT * unit * canvas.scale), canvas)
