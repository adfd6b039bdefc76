"""Alignment and paste-back of a face whose aligned square may extend beyond the image.

A crop around a face is often smaller than the square that a network expects. The missing part is
filled by reflection, as in FFHQ (Karras et al., CVPR 2019), so that nothing black is pasted back
along the image's edge and the square's soft edge is the same everywhere.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from datagen.core.arrays import Affine, Image, Landmarks, Mask
from datagen.errors import ItemError
from datagen.faces.geometry.outline import check_face
from datagen.networks.alignment.align import align_matrix, take_aligned
from datagen.networks.alignment.paste import paste_back
from datagen.weights import FaceInput

__all__ = ["Aligned", "align_face", "paste_aligned"]


class Aligned(NamedTuple):
    """A face, aligned for a network.

    Attributes:
        image: The image, padded by reflection.
        pad: Width of the padding in pixels; 0 where the square is inside the image.
        matrix: Affine matrix from ``image`` to ``face``.
        landmarks: Landmarks in pixels of ``face``.
        face: Aligned face, ``(size, size, 3)`` uint8.
    """

    image: Image
    pad: int
    matrix: Affine
    landmarks: Landmarks
    face: Image


def align_face(image: Image, landmarks: Landmarks, how: FaceInput) -> Aligned:
    """Align a face.

    Raises:
        ItemError: ``method_failed`` when the landmarks do not span a face.
    """
    check_face(landmarks)
    matrix = align_matrix(landmarks, how.template, how.size)
    pad = _reach(matrix, how.size, image.shape)
    if pad:
        image = np.asarray(
            cv2.copyMakeBorder(image, pad, pad, pad, pad, cv2.BORDER_REFLECT_101), np.uint8
        )
        matrix = matrix.copy()
        matrix[:, 2] -= matrix[:, :2].sum(axis=1) * pad
    marks = (landmarks + pad) @ matrix[:, :2].T + matrix[:, 2]
    face = take_aligned(image, matrix, how.size)
    return Aligned(image, pad, matrix, marks.astype(np.float32), face)


def paste_aligned(aligned: Aligned, face: Image, within: Mask | None) -> tuple[Image, Mask]:
    """Return the image with another face pasted in, and the mask of what was replaced.

    Args:
        aligned: The original aligned face.
        face: The face that replaces it, of the same size.
        within: Mask that limits what is replaced, ``(size, size)``; ``None`` for the soft square.

    Raises:
        ItemError: ``method_failed`` when no part of the mask is inside the image.
    """
    image, mask = paste_back(aligned.image, face, aligned.matrix, within)
    if aligned.pad:
        inner = slice(aligned.pad, -aligned.pad)
        image = np.ascontiguousarray(image[inner, inner])
        mask = np.ascontiguousarray(mask[inner, inner])
    if not mask.any():
        raise ItemError("method_failed", "the masked part of the face is outside the image")
    return image, mask


def _reach(matrix: Affine, size: int, shape: tuple[int, ...]) -> int:
    """Return how far the square extends beyond the image in pixels, at most the image's side."""
    back = cv2.invertAffineTransform(matrix)
    corners = np.array([[-1, -1], [size, -1], [-1, size], [size, size]], np.float64)
    mapped = corners @ back[:, :2].T + back[:, 2]
    last = np.array([shape[1] - 1, shape[0] - 1])
    beyond = max(float(-mapped.min()), float((mapped - last).max()), 0.0)
    return min(int(np.ceil(beyond)) + 2, *shape[:2]) if beyond else 0
