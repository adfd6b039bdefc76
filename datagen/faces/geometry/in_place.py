"""Controls: resampled like a fake, with nothing moved by more than half a pixel."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Affine, Image, Mask
from datagen.faces.geometry.warp import WarpMap, warp_pixels
from datagen.faces.pixels.blend import Region

__all__ = ["affine_map", "in_place", "resampled_in_place", "within_loss"]

_MAX_LOSS = 7.0  # root mean square, in 8-bit intensity levels: 31 dB


def in_place(field: WarpMap, region: Region) -> WarpMap:
    """Fold each displacement of a map into half a pixel.

    A kernel blurs by the distance of a source coordinate from the next whole pixel. The folded
    displacement has that same distance at every pixel, is continuous and stretches as much as the
    map does, so that one resampling along it loses what the map loses.

    Args:
        field: Source coordinates of each pixel of ``region``.
        region: Region of the image that the map fills.
    """
    columns = np.arange(region.x0, region.x1, dtype=np.float32)
    rows = np.arange(region.y0, region.y1, dtype=np.float32)[:, None]
    return WarpMap(columns + _folded(field.x - columns), rows + _folded(field.y - rows))


def resampled_in_place(
    image: Image, field: WarpMap, region: Region, mask: Mask, kernel: int = cv2.INTER_LANCZOS4
) -> Image:
    """Resample ``region`` of an image like a map does, with no more loss than a control may have.

    Args:
        image: The whole image.
        field: Source coordinates of each pixel of ``region``, in any image.
        region: Region of the image to return.
        mask: Where the loss counts, of the region's size.
        kernel: Interpolation of OpenCV, the one of the fake.
    """
    still = warp_pixels(image, in_place(field, region), kernel)
    return within_loss(still, np.ascontiguousarray(region.of(image)), mask)


def within_loss(still: Image, own: Image, mask: Mask) -> Image:
    """Mix a resampled image with its original until it loses no more than a control may.

    A face of few pixels would lose more, because all its detail is fine.
    """
    seen = np.where(mask > 0, 255, 0).astype(np.uint8)
    loss = cv2.norm(still, own, cv2.NORM_L2, seen) / np.sqrt(max(3 * cv2.countNonZero(seen), 1))
    if loss <= _MAX_LOSS:
        return still
    share = _MAX_LOSS / loss
    return np.asarray(cv2.addWeighted(still, share, own, 1 - share, 0), np.uint8)


def affine_map(affine: Affine, region: Region) -> WarpMap:
    """Return the map that ``warp_affine`` samples: the inverse of ``affine`` in ``region``."""
    back = cv2.invertAffineTransform(affine).astype(np.float32)
    x = np.arange(region.x0, region.x1, dtype=np.float32)
    y = np.arange(region.y0, region.y1, dtype=np.float32)[:, None]
    return WarpMap(*(row[0] * x + row[1] * y + row[2] for row in back))


def _folded(way: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a triangle wave of period 2: the identity within half a pixel, and 0 at 1."""
    near = way - 2 * np.rint(way / 2)
    return np.asarray(near - 2 * np.sign(near) * np.maximum(np.abs(near) - 0.5, 0), np.float32)
