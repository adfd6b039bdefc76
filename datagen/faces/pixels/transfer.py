"""Color transfer of histograms and covariances."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Image, Mask
from datagen.faces.pixels.color import anchored, bounded_shift

__all__ = ["match_covariance", "match_histograms"]

_LEVELS = np.arange(256.0)
_MIN_SLOPE = (0.6, 0.5, 0.5)
_MAX_SLOPE = (1.5, 1.15, 1.15)
_MIN_AXIS, _MAX_AXIS = 0.5, 1.5
_MAX_CROSS = 0.1
_MAX_COLOR = 1.15
_SMOOTH = 6.0


def match_histograms(source: Image, target: Image, mask: Mask, strength: float) -> Image:
    """Transfer the histogram of each Lab channel from one face to another.

    The cumulative histograms under the mask are matched. The curve is smooth, its slope is
    bounded and it shifts the mean no further than ``reinhard`` does, so that a gap in a histogram
    does not become a step in the skin; beyond the skin's tones the lightness runs to black and
    near white.

    Args:
        source: Image to recolor, ``(height, width, 3)`` uint8.
        target: Image that provides the colors, of the same size.
        mask: Pixels that are measured in both; all of ``source`` is recolored. If it is empty,
            nothing changes.
        strength: 0 = unchanged, except for a difference too large to pass for different light
            on the same skin; 1 = the target's distribution.

    References:
        Gonzalez and Woods, Digital image processing, 2008, section 3.3.2.
    """
    if not mask.any():
        return source
    own = np.asarray(cv2.cvtColor(source, cv2.COLOR_RGB2LAB), np.uint8)
    wanted = np.asarray(cv2.cvtColor(target, cv2.COLOR_RGB2LAB), np.uint8)
    ours, theirs = (_histograms(lab, mask) for lab in (own, wanted))
    means, want_means = ours @ _LEVELS, theirs @ _LEVELS
    shift, left = bounded_shift(means, want_means, strength)
    curves = []
    for channel in range(3):
        bent = _bent(ours[channel], theirs[channel], channel)
        bent -= ours[channel] @ bent
        plain = _LEVELS - means[channel]
        moved = means[channel] + shift[channel] - left[channel]
        curves.append(moved + plain + strength * (bent - plain))
    deviation = float(np.sqrt(ours[0] @ np.square(_LEVELS - means[0])))
    curves[0] = anchored(curves[0], float(means[0]), deviation)
    table = np.clip(np.rint(np.stack(curves, axis=1)), 0, 255).astype(np.uint8)[:, None]
    return np.asarray(cv2.cvtColor(cv2.LUT(own, table), cv2.COLOR_LAB2RGB), np.uint8)


def _histograms(lab: Image, mask: Mask) -> NDArray[np.float64]:
    """Return the share of each level in each channel, ``(3, 256)``."""
    counts = [cv2.calcHist([lab], [channel], mask, [256], [0, 256]) for channel in range(3)]
    share = np.stack([np.asarray(count, np.float64).ravel() for count in counts])
    share /= share.sum(axis=1, keepdims=True)
    return share


def _bent(
    ours: NDArray[np.float64], theirs: NDArray[np.float64], channel: int
) -> NDArray[np.float64]:
    """Match two histograms of one channel by a smooth curve of bounded slope that starts at 0."""
    ours, theirs = (_smooth(share) for share in (ours, theirs))
    rank = np.cumsum(ours) - ours / 2
    quantiles = np.cumsum(theirs) - theirs / 2 + 1e-9 * _LEVELS
    wanted = np.interp(rank, quantiles, _LEVELS)
    slope = np.clip(np.diff(wanted), _MIN_SLOPE[channel], _MAX_SLOPE[channel])
    return np.concatenate([[0.0], np.cumsum(slope)])


def _smooth(share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Blur a histogram, reflected at black and white, so that its sum stays 1."""
    soft = cv2.GaussianBlur(share[None], (0, 0), _SMOOTH, borderType=cv2.BORDER_REFLECT)
    return np.asarray(soft, np.float64).ravel()


