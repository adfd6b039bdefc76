"""Moving landmarks within a face: the warp, its true mask, and its way back."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Image, Landmarks, Mask
from datagen.faces import masks
from datagen.faces.geometry.outline import convex_hull, face_outline, face_width, forehead
from datagen.faces.geometry.warp import WarpMap, piecewise_map, surround, triangulate, warp_pixels
from datagen.faces.pixels.blend import Region, region_around

__all__ = ["Motion", "motion", "motion_mask", "there_and_back", "warp_field"]

_SPREAD = 1.2
_HELD = 32
_ONLY = 0.6
_STILL = 0.0012
_FULL = 0.006
_GROW = 0.03
_SOFT = 0.025


class Motion(NamedTuple):
    """Where points of a face go.

    Attributes:
        corners: ``(n, 2)`` float32, in the fake; the first 68 are its landmarks.
        origins: The same points in the target.
        region: All that may change.
        triangles: ``(k, 3)``, Delaunay of ``corners``.
        unit: ``face_width`` of the target.
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
    """Move landmarks, with everything from a fifth beyond the face's outline on held still.

    Args:
        marks: The target's points.
        moved: Where they go.
        shape: Of the image.
        more: ``(m, 2)`` further points, and where they go; they follow the landmarks.

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
    """Walk around a polygon in even steps: a long side without points holds nothing still."""
    closed = np.concatenate([polygon, polygon[:1]]).astype(np.float64)
    way = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    steps = np.linspace(0, way[-1], _HELD, endpoint=False)
    walked = [np.interp(steps, way, closed[:, axis]) for axis in (0, 1)]
    return np.stack(walked, axis=1).astype(np.float32)


def warp_field(move: Motion) -> WarpMap:
    """Return where each pixel of the motion's region comes from."""
    return piecewise_map(move.corners, move.origins, move.triangles, move.region)


def motion_mask(field: WarpMap, region: Region, unit: float) -> Mask:
    """Draw what a warp changes: 0 where nothing moves, 255 from a visible shift on.

    Args:
        field: Where pixels come from.
        region: Where the field lies.
        unit: ``face_width``, which the shifts are measured by.
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


def there_and_back(image: Image, move: Motion) -> Image:
    """Move each point by a fraction of a pixel the way of the motion, and back again.

    Returns:
        What then lies in the region: the target, resampled twice, nothing moved.
    """
    way = move.corners - move.origins
    length = np.linalg.norm(way, axis=1, keepdims=True)
    step = (way * np.minimum(1, _ONLY / np.maximum(length, 1e-6))).astype(np.float32)
    goal = move.origins + step
    triangles = triangulate(move.origins)
    region = move.region
    out = piecewise_map(goal, move.origins, triangles, region)
    away = image.copy()
    region.of(away)[...] = warp_pixels(image, out)
    back = piecewise_map(move.origins, goal, triangles, region)
    return np.asarray(
        cv2.remap(away, back.x, back.y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101),
        np.uint8,
    )
