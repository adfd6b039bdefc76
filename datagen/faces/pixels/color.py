"""Color transfer between two faces, and linear color changes of one."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Image, Mask

__all__ = [
    "anchored",
    "bounded_shift",
    "color_matrix",
    "match_light",
    "recolor",
    "reinhard",
    "resharpen",
]

_COARSE = 8
_MIN_STRETCH = np.array([0.6, 0.5, 0.5])
_MAX_STRETCH = np.array([1.5, 1.15, 1.15])
_MIN_WHITE = 200
_MAX_SHIFT = np.array([120.0, 30.0, 40.0])
_MAX_LEFT = np.array([6.0, 1.5, 2.0])


def reinhard(source: Image, target: Image, mask: Mask, strength: float) -> Image:
    """Transfer the mean and standard deviation of each Lab channel from one face to another.

    The scaling is bounded, so that a flat or black image cannot amplify the other; for the
    color channels tightly, because it turns shadows on the skin into colored patches. The shift
    is limited to the largest difference between two lit faces. More than one standard deviation
    below the mean lightness the curve runs straight to black, and more than 1.5 above it
    straight to near white: pupils, brows, teeth and highlights keep their contrast when the skin
    becomes much lighter or darker.

    Args:
        source: Image to recolor, ``(height, width, 3)`` uint8.
        target: Image that provides the colors, of the same size.
        mask: Pixels that are measured in both; all of ``source`` is recolored.
        strength: 0 = unchanged, 1 = the target's mean and deviation. The remaining difference
            of the means is at most what passes for different light on the same skin.

    References:
        Reinhard et al., Color transfer between images, CG&A 2001, equations 10 and 11.
    """
    own = np.asarray(cv2.cvtColor(source, cv2.COLOR_RGB2LAB), np.uint8)
    mean, deviation = _statistics(own, mask)
    thin = np.ascontiguousarray(target[::2, ::2])
    wanted = np.asarray(cv2.cvtColor(thin, cv2.COLOR_RGB2LAB), np.uint8)
    want_mean, want_deviation = _statistics(wanted, np.ascontiguousarray(mask[::2, ::2]))
    stretch = (want_deviation + 1) / (deviation + 1)
    stretch = np.clip(stretch, _MIN_STRETCH, _MAX_STRETCH)
    shift, left = bounded_shift(mean, want_mean, strength)
    stretch = 1 + strength * (stretch - 1)
    levels = np.arange(256)[:, None]
    curve = (levels - mean) * stretch + mean + shift - left
    curve[:, 0] = anchored(curve[:, 0], mean[0], deviation[0])
    table = np.clip(np.rint(curve), 0, 255).astype(np.uint8)[:, None]
    return np.asarray(cv2.cvtColor(cv2.LUT(own, table), cv2.COLOR_LAB2RGB), np.uint8)


def bounded_shift(
    mean: NDArray[np.float64], wanted: NDArray[np.float64], strength: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the bounded difference of two Lab means, and the part of it that ``strength`` leaves.

    The first is at most the largest difference between two lit faces, the second at most what
    passes for different light on the same skin.
    """
    shift = np.clip(wanted - mean, -_MAX_SHIFT, _MAX_SHIFT)
    return shift, np.clip((1 - strength) * shift, -_MAX_LEFT, _MAX_LEFT)


def anchored(curve: NDArray[np.float64], mean: float, deviation: float) -> NDArray[np.float64]:
    """Continue a curve of 256 lightness values to black and near white beyond the skin's tones.

    Args:
        curve: New value of each level; kept from one standard deviation below to 1.5 above the
            mean.
        mean: Mean lightness of the image that is recolored.
        deviation: Standard deviation of its lightness.
    """
    low, high = max(mean - deviation, 1.0), min(mean + 1.5 * deviation, 254.0)
    levels = np.arange(256)
    at_low, at_high = np.interp([low, high], levels, curve).clip(0, 255)
    white = np.clip(curve[255], _MIN_WHITE, 255)
    knees = np.interp(levels, [0, low, high, 255], [0, at_low, at_high, white])
    return np.where((levels < low) | (levels > high), knees, curve)


