"""The soft square mask of insightface's paste-back, pixel for pixel, but faster.

The library draws the aligned square into the whole image, erodes it by a tenth of its side and
blurs it by a twentieth (``model_zoo/inswapper.py`` of insightface 2.1). Here it is drawn only in
the face's region. A large square away from the image's edges is a convex set whose rows are spans
of pixels: they are computed from the matrix, and no pixel is drawn before the blur.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Affine, Mask
from datagen.errors import ItemError
from datagen.faces.pixels.blend import Region

__all__ = ["soft_square"]

# A pixel above this level counts as covered; widths are fractions of the square's side.
_COVERED = 20
_ERODE, _MIN_ERODE = 10, 10
_BLUR, _MIN_BLUR = 20, 5

# Pixels of the blur's radius per pixel of the reduced resolution.
_STEPS = 10
# Side in pixels from which spans are used: they ignore hardly covered pixels, which shifts the
# edge by up to 20 / 255 of a pixel, less than one level of the mask under so wide a blur.
_WIDE = 600
_FLAT = 1e-12

Ends = NDArray[np.int64]


class _Spans(NamedTuple):
    """First and last pixel of each row of a region; first > last for an empty row."""

    first: Ends
    last: Ends


def soft_square(matrix: Affine, size: int, region: Region, inside: bool) -> Mask:
    """Return the soft square in a region.

    Args:
        matrix: Invertible affine matrix from the image to the aligned face.
        size: Side of the aligned face in pixels.
        region: Region that contains the visible part of the square, plus a pixel on each side.
        inside: Whether the square touches no edge of the image.

    Raises:
        ItemError: ``method_failed`` when less than two pixels of it are inside the region.
    """
    scale = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    if not inside or size < _WIDE * scale:
        return _drawn(matrix, size, region)
    spans = _covered(matrix, size, region)
    rows = np.flatnonzero(spans.first <= spans.last)
    if not len(rows):
        raise _outside()
    width = int(spans.last[rows].max() - spans.first[rows].min()) + 1
    side = _side(width, int(rows[-1] - rows[0]) + 1)
    shrunk = _shrunk(spans, max(side // _ERODE, _MIN_ERODE))
    radius = max(side // _BLUR, _MIN_BLUR)
    step = _step(radius)
    small = _filled(shrunk, region, step)
    return _enlarged(_blur(small, radius, step), (region.height, region.width), step, 0)


def _drawn(matrix: Affine, size: int, region: Region) -> Mask:
    """Compute the mask like the library, pixel by pixel; the image is continued by reflection."""
    back = np.asarray(cv2.invertAffineTransform(matrix), np.float64)
    back[:, 2] -= (region.x0, region.y0)
    # Not uint8: its rounding would move the edge, and erosion amplifies a single pixel.
    white = np.full((size, size), 255, np.float32)
    cover = cv2.warpAffine(white, back, (region.width, region.height), flags=cv2.INTER_LINEAR)
    covered = (cover > _COVERED).astype(np.uint8)
    _, _, width, height = cv2.boundingRect(covered)
    side = _side(width, height)
    # Hardly covered pixels are kept as they are, as in the library.
    square = np.maximum(covered * np.uint8(255), cover.astype(np.uint8))
    kernel = max(side // _ERODE, _MIN_ERODE)
    shrunk = cv2.erode(square, np.ones((kernel, kernel), np.uint8))
    radius = max(side // _BLUR, _MIN_BLUR)
    step = _step(radius)
    height, width = shrunk.shape
    edge = 0 if step == 1 else step * -(-radius // step)
    padded = cv2.copyMakeBorder(
        shrunk, edge, edge + -height % step, edge, edge + -width % step, cv2.BORDER_REFLECT_101
    )
    coarse = (padded.shape[1] // step, padded.shape[0] // step)
    small = cv2.resize(padded, coarse, interpolation=cv2.INTER_AREA).astype(np.float32)
    return _enlarged(_blur(small, radius, step), (height, width), step, edge)


def _side(width: int, height: int) -> int:
    if min(width, height) < 2:
        raise _outside()
    return int(np.sqrt((width - 1) * (height - 1)))


def _outside() -> ItemError:
    return ItemError("method_failed", "the aligned face is outside the image")


def _covered(matrix: Affine, size: int, region: Region) -> _Spans:
    """Return the pixels where the linear kernel gives a white square more than 20 of 255 levels."""
    threshold = _COVERED / 255
    y = np.arange(region.y0, region.y1, dtype=np.float64)
    low, high = np.full(len(y), float(region.x0)), np.full(len(y), float(region.x1 - 1))
    for slope, down, shift in matrix:
        # threshold - 1 < slope * x + at < size - threshold
        at = down * y + shift
        if abs(slope) < _FLAT:
            missed = (at <= threshold - 1) | (at >= size - threshold)
            low[missed], high[missed] = 1.0, 0.0
            continue
        ends = np.sort([(threshold - 1 - at) / slope, (size - threshold - at) / slope], axis=0)
        np.maximum(low, ends[0], out=low)
        np.minimum(high, ends[1], out=high)
    first, last = np.ceil(low).astype(np.int64), np.floor(high).astype(np.int64)
    # At a corner two soft edges overlap.
    for ends, way in ((first, 1), (last, -1)):
        rows = np.flatnonzero(first <= last)
        while len(rows):
            rows = rows[_cover(matrix, size, ends[rows], y[rows]) <= threshold]
            ends[rows] += way
            rows = rows[first[rows] <= last[rows]]
    return _Spans(first - region.x0, last - region.x0)


def _cover(matrix: Affine, size: int, x: Ends, y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of white under the linear kernel."""
    shares = np.ones(len(x))
    for slope, down, shift in matrix:
        at = slope * x + down * y + shift
        shares *= np.clip(np.minimum(at + 1, size - at), 0, 1)
    return shares


