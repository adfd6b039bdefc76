"""Paste-back of an aligned face into its image, limited to the face's region."""

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

# A mask that is nowhere above this level counts as empty.
_FAINT = 8
_FULL = 255
# Number of rows that are composited at once.
_BAND = 48
_FLAT = 1e-9


def pasted_region(matrix: Affine, size: int, shape: tuple[int, ...]) -> Region:
    """Return the rectangle of the image that the aligned square covers, plus a pixel on each side.

    Args:
        matrix: Affine matrix from the image to the aligned face.
        size: Side of the aligned face in pixels.
        shape: Shape of the image.

    Raises:
        ItemError: ``method_failed`` when it is outside the image, or the matrix cannot be
            inverted.
    """
    home, limit = _corners(matrix, size), np.array([shape[1], shape[0]], np.float64)
    x0, y0 = np.clip(np.floor(home.min(axis=0)) - 1, 0, limit)
    x1, y1 = np.clip(np.ceil(home.max(axis=0)) + 2, 0, limit)
    if x1 - x0 < 2 or y1 - y0 < 2:
        raise ItemError("method_failed", "the aligned face is outside the image")
    return Region(int(x0), int(y0), int(x1), int(y1))


def map_back(face: Image | Mask, matrix: Affine, region: Region) -> Image | Mask:
    """Map an aligned image or mask to ``region`` of the original image; 0 beyond its edge."""
    if face.ndim == 2:
        return _mapped(face, matrix, region)
    # OpenCV warps four channels in half the time of three.
    four = np.asarray(cv2.cvtColor(face, cv2.COLOR_RGB2RGBA), np.uint8)
    return np.asarray(cv2.cvtColor(_mapped(four, matrix, region), cv2.COLOR_RGBA2RGB), np.uint8)


def box_mask(matrix: Affine, size: int, region: Region) -> Mask:
    """Return the soft square of insightface's paste-back.

    The aligned square is eroded by a tenth of its side in the image and blurred by a twentieth.

    Args:
        matrix: Affine matrix from the image to the aligned face.
        size: Side of the aligned face in pixels.
        region: Region from ``pasted_region``; a smaller one counts as the whole image.

    Raises:
        ItemError: ``method_failed`` when less than two pixels of it are inside the region.
    """
    home = _corners(matrix, size)
    low, high = home.min(axis=0), home.max(axis=0)
    inside = low[0] > region.x0 and low[1] > region.y0
    inside = inside and high[0] < region.x1 - 1 and high[1] < region.y1 - 1
    return soft_square(matrix, size, region, bool(inside))


def paste_back(
    target: Image, face: Image, matrix: Affine, within: Mask | None = None
) -> tuple[Image, Mask]:
    """Return the image with ``face`` pasted in, and the mask of what was replaced.

    The pixels are those of insightface's ``INSwapper.get(..., paste_back=True)`` except for
    rounding: the mask is the released uint8 mask, and values are rounded instead of truncated.

    Args:
        target: Image, ``(height, width, 3)``; not written to.
        face: Output of the network, ``(size, size, 3)``.
        matrix: Affine matrix from the image to the aligned face.
        within: Further mask in the aligned face that limits what is replaced, ``(size, size)``.

    Raises:
        ItemError: ``method_failed`` when the face is outside the image, or so small that the
            mask is empty.
    """
    size = face.shape[0]
    region = pasted_region(matrix, size, target.shape)
    mask = box_mask(matrix, size, region)
    if within is not None:
        mask = np.minimum(mask, map_back(within, matrix, region))
    if mask.max() < _FAINT:
        raise ItemError(
            "method_failed", "the face is too small: its soft edge leaves an empty mask"
        )
    image = target.copy()
    _composite(region.of(image), map_back(face, matrix, region), mask)
    return image, expand(mask, region, target.shape)


def _mapped(face: NDArray[Any], matrix: Affine, region: Region) -> NDArray[Any]:
    back = _inverse(matrix)
    back[:, 2] -= (region.x0, region.y0)
    size = (region.width, region.height)
    return np.asarray(cv2.warpAffine(face, back, size, flags=cv2.INTER_LINEAR), face.dtype)


def _composite(part: Image, new: Image, mask: Mask) -> None:
    """Composite into ``part`` as ``blend.paste`` does, but copy where the mask is full.

    In bands of rows, so that little more than the soft edge is blended even if the square is
    rotated.
    """
    for top in range(0, mask.shape[0], _BAND):
        rows = slice(top, top + _BAND)
        for columns, full in _runs(mask[rows]):
            if full:
                part[rows, columns] = new[rows, columns]
                continue
            weight = mask[rows, columns].astype(np.float32)
            weight *= 1 / 255
            old = part[rows, columns]
            old[...] = cv2.blendLinear(new[rows, columns], old, weight, 1 - weight)


def _runs(band: Mask) -> list[tuple[slice, bool]]:
    """Return runs of columns of a band that the mask covers, and whether each run is full."""
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
    """Return the corners of the aligned square in the image, ``(4, 2)``."""
    back = _inverse(matrix)
    # The linear kernel extends one pixel beyond the first and the last.
    square = np.array([[-1, -1], [size, -1], [-1, size], [size, size]], np.float64)
    return np.asarray(square @ back[:, :2].T + back[:, 2])


def _inverse(matrix: Affine) -> Affine:
    (a, b, _), (c, d, _) = matrix.tolist()
    if not np.isfinite(matrix).all() or abs(a * d - b * c) < _FLAT:
        raise ItemError("method_failed", "the alignment matrix cannot be inverted")
    return np.asarray(cv2.invertAffineTransform(matrix), np.float64)
