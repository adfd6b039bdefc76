"""Crops of procedural faces, as methods receive them."""

from __future__ import annotations

import functools

from datagen.faces.crop import CropJitter, crop_matrix, face_box, take_crop
from datagen.faces.face import FaceCrop
from datagen.faces.landmarks import move_landmarks
from datagen.sources.procedural import render

__all__ = ["procedural_crop"]


@functools.cache
def procedural_crop(
    number: int, size: int = 200, rendered: int = 320, margin: float = 1.3
) -> FaceCrop:
    """Return the crop of one procedural identity of seed 2; its arrays cannot be written to."""
    portrait = render(2, number, 0, rendered)
    matrix = crop_matrix(face_box(portrait.landmarks), margin, size, CropJitter())
    image = take_crop(portrait.image, matrix, size, 1)
    marks = move_landmarks(portrait.landmarks, matrix)
    image.flags.writeable = marks.flags.writeable = False
    return FaceCrop(image, marks, identity=f"procedural/{number}")