def _shrunk(spans: _Spans, kernel: int) -> _Spans:
    """Erode by a square, which is inside a convex set if its four corners are."""
    before = kernel // 2
    after = kernel - 1 - before
    outside = len(spans.first) + 10 * kernel + int(spans.last.max(initial=0))
    first = np.pad(spans.first, (before, after), constant_values=outside)
    last = np.pad(spans.last, (before, after), constant_values=-outside)
    count = len(spans.first)
    return _Spans(
        np.maximum(first[:count], first[kernel - 1 :]) + before,
        np.minimum(last[:count], last[kernel - 1 :]) - after,
    )


def _filled(spans: _Spans, region: Region, step: int) -> NDArray[np.float32]:
    """Return the share of each ``step`` x ``step`` cell that the spans fill, in 255ths."""
    cells = np.arange(-(-region.width // step), dtype=np.int16) * np.int16(step)
    limit = region.width + step
    first, last = (np.clip(ends, -1, limit).astype(np.int16)[:, None] for ends in spans)
    filled = np.minimum(last + np.int16(1), cells + np.int16(step))
    filled -= np.maximum(first, cells)
    np.maximum(filled, 0, out=filled)
    filled = np.pad(filled, ((0, -len(filled) % step), (0, 0)))
    rows = filled.reshape(-1, step, len(cells)).sum(axis=1, dtype=np.int32)
    return np.asarray(rows * np.float32(255 / step**2), np.float32)


def _step(radius: int) -> int:
    return max(1, radius // _STEPS)


def _blur(small: NDArray[np.float32], radius: int, step: int) -> NDArray[np.float32]:
    """Blur like OpenCV's Gaussian of ``2 * radius + 1`` pixels at full resolution."""
    deviation = 0.3 * (radius - 1) + 0.8
    # Averaging and enlarging also blur: their variances are (step^2 - 1) / 12 and twice that.
    left = np.sqrt(deviation**2 - (step**2 - 1) / 4) / step
    size = 2 * -(-radius // step) + 1
    return np.asarray(cv2.GaussianBlur(small, (size, size), left), np.float32)


def _enlarged(soft: NDArray[np.float32], shape: tuple[int, int], step: int, edge: int) -> Mask:
    if step > 1:
        full = (soft.shape[1] * step, soft.shape[0] * step)
        soft = np.asarray(cv2.resize(soft, full, interpolation=cv2.INTER_LINEAR), np.float32)
    soft = soft[edge : edge + shape[0], edge : edge + shape[1]]
    return np.asarray(cv2.convertScaleAbs(soft), np.uint8)
