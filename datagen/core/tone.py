"""Tone: whether an image is black and white, or toned, and how another is brought into its tone.

A fake of a black-and-white photograph must be black and white too: color alone would give it away.
The photograph itself may be stored in color: its channels differ by the noise of a scanner or an
encoder, or all of it is toned, as in sepia. Then color is a function of brightness.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Image
from datagen.core.images import is_gray

__all__ = ["Tone", "average_tone", "in_tone", "keep_tone", "tone_of"]

# Intensity levels by which color may differ from what brightness alone says, root mean square, of
# the image at 48 pixels: there the noise of encoders is below them, and every color photograph of
# the London set above 4.8. The second is for toned images, whose edges a lossy encoder blurs.
_NEUTRAL = 1.2
_TONED, _TONED_SHARE = 3.5, 0.2

_SIDE = 48
_KNOTS = 24
_DARK, _BRIGHT = 4, 252  # beyond, a channel is cut off, and color is no function any more
_MOST_INSIDE = 250  # of 255: the share of a block's pixels between them
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as OpenCV has it


@dataclass(frozen=True, slots=True)
class Tone:
    """The color of each brightness.

    Attributes:
        colors: RGB of each luma, ``(256, 3)`` float32.
    """

    colors: NDArray[np.float32]


_GRAY = Tone(np.repeat(np.arange(256, dtype=np.float32)[:, None], 3, axis=1))


def tone_of(image: Image) -> Tone | None:
    """Return the tone of a black-and-white or toned image, ``None`` for one in color."""
    if is_gray(image):
        return _GRAY
    tone, left, chroma = _fitted(_reduced(image))
    if left <= _NEUTRAL or (left <= _TONED and left <= _TONED_SHARE * chroma):
        return tone
    return None


def average_tone(image: Image, inside: NDArray[np.bool_] | None = None) -> Tone:
    """Return the average color of each brightness, of any image.

    Args:
        image: ``(height, width, 3)`` uint8.
        inside: The pixels that count; by default, or if there are too few, all.
    """
    pixels = image.reshape(-1, 3) if inside is None else image[inside]
    if len(pixels) < _KNOTS:
        pixels = image.reshape(-1, 3)
    return _fitted(pixels[:: max(len(pixels) // 4096, 1)].astype(np.float32))[0]


def in_tone(image: Image, tone: Tone) -> Image:
    """Return an image with its own brightness in the colors of a tone."""
    return _rounded(tone.colors[_luma(image)])


def keep_tone(image: Image, reference: Image, tone: Tone) -> Image:
    """Return an image in a tone, with what the reference's colors have beside it.

    Where both are equal, so is the result: the noise of the reference's color stays everywhere.

    Args:
        image: What was made of ``reference``.
        reference: An image of this tone.
        tone: See ``tone_of``.
    """
    beside = reference.astype(np.float32) - np.rint(tone.colors[_luma(reference)])
    return _rounded(np.rint(tone.colors[_luma(image)]) + beside)


def _luma(image: Image) -> Image:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)


def _rounded(values: NDArray[np.float32]) -> Image:
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)


def _reduced(image: Image) -> NDArray[np.float32]:
    """Return the pixels of the image at ``_SIDE``, without those in which a channel is cut off."""
    block = max(min(image.shape[:2]) // _SIDE, 1)
    height, width = (side // block for side in image.shape[:2])
    whole = image[: height * block, : width * block]
    small = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA).reshape(-1, 3)
    inside = cv2.inRange(whole, (0, 0, 0), (_BRIGHT, _BRIGHT, _BRIGHT))
    share = cv2.resize(inside, (width, height), interpolation=cv2.INTER_AREA).ravel()
    good = (share > _MOST_INSIDE) & (small.max(axis=1) > _DARK)
    return np.asarray(small[good] if good.sum() > 4 * _KNOTS else small, np.float32)


def _fitted(pixels: NDArray[np.float32]) -> tuple[Tone, float, float]:
    """Return the tone of pixels, what color has beside it (RMS), and the mean chroma."""
    luma = pixels @ _LUMA
    order = np.argsort(luma, kind="stable")
    luma, colors = luma[order], pixels[order]
    chroma = colors[:, ::2] - luma[:, None]  # of red and blue; that of green follows
    size = max(len(luma) // _KNOTS, 1)
    count = len(luma) // size
    knots = luma[: count * size].reshape(count, size).mean(axis=1)
    values = np.median(chroma[: count * size].reshape(count, size, 2), axis=1)
    left = chroma - np.column_stack([np.interp(luma, knots, values[:, n]) for n in (0, 1)])
    levels = np.arange(256, dtype=np.float32)
    red, blue = (np.interp(levels, knots, values[:, n]) for n in (0, 1))
    green = -(_LUMA[0] * red + _LUMA[2] * blue) / _LUMA[1]
    tone = Tone((levels[:, None] + np.column_stack([red, green, blue])).astype(np.float32))
    beside = float(np.sqrt(np.square(left).sum(axis=1).mean()))
    return tone, beside, float(np.abs(chroma).sum(axis=1).mean() / 2)
