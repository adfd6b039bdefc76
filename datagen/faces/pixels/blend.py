"""Compositing with the quantized mask that is released: where it is 0, no pixel changes."""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Image, Mask
from datagen.errors import ItemError

__all__ = ["Region", "expand", "paste", "region_around"]

_SMALLEST = 8


class Region(NamedTuple):
    """A rectangle of whole pixels inside an image; ``x1`` and ``y1`` are exclusive."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def width(self) -> int:
        """Width in pixels."""
        return self.x1 - self.x0

    @property
    def height(self) -> int:
        """Height in pixels."""
        return self.y1 - self.y0

    def of(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return the region of a whole-image array, as a view."""
        return array[self.y0 : self.y1, self.x0 : self.x1]


def region_around(points: NDArray[np.float32], shape: tuple[int, ...], margin: float) -> Region:
    """Return the bounding box of ``(n, 2)`` points, grown by ``margin`` pixels and clipped.

    Raises:
        ItemError: ``method_failed`` when fewer than 8 x 8 pixels are left in the image.
    """
    low = np.floor(points.min(axis=0) - margin).astype(int)
    high = np.ceil(points.max(axis=0) + margin).astype(int) + 1
    x0, y0 = (int(value) for value in np.maximum(low, 0))
    x1, y1 = (int(value) for value in np.minimum(high, (shape[1], shape[0])))
    if x1 - x0 < _SMALLEST or y1 - y0 < _SMALLEST:
        raise ItemError("method_failed", "the face is outside the image")
    return Region(x0, y0, x1, y1)


def expand(part: Mask, region: Region, shape: tuple[int, ...]) -> Mask:
    """Return a mask of the whole image that is ``part`` in a region and 0 elsewhere."""
    whole = np.zeros(shape[:2], np.uint8)
    region.of(whole)[...] = part
    return whole


def paste(target: Image, source: Image, mask: Mask, region: Region) -> Image:
    """Composite ``source`` over a region of a copy of ``target``.

    Args:
        target: The whole image; not written to.
        source: The image to insert, of the region's size.
        mask: Weight of ``source`` in 255ths, of the region's size. At 0 the target and at 255
            the source is copied exactly.
        region: Region of the target.
    """
    weight = mask.astype(np.float32)
    weight *= 1 / 255
    part = np.ascontiguousarray(region.of(target))
    fake = target.copy()
    region.of(fake)[...] = cv2.blendLinear(source, part, weight, 1 - weight)
    return fake
