"""Paste-back: an aligned face goes home into its image, in the face's region only."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Affine, Image, Mask
from datagen.errors import ItemError
from datagen.faces.pixels.blend import Region, expand
from datagen.networks.alignment.soft_square import soft_square

__all__ = ["box_mask", "map_back", "paste_back", "pasted_region"]

# Levels: a mask that is nowhere above is no mask.
_FAINT = 8
_FULL = 255
# Rows that are composited at once.
_BAND = 48
_FLAT = 1e-9


def pasted_region(matrix: Affine, size: int, shape: tuple[int, ...]) -> Region:
    """Return the rectangle of the image that the aligned square covers, with a pixel around.

    Args:
        matrix: From the image to the aligned face.
        size: Side of the aligned face in pixels.
        shape: Of the image.

    Raises:
        ItemError: ``method_failed`` when it lies outside, or the matrix cannot be inverted.
    """
    home, limit = _corners(matrix, size), np.array([shape[1], shape[0]], np.float64)
    x0, y0 = np.clip(np.floor(home.min(axis=0)) - 1, 0, limit)
    x1, y1 = np.clip(np.ceil(home.max(axis=0)) + 2, 0, limit)
    if x1 - x0 < 2 or y1 - y0 < 2:
        raise ItemError("method_failed", "the aligned face lies outside the image")
    return Region(int(x0), int(y0), int(x1), int(y1))


def map_back(face: Image | Mask, matrix: Affine, region: Region) -> Image | Mask:
    """Move an aligned image or mask to ``region`` of its image; 0 beyond its edge."""
    if face.ndim == 2:
        return _sent(face, matrix, region)
    # OpenCV moves four channels in half the time of three.
    four = np.asarray(cv2.cvtColor(face, cv2.COLOR_RGB2RGBA), np.uint8)
    return np.asarray(cv2.cvtColor(_sent(four, matrix, region), cv2.COLOR_RGBA2RGB), np.uint8)


def box_mask(matrix: Affine, size: int, region: Region) -> Mask:
    """Return the soft square of insightface's paste-back.

    The aligned square is eroded by a tenth of its side in the image and blurred by a twentieth.

    Args:
        matrix: From the image to the aligned face.
        size: Side of the aligned face in pixels.
        region: What ``pasted_region`` gives; a smaller one is taken for the whole image.

    Raises:
        ItemError: ``method_failed`` when less than two pixels of it lie in the region.
    """
    home = _corners(matrix, size)
    low, high = home.min(axis=0), home.max(axis=0)
    inside = low[0] > region.x0 and low[1] > region.y0
    inside = inside and high[0] < region.x1 - 1 and high[1] < region.y1 - 1
    return soft_square(matrix, size, region, bool(inside))


def paste_back(
    target: Image, face: Image, matrix: Affine, within: Mask | None = None
) -> tuple[Image, Mask]:
    """Return the image with ``face`` in it, and the mask of what was replaced.

    The pixels are those of insightface's own ``INSwapper.get(..., paste_back=True)`` but for
    rounding: the mask is the uint8 one that is released, and values are rounded, not cut.

    Args:
        target: ``(height, width, 3)``; not written to.
        face: The network's output, ``(size, size, 3)``.
        matrix: From the image to the aligned face.
        within: ``(size, size)`` mask in the aligned face that bounds what is replaced further.

    Raises:
        ItemError: ``method_failed`` when the face lies outside the image, or is so small that
            the mask has nothing left.
    """
    size = face.shape[0]
    region = pasted_region(matrix, size, target.shape)
    mask = box_mask(matrix, size, region)
    if within is not None:
        mask = np.minimum(mask, map_back(within, matrix, region))
    if mask.max() < _FAINT:
        raise ItemError(
            "method_failed", "the face is too small: the soft edge leaves nothing of it"
        )
    image = target.copy()
    _lay_over(region.of(image), map_back(face, matrix, region), mask)
    return image, expand(mask, region, target.shape)


def _sent(face: NDArray[Any], matrix: Affine, region: Region) -> NDArray[Any]:
    back = _inverse(matrix)
    back[:, 2] -= (region.x0, region.y0)
    size = (region.width, region.height)
    return np.asarray(cv2.warpAffine(face, back, size, flags=cv2.INTER_LINEAR), face.dtype)


def _lay_over(part: Image, home: Image, mask: Mask) -> None:
    """Composite into ``part`` as ``faces.blend.paste`` does, but copy where the mask is full.

    In bands of rows, so that little but the soft edge is blended even when the square is turned.
    """
    for top in range(0, mask.shape[0], _BAND):
        rows = slice(top, top + _BAND)
        for columns, full in _runs(mask[rows]):
            if full:
                part[rows, columns] = home[rows, columns]
                continue
            weight = mask[rows, columns].astype(np.float32)
            weight *= 1 / 255
            old, new = part[rows, columns], home[rows, columns]
            old[...] = cv2.blendLinear(new, old, weight, 1 - weight)


def _runs(band: Mask) -> list[tuple[slice, bool]]:
    """Return the columns of a band that a mask touches, and whether all of them are full."""
    seen = np.flatnonzero(cv2.reduce(band, 0, cv2.REDUCE_MAX))
    if not len(seen):
        return []
    first, last = int(seen[0]), int(seen[-1]) + 1
    full = np.flatnonzero(cv2.reduce(band, 0, cv2.REDUCE_MIN) == _FULL)
    start, stop = (int(full[0]), int(full[-1]) + 1) if len(full) else (0, 0)
    if stop - start > len(full) or start == stop:
        return [(slice(first, last), False)]
    runs = [(slice(first, start), False), (slice(start, stop), True), (slice(stop, last), False)]
    return [(columns, full) for columns, full in runs if columns.stop > columns.start]


def _corners(matrix: Affine, size: int) -> NDArray[np.float64]:
    """Return where the aligned square ends in the image, ``(4, 2)``."""
    back = _inverse(matrix)
    # The linear kernel reaches a pixel beyond the first and the last.
    square = np.array([[-1, -1], [size, -1], [-1, size], [size, size]], np.float64)
    return np.asarray(square @ back[:, :2].T + back[:, 2])


def _inverse(matrix: Affine) -> Affine:
    (a, b, _), (c, d, _) = matrix.tolist()
    if not np.isfinite(matrix).all() or abs(a * d - b * c) < _FLAT:
        raise ItemError("method_failed", "the alignment cannot be undone")
    return np.asarray(cv2.invertAffineTransform(matrix), np.float64)
