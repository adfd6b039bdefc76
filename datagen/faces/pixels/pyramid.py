"""Multi-band blending: coarse structure over a wide seam, fine structure over a narrow one."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Image, Mask

__all__ = ["blend_bands"]

_SMALLEST = 8
_COARSE = 4


def blend_bands(source: Image, target: Image, mask: Mask, levels: int) -> Image:
    """Blend two images by their Laplacian pyramids.

    The pyramid is linear, so one pyramid of the difference is enough. Outside the mask the
    difference is extrapolated from inside, so that the donor's hair or background beside the seam
    does not enter the coarse bands, which would spread it into the face.

    Args:
        source: Image to insert, ``(height, width, 3)`` uint8.
        target: Image to insert it into, of the same size.
        mask: Weight of ``source`` in 255ths. Far inside, the source is copied; far outside, the
            target.
        levels: Number of bands above the coarsest. The seam of the coarsest band is about
            ``2 ** (levels + 1)`` pixels wide; an image under 8 pixels is not halved again.

    References:
        Burt and Adelson, A multiresolution spline with application to image mosaics, ACM TOG
        1983.
    """
    difference = np.asarray(cv2.subtract(source, target, dtype=cv2.CV_32F), np.float32)
    bands = [_continued(difference, mask)]
    weights = [mask.astype(np.float32) / 255]
    while len(bands) <= levels and min(bands[-1].shape[:2]) >= 2 * _SMALLEST:
        smaller = np.asarray(cv2.pyrDown(bands[-1]), np.float32)
        bands[-1] -= _doubled(smaller, bands[-1])
        bands.append(smaller)
        weights.append(np.asarray(cv2.pyrDown(weights[-1]), np.float32))
    for band, weight in zip(bands, weights, strict=True):
        band *= weight[..., None]
    total = bands.pop()
    for band in reversed(bands):
        total = _doubled(total, band) + band
    return np.asarray(cv2.add(target, total, dtype=cv2.CV_8U), np.uint8)


def _doubled(small: NDArray[np.float32], like: NDArray[np.float32]) -> NDArray[np.float32]:
    height, width = like.shape[:2]
    return np.asarray(cv2.pyrUp(small, dstsize=(width, height)), np.float32)


def _continued(difference: NDArray[np.float32], mask: Mask) -> NDArray[np.float32]:
    """Replace the difference outside the mask by the mean of nearby pixels inside it.

    Normalized convolution (Knutsson and Westin, CVPR 1993) at a quarter of the size; the
    standard deviation of its kernel is a twelfth of the image's longer side.
    """
    height, width = mask.shape
    small = (max(1, width // _COARSE), max(1, height // _COARSE))
    weight = cv2.resize(mask, small, interpolation=cv2.INTER_AREA).astype(np.float32)
    thin = cv2.resize(difference, small, interpolation=cv2.INTER_AREA).reshape(*weight.shape, 3)
    sigma = max(small) / 12
    total = np.asarray(cv2.GaussianBlur(weight, (0, 0), sigma), np.float32)[..., None]
    mean = np.asarray(cv2.GaussianBlur(thin * weight[..., None], (0, 0), sigma), np.float32)
    mean /= np.maximum(total, 1e-3)
    outside = cv2.resize(mean, (width, height), interpolation=cv2.INTER_LINEAR)
    inside = mask.astype(np.float32) / 255
    return np.asarray(cv2.blendLinear(difference, outside, inside, 1 - inside), np.float32)
