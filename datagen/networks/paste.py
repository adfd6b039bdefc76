"""Paste-back: an aligned face goes home into its picture, in the face's region only."""

from __future__ import annotations

import cv2
import numpy as np

from datagen.errors import ItemError
from datagen.faces.blend import Region, expand, paste
from datagen.types import Affine, Image, Mask

__all__ = ["box_mask", "home_region", "paste_back", "send_home"]

_WHITE = 20


def home_region(matrix: Affine, size: int, shape: tuple[int, ...]) -> Region:
    """Return the rectangle of the picture that the aligned square covers, with a pixel around.

    Raises:
        ItemError: ``method_failed`` when it lies outside.
    """
    back = cv2.invertAffineTransform(matrix)
    corners = np.array([[0, 0], [size, 0], [0, size], [size, size]], np.float64)
    home = corners @ back[:, :2].T + back[:, 2]
    low = np.maximum(np.floor(home.min(axis=0)).astype(int) - 1, 0)
    high = np.minimum(np.ceil(home.max(axis=0)).astype(int) + 2, [shape[1], shape[0]])
    if (high - low < 2).any():
        raise ItemError("method_failed", "the aligned face lies outside the picture")
    return Region(int(low[0]), int(low[1]), int(high[0]), int(high[1]))


def send_home(face: Image | Mask, matrix: Affine, region: Region) -> Image | Mask:
    """Move an aligned picture or mask to ``region`` of its picture; 0 beyond its edge."""
    back = np.asarray(cv2.invertAffineTransform(matrix), np.float64)
    back[:, 2] -= (region.x0, region.y0)
    size = (region.width, region.height)
    return np.asarray(cv2.warpAffine(face, back, size, flags=cv2.INTER_LINEAR), np.uint8)


def box_mask(matrix: Affine, size: int, region: Region) -> Mask:
    """Return the soft square of insightface's paste-back, for ``region`` alone.

    The aligned square is eroded by a tenth of its side in the picture and blurred by a twentieth.
    """
    square = send_home(np.full((size, size), 255, np.uint8), matrix, region)
    square[square > _WHITE] = 255
    rows, columns = (
        np.nonzero((square == 255).any(axis=1))[0],
        np.nonzero((square == 255).any(0))[0],
    )
    if not len(rows):
        raise ItemError("method_failed", "the aligned face lies outside the picture")
    side = int(np.sqrt(float(rows[-1] - rows[0]) * float(columns[-1] - columns[0])))
    kernel = max(side // 10, 10)
    blur = 2 * max(side // 20, 5) + 1
    shrunk = cv2.erode(square, np.ones((kernel, kernel), np.uint8))
    return np.asarray(cv2.GaussianBlur(shrunk, (blur, blur), 0), np.uint8)


def paste_back(
    target: Image, face: Image, matrix: Affine, within: Mask | None = None
) -> tuple[Image, Mask]:
    """Return the picture with ``face`` in it, and the mask of what was replaced.

    Args:
        target: ``(height, width, 3)``; not written to.
        face: The network's output, ``(size, size, 3)``.
        matrix: From the picture to the aligned face.
        within: ``(size, size)`` mask in the aligned face that bounds what is replaced further.

    Raises:
        ItemError: ``method_failed`` when the face lies outside the picture.
    """
    size = face.shape[0]
    region = home_region(matrix, size, target.shape)
    mask = box_mask(matrix, size, region)
    if within is not None:
        mask = np.minimum(mask, send_home(within, matrix, region))
    home = send_home(face, matrix, region)
    return paste(target, home, mask, region), expand(mask, region, target.shape)