def match_covariance(source: Image, target: Image, mask: Mask, strength: float) -> Image:
    """Transfer the mean and covariance of Lab colors from one face to another.

    The linear Monge-Kantorovich map under the mask: of all maps from one Gaussian distribution
    to the other, it displaces colors least. Its scaling is bounded, and so is the share of
    lightness that may become color, which would otherwise show in pupils and teeth. The shift
    and the ends of the lightness curve are bounded as in ``reinhard``.

    Args:
        source: Image to recolor, ``(height, width, 3)`` uint8.
        target: Image that provides the colors, of the same size.
        mask: Pixels that are measured in both; all of ``source`` is recolored. If it is empty,
            nothing changes.
        strength: 0 = unchanged, except for a difference too large to pass for different light
            on the same skin; 1 = the target's mean and covariance.

    References:
        Pitie and Kokaram, The linear Monge-Kantorovitch linear colour mapping for example-based
        colour transfer, CVMP 2007.
    """
    if not mask.any():
        return source
    own = np.asarray(cv2.cvtColor(source, cv2.COLOR_RGB2LAB), np.uint8)
    wanted = np.asarray(cv2.cvtColor(target, cv2.COLOR_RGB2LAB), np.uint8)
    mean, spread = _moments(own, mask)
    want_mean, want_spread = _moments(wanted, mask)
    linear = np.eye(3) + strength * (_monge(spread, want_spread) - np.eye(3))
    shift, left = bounded_shift(mean, want_mean, strength)
    goal = mean + shift - left
    deviation = float(np.sqrt(spread[0, 0]))
    near = np.clip(_LEVELS - mean[0], -1.5 * deviation, 1.5 * deviation)
    bright = anchored(goal[0] + linear[0, 0] * (_LEVELS - mean[0]), float(mean[0]), deviation)
    # the table holds lightness, both centered color channels, and lightness that may become color
    rows = np.stack([bright, _LEVELS - mean[1], _LEVELS - mean[2], near], axis=1)
    table = rows.astype(np.float32)[:, None]
    planes = cv2.LUT(np.asarray(cv2.merge([*cv2.split(own), own[..., 0]])), table)
    matrix = np.zeros((3, 5))
    matrix[0, 0] = 1
    matrix[:, 1:3] = linear[:, 1:]
    matrix[1:, 3], matrix[1:, 4] = linear[1:, 0], goal[1:]
    made = cv2.transform(planes, matrix)
    made = cv2.addWeighted(made, 1, made, 0, 0, dtype=cv2.CV_8U)
    return np.asarray(cv2.cvtColor(made, cv2.COLOR_LAB2RGB), np.uint8)


def _moments(lab: Image, mask: Mask) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and covariance under the mask, of every fourth pixel; no variance is 0."""
    thin = mask[::2, ::2] > 0
    pixels = (lab[::2, ::2][thin] if thin.any() else lab[mask > 0]).astype(np.float64)
    mean = pixels.mean(axis=0)
    away = pixels - mean
    return mean, away.T @ away / len(pixels) + np.eye(3)


def _monge(spread: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the bounded symmetric matrix that maps one covariance to the other."""
    root = _root(spread, 0.5)
    undo = _root(spread, -0.5)
    values, axes = np.linalg.eigh(undo @ _root(root @ wanted @ root, 0.5) @ undo)
    linear = (axes * np.clip(values, _MIN_AXIS, _MAX_AXIS)) @ axes.T
    linear[0, 1:] = linear[1:, 0] = np.clip(linear[0, 1:], -_MAX_CROSS, _MAX_CROSS)
    values, axes = np.linalg.eigh(linear[1:, 1:])
    linear[1:, 1:] = (axes * np.minimum(values, _MAX_COLOR)) @ axes.T
    return np.asarray(linear, np.float64)


def _root(matrix: NDArray[np.float64], power: float) -> NDArray[np.float64]:
    values, axes = np.linalg.eigh(matrix)
    raised: NDArray[np.float64] = (axes * np.maximum(values, 1e-6) ** power) @ axes.T
    return raised
