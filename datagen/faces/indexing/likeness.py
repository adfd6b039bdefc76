"""Whether two images are copies of each other: a hash proposes pairs, and their pixels decide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Affine, Image, Landmarks
from datagen.core.images import average_down, psnr
from datagen.faces.crop import shrink_for, take_crop
from datagen.faces.geometry.warp import similarity
from datagen.faces.landmarks import (
    LEFT_EYE,
    LEFT_MOUTH_CORNER,
    NOSE_TIP,
    RIGHT_EYE,
    RIGHT_MOUTH_CORNER,
)

__all__ = [
    "MIN_PSNR",
    "Thumbnails",
    "aligned",
    "alike",
    "marks",
    "may_be_alike",
    "same_face",
    "thumbnails",
]

MIN_PSNR = 30.0
"""From this PSNR in dB on, two images reduced to ``_SIDE`` pixels are copies."""

_SIDE = 128
_SAME_PLACE = 0.1  # of the face's width
_MARK_SIDE = 16
_MARK_PSNR = MIN_PSNR - 1  # for rounding to whole levels
# Both eyes, the tip of the nose and the corners of the mouth, from the subject's right to the left,
# as shares of the side. The eyes are a quarter of the side apart, so that the whole head is seen.
_TEMPLATE = np.array(
    [(0.375, 0.45), (0.625, 0.45), (0.5, 0.6), (0.395, 0.72), (0.605, 0.72)], np.float64
)

Thumbnails: TypeAlias = "tuple[Image, ...]"
"""An image reduced to ``_SIDE`` pixels: all of it, then aligned by each of its faces."""


_FINE = 2 * _SIDE  # then averaged, so that copies of other sizes do not alias differently


def aligned(image: Image, landmarks: Landmarks) -> Image:
    """Return the face at ``_SIDE`` pixels, moved onto the template by a similarity."""
    return _moved(image, _onto_template(landmarks))


def _onto_template(landmarks: Landmarks) -> Affine:
    return _similarity(landmarks, _TEMPLATE * (_FINE - 1))


def _moved(image: Image, matrix: Affine) -> Image:
    shrink = shrink_for(matrix)
    small = image if shrink == 1 else average_down(image, shrink)
    return average_down(take_crop(small, matrix, _FINE, shrink), 2)


def thumbnails(image: Image, faces: Sequence[Landmarks]) -> Thumbnails:
    """Return the image and each of its faces, reduced for the comparison."""
    whole = cv2.resize(image, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(whole, np.uint8), *(aligned(image, points) for points in faces)


def alike(first: Thumbnails, second: Thumbnails) -> bool:
    """Return whether the images are copies, or a face of one is that of the other.

    Two photographs of one person are far below ``MIN_PSNR``; a copy that was resized, encoded
    anew or cropped a little is above.
    """
    return _any_close(first, second, MIN_PSNR)


def same_face(
    first: Image, first_landmarks: Landmarks, second: Image, second_landmarks: Landmarks
) -> bool:
    """Return whether two faces are one face of one photograph.

    The second face is moved onto the first by all landmarks, which is less noisy than to move
    both onto a template. If these are too noisy, equal images with the face at one place decide.
    """
    matrix = _onto_template(first_landmarks)
    onto_first = np.vstack([similarity(second_landmarks, first_landmarks), [0, 0, 1]])
    one, other = _moved(first, matrix), _moved(second, matrix @ onto_first)
    if _close(one, other, MIN_PSNR):
        return True
    places = [
        (points.mean(axis=0) / image.shape[1::-1], np.ptp(points[:, 0]) / image.shape[1])
        for image, points in ((first, first_landmarks), (second, second_landmarks))
    ]
    (here, width), (there, _) = places
    near = bool(np.abs(here - there).max() <= _SAME_PLACE * max(width, 1e-9))
    return near and alike(thumbnails(first, ()), thumbnails(second, ()))


def marks(of: Thumbnails) -> Thumbnails:
    """Return the thumbnails reduced once more, small enough to be kept for many images."""
    side = (_MARK_SIDE, _MARK_SIDE)
    return tuple(
        np.asarray(cv2.resize(one, side, interpolation=cv2.INTER_AREA), np.uint8) for one in of
    )


def may_be_alike(first: Thumbnails, second: Thumbnails) -> bool:
    """Return whether the images of two marks may be ``alike``: averages differ less than pixels."""
    return _any_close(first, second, _MARK_PSNR)


def _any_close(first: Thumbnails, second: Thumbnails, least: float) -> bool:
    pairs = list(zip(first[:1], second[:1], strict=False))
    pairs += [(one, other) for one in first[1:] for other in second[1:]]
    return any(_close(one, other, least) for one, other in pairs)


def _close(one: Image, other: Image, least: float) -> bool:
    decibels = psnr(one, other)
    return decibels is None or decibels >= least


def _similarity(landmarks: Landmarks, goal: NDArray[np.float64]) -> Affine:
    """Return the similarity that maps five landmarks onto ``goal``, by least squares."""
    marks = landmarks.astype(np.float64)
    eyes = marks[RIGHT_EYE].mean(axis=0), marks[LEFT_EYE].mean(axis=0)
    five = np.stack([*eyes, marks[NOSE_TIP], marks[RIGHT_MOUTH_CORNER], marks[LEFT_MOUTH_CORNER]])
    z, w = five[:, 0] + 1j * five[:, 1], goal[:, 0] + 1j * goal[:, 1]
    centered, wanted = z - z.mean(), w - w.mean()
    spread = float(np.square(np.abs(centered)).sum())
    turn = complex((np.conj(centered) * wanted).sum()) / max(spread, 1e-9)
    shift = complex(w.mean()) - turn * complex(z.mean())
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])
