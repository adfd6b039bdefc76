"""The ten photographs by which the figures of real networks are measured, whole and as squares."""

from __future__ import annotations

import functools

import cv2
import numpy as np

from datagen.core.arrays import Image
from datagen.faces.analyzers.mediapipe import MediaPipe
from datagen.sources.base import Record
from tests.support.assets import london, london_photo, weights

__all__ = ["face_squares", "ten_names", "whole_photos"]

_FULL = 1350
_AROUND = 1.6  # of the longer side of the box around the points
_NO_IRISES = 468


def ten_names() -> list[str]:
    """Return the ids of ten neutral photographs, every fifth."""
    return sorted(path.stem for path in london().parent.glob("*_03.jpg"))[::5][:10]


@functools.cache
def whole_photos(side: int) -> tuple[Image, ...]:
    """Return the photographs, reduced by area averaging."""
    return tuple(london_photo(name, side) for name in ten_names())


@functools.cache
def face_squares(side: int) -> tuple[Image, ...]:
    """Return the square around each face, reduced by area averaging."""
    weights("face_landmarker.task")
    analyzer = MediaPipe()
    analyzer.open()
    squares = []
    for name in ten_names():
        photo = london_photo(name, _FULL)
        (found,) = analyzer.analyze(photo, Record(image_id=name, identity=name))
        assert found.mesh is not None
        points = found.mesh[:_NO_IRISES, :2]
        low, high = points.min(axis=0), points.max(axis=0)
        half = _AROUND * float((high - low).max()) / 2
        x0, y0 = (max(round(float(v)), 0) for v in (low + high) / 2 - half)
        whole = round(2 * half)
        part = photo[y0 : y0 + whole, x0 : x0 + whole]
        reduced = cv2.resize(part, (side, side), interpolation=cv2.INTER_AREA)
        squares.append(np.asarray(reduced, np.uint8))
    return tuple(squares)