def match_light(source: Image, target: Image, mask: Mask, reach: float, strength: float) -> Image:
    """Transfer the low-frequency light and shade of one face to another, and keep its detail.

    The difference of the two, averaged under the mask over about ``reach`` pixels (normalized
    convolution: Knutsson and Westin, CVPR 1993), is added. Global statistics cannot transfer
    light that varies over the face.

    Args:
        source: Image to change, ``(height, width, 3)`` uint8.
        target: Image that provides the light, of the same size.
        mask: Pixels that are compared.
        reach: Standard deviation of the average, in pixels.
        strength: 0 = unchanged, 1 = the target's light.
    """
    height, width = mask.shape
    small = (max(1, width // _COARSE), max(1, height // _COARSE))
    weight = cv2.resize(mask, small, interpolation=cv2.INTER_AREA).astype(np.float32) + 1e-3
    ours = cv2.resize(source, small, interpolation=cv2.INTER_AREA)
    theirs = cv2.resize(target, small, interpolation=cv2.INTER_AREA)
    difference = cv2.subtract(theirs, ours, dtype=cv2.CV_32F) * weight[..., None]
    sigma = max(reach / _COARSE, 0.5)
    total = np.asarray(cv2.GaussianBlur(weight, (0, 0), sigma), np.float32)
    mean = np.asarray(cv2.GaussianBlur(difference, (0, 0), sigma), np.float32)
    mean *= strength / total[..., None]
    change = cv2.resize(mean, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.add(source, change, dtype=cv2.CV_8U), np.uint8)


def _statistics(lab: Image, mask: Mask) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    mean, deviation = cv2.meanStdDev(lab, mask=mask)
    return np.asarray(mean, np.float64)[:, 0], np.asarray(deviation, np.float64)[:, 0]


def color_matrix(
    rgb: tuple[float, float, float],
    hue: float,
    saturation: float,
    contrast: float,
    brightness: float,
) -> NDArray[np.float32]:
    """Combine color changes into one affine matrix of RGB, so that they are rounded only once.

    Args:
        rgb: Offset of each channel, in 8-bit intensity levels.
        hue: Rotation about the gray axis, in degrees.
        saturation: Factor on the distance from gray.
        contrast: Factor on the distance from mid-gray.
        brightness: Offset of all channels, as a share of the full range.

    Returns:
        ``(3, 4)`` float32 for ``recolor``.
    """
    cosine, sine = np.cos(np.radians(hue)), np.sin(np.radians(hue)) / np.sqrt(3)
    along = np.full((3, 3), 1 / 3)
    across = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]])
    turn = along + cosine * (np.eye(3) - along) + sine * across
    gray = np.tile([0.299, 0.587, 0.114], (3, 1))
    linear = contrast * (gray + saturation * (np.eye(3) - gray)) @ turn
    offset = np.array(rgb) + 255 * brightness + 127.5 * (1 - contrast)
    return np.concatenate([linear, offset[:, None]], axis=1).astype(np.float32)


def recolor(image: Image, matrix: NDArray[np.float32]) -> Image:
    """Apply a ``(3, 4)`` affine matrix to RGB, clipped to [0, 255]."""
    return np.asarray(cv2.transform(image, matrix), np.uint8)


def resharpen(image: Image, sharpness: float, kernel: int = cv2.INTER_AREA) -> Image:
    """Sharpen or soften an image.

    Args:
        image: ``(height, width, 3)`` uint8; not written to.
        sharpness: > 0: amount of unsharp masking with a 3 x 3 binomial filter; < 0: the
            image is reduced by ``1 - sharpness`` and enlarged again; 0: returned unchanged.
        kernel: Interpolation of OpenCV by which it is reduced.
    """
    if sharpness > 0:
        soft = cv2.GaussianBlur(image, (3, 3), 0)
        return np.asarray(cv2.addWeighted(image, 1 + sharpness, soft, -sharpness, 0), np.uint8)
    if sharpness < 0:
        height, width = image.shape[:2]
        factor = 1 - sharpness
        small = (max(1, round(width / factor)), max(1, round(height / factor)))
        reduced = cv2.resize(image, small, interpolation=kernel)
        enlarged = cv2.resize(reduced, (width, height), interpolation=cv2.INTER_LINEAR)
        return np.asarray(enlarged, np.uint8)
    return image
