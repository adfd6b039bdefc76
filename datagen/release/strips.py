"""Strips of frames: some frames of a clip side by side, several clips below each other."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Image
from datagen.release.clips import Clip, Masks

__all__ = ["difference_of", "frames_shown", "sheet"]

_GAP = 2


def frames_shown(count: int, most: int) -> list[int]:
    """Return the numbers of the frames of a strip: all, or some spread over the clip.

    Args:
        count: Frames of the clip.
        most: Most frames to show.
    """
    found: list[int] = np.unique(np.linspace(0, count - 1, min(count, most)).astype(int)).tolist()
    return found


def sheet(clips: Sequence[Clip | Masks], frames: Sequence[int], side: int) -> Image:
    """Return clips below each other with the same frames of each side by side.

    Args:
        clips: Clips or masks, equally many frames each.
        frames: Numbers of the frames to show.
        side: Longer side of a frame in the sheet, in pixels.
    """
    return _joined([_joined([_small(clip[n], side) for n in frames], 1) for clip in clips], 0)


def difference_of(real: Clip, fake: Clip, gain: int) -> Clip:
    """Return how far two clips are apart, ``gain`` times as strong."""
    found = np.empty_like(fake)
    for frame, (one, other) in enumerate(zip(real, fake, strict=True)):  # large as 16-bit numbers
        found[frame] = np.minimum(np.abs(one.astype(np.int16) - other) * gain, 255)
    return found


def _small(frame: NDArray[np.uint8], side: int) -> Image:
    height, width = frame.shape[:2]
    scale = side / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST
    small = np.asarray(cv2.resize(frame, size, interpolation=how), np.uint8)
    return small if small.ndim == 3 else np.dstack([small] * 3)


def _joined(images: Sequence[Image], axis: int) -> Image:
    """Return images beside each other (axis 1) or below each other (axis 0), with a white gap."""
    shape = list(images[0].shape)
    shape[axis] = _GAP
    gap = np.full(shape, 255, np.uint8)
    parts = [part for image in images for part in (gap, image)][1:]
    return np.concatenate(parts, axis=axis)
