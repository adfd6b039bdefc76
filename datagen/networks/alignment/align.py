"""Alignment of a face with the template that a network was trained on."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Affine, Image, Landmarks
from datagen.errors import ItemError
from datagen.faces.geometry.warp import similarity
from datagen.faces.landmarks import (
    LEFT_EYE,
    LEFT_MOUTH_CORNER,
    NOSE_TIP,
    RIGHT_EYE,
    RIGHT_MOUTH_CORNER,
)
from datagen.weights.io_contract import Template

__all__ = ["TEMPLATES", "align_matrix", "five_points", "take_aligned"]

Points = NDArray[np.float32]

_FINE = 0.25
_SMALLEST = 8


def _template(*points: tuple[float, float]) -> Points:
    return np.array(points, np.float32)


# Centers of the right eye (at smaller x) and the left eye, nose tip, mouth corners, as shares of
# the aligned side. arcface_112_v2: Deng et al., CVPR 2019; arcface_128: the same with a border of
# 8 of 128 pixels, as insightface aligns for sizes divisible by 128; ffhq_512: after Karras et al.,
# CVPR 2019.
TEMPLATES: Mapping[Template, Points] = {
    "arcface_112_v1": _template(
        (0.35473214, 0.45658929),
        (0.64526786, 0.45658929),
        (0.50000000, 0.61154464),
        (0.37913393, 0.77687500),
        (0.62086607, 0.77687500),
    ),
    "arcface_112_v2": _template(
        (0.34191607, 0.46157411),
        (0.65653393, 0.45983393),
        (0.50022500, 0.64050536),
        (0.37097589, 0.82469196),
        (0.63151696, 0.82325089),
    ),
    "arcface_128": _template(
        (0.36167656, 0.40387734),
        (0.63696719, 0.40235469),
        (0.50019687, 0.56044219),
        (0.38710391, 0.72160547),
        (0.61507734, 0.72034453),
    ),
    "ffhq_512": _template(
        (0.37691676, 0.46864664),
        (0.62285697, 0.46912813),
        (0.50123859, 0.61331904),
        (0.39308822, 0.72541100),
        (0.61150205, 0.72490465),
    ),
    "mtcnn_512": _template(
        (0.36562865, 0.46733799),
        (0.63305391, 0.46585885),
        (0.50019127, 0.61942959),
        (0.39032951, 0.77598822),
        (0.61178945, 0.77476328),
    ),
}


def five_points(landmarks: Landmarks) -> Points:
    """Return ``(5, 2)`` float32 pixels: centers of both eyes, nose tip, mouth corners."""
    return np.stack(
        [
            landmarks[RIGHT_EYE].mean(axis=0),
            landmarks[LEFT_EYE].mean(axis=0),
            landmarks[NOSE_TIP],
            landmarks[RIGHT_MOUTH_CORNER],
            landmarks[LEFT_MOUTH_CORNER],
        ]
    ).astype(np.float32)


def align_matrix(landmarks: Landmarks, template: Template, size: int) -> Affine:
    """Fit the similarity from an image to the aligned image of ``size`` pixels a side.

    Raises:
        ItemError: ``method_failed`` when the five points coincide.
    """
    return similarity(five_points(landmarks), TEMPLATES[template] * np.float32(size))


def take_aligned(image: Image, matrix: Affine, size: int, smooth: bool = True) -> Image:
    """Return the aligned face, ``(size, size, 3)``; black beyond the image, as in training.

    Args:
        image: Image, ``(height, width, 3)``; not written to.
        matrix: Affine matrix from the image to the aligned face.
        size: Side of the aligned face in pixels.
        smooth: Whether an image more than four times as fine is reduced by averaging first. From
            two to four times, averaging would cost more detail than the pixels that the linear
            kernel skips. Common face-swapping libraries never average.

    Raises:
        ItemError: ``method_failed`` when the matrix is not finite.
    """
    if not np.isfinite(matrix).all():
        raise ItemError("method_failed", "the face cannot be aligned")
    if smooth:
        image, matrix = _averaged(image, matrix)
    return np.asarray(cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR), np.uint8)


def _averaged(image: Image, matrix: Affine) -> tuple[Image, Affine]:
    """Halve the image until it is at most four times as fine, and adapt the matrix."""
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    factor = 1
    while scale * factor < _FINE and min(image.shape[:2]) // (2 * factor) >= _SMALLEST:
        factor *= 2
    if factor == 1:
        return image, matrix
    height, width = image.shape[0] // factor, image.shape[1] // factor
    whole = image[: height * factor, : width * factor]
    small = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)
    followed = matrix * factor
    # The center of a large pixel is at (factor - 1) / 2 of the small ones.
    followed[:, 2] = matrix[:, 2] + matrix[:, :2].sum(axis=1) * ((factor - 1) / 2)
    return np.asarray(small, np.uint8), followed
