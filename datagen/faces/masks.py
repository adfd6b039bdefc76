"""Masks with soft edges: drawn from polygons, deformed, dilated and feathered.

Everything here is drawn at a working size of about a hundred pixels and enlarged once at the
end: a mask with a soft edge has no detail that this would lose.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Mask
from datagen.faces.pixels.blend import Region

__all__ = [
    "Canvas",
    "canvas_for",
    "dilate",
    "elastic",
    "enlarge",
    "feather",
    "fill",
    "scale",
    "soften",
    "threshold",
]

Points = NDArray[np.float32]

_SUBPIXEL = 4


class Canvas(NamedTuple):
    """A small image of a region of the crop.

    Attributes:
        region: The region of the crop.
        width, height: Size of the small image in pixels.
    """

    region: Region
    width: int
    height: int

    @property
    def scale(self) -> float:
        """Canvas pixels per pixel of the crop."""
        return self.width / self.region.width

    def points(self, points: Points) -> Points:
        """Map ``(n, 2)`` points of the crop to the canvas."""
        factor = np.array(
            [self.width / self.region.width, self.height / self.region.height], np.float32
        )
        corner = np.array([self.region.x0, self.region.y0], np.float32)
        mapped: Points = (points - corner + 0.5) * factor - 0.5
        return mapped


def canvas_for(region: Region, size: int = 128) -> Canvas:
    """Choose a canvas whose longer side is at most ``size``; never larger than the region."""
    factor = min(1.0, size / max(region.width, region.height))
    return Canvas(
        region, max(2, round(region.width * factor)), max(2, round(region.height * factor))
    )


def fill(polygon: Points, canvas: Canvas) -> Mask:
    """Draw a polygon of the crop on the canvas: 255 inside, 0 outside."""
    drawn = np.zeros((canvas.height, canvas.width), np.uint8)
    fixed = np.rint(canvas.points(polygon) * (1 << _SUBPIXEL)).astype(np.int32)
    cv2.fillPoly(drawn, [fixed], (255,), lineType=cv2.LINE_8, shift=_SUBPIXEL)
    return drawn


def feather(mask: Mask, width: float) -> Mask:
    """Soften the edge of a binary mask inwards, so that the result stays inside it.

    The edge of the image is not an edge of the face and is not softened.

    Args:
        mask: Binary mask, 0 or 255.
        width: Distance from the edge to full strength, in pixels of ``mask``.
    """
    if mask.all():
        return mask  # no edge, and the distance to it would overflow
    distance = cv2.distanceTransform(mask, cv2.DIST_L2, cv2.DIST_MASK_5)
    ramp = cv2.convertScaleAbs(distance, alpha=255 / max(width, 1.0))
    return np.asarray(cv2.LUT(ramp, _SMOOTHSTEP), np.uint8)


def _smoothstep() -> NDArray[np.uint8]:
    t = np.arange(256, dtype=np.float32) / 255
    return np.rint(255 * t * t * (3 - 2 * t)).astype(np.uint8)


_SMOOTHSTEP = _smoothstep()


def elastic(mask: Mask, field: Sequence[Sequence[Sequence[float]]], amplitude: float) -> Mask:
    """Deform a mask by a smooth random field (Simard et al., ICDAR 2003, section 3).

    Args:
        mask: Mask at the working size; a smooth field needs no more pixels than that.
        field: ``(rows, columns, 2)`` displacements in units of ``amplitude``: a coarse grid
            over the mask, enlarged with a cubic kernel.
        amplitude: Unit of the displacements, in pixels of ``mask``.
    """
    height, width = mask.shape
    grid = np.asarray(field, np.float32) * np.float32(amplitude)
    shift = cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
    columns = shift[..., 0] + np.arange(width, dtype=np.float32)
    rows = shift[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    bent = cv2.remap(mask, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return np.asarray(bent, np.uint8)


def soften(mask: Mask, sigma: float) -> Mask:
    """Blur a mask with a Gaussian of ``sigma`` pixels of ``mask``, at least 0.3."""
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), max(sigma, 0.3)), np.uint8)


def dilate(mask: Mask, radius: float) -> Mask:
    """Dilate a mask by a disc of ``radius`` pixels of ``mask``, at least one."""
    side = 2 * max(1, round(radius)) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return np.asarray(cv2.dilate(mask, disc), np.uint8)


def threshold(mask: Mask, level: int) -> Mask:
    """Return 255 where ``mask`` is above ``level``, else 0."""
    return np.asarray(cv2.threshold(mask, level, 255, cv2.THRESH_BINARY)[1], np.uint8)


def scale(mask: Mask, ratio: float) -> Mask:
    """Scale a mask by ``ratio`` in [0, 1], rounded."""
    return np.asarray(cv2.convertScaleAbs(mask, alpha=ratio), np.uint8)


def enlarge(mask: Mask, canvas: Canvas) -> Mask:
    """Enlarge a mask from the canvas to the size of its region."""
    size = (canvas.region.width, canvas.region.height)
    if mask.shape == size[::-1]:
        return mask
    return np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_LINEAR), np.uint8)
