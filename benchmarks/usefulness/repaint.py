"""Foreign kinds that paint a part of the face over from its surroundings."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from datagen.faces.face import FaceCrop

from .geometry import PARTS, fill, part_polygon, width_of

__all__ = ["navier_stokes", "telea"]

_PARTS = tuple(PARTS)


def telea(face: FaceCrop, donor: FaceCrop, rng: np.random.Generator) -> tuple[Any, Any, None]:
    """Inpaint one or two parts by the fast marching of Telea (2004)."""
    return face.image, _painted(face, rng, cv2.INPAINT_TELEA), None


def navier_stokes(
    face: FaceCrop, donor: FaceCrop, rng: np.random.Generator
) -> tuple[Any, Any, None]:
    """Inpaint one or two parts by the fluid dynamics of Bertalmio et al. (2001)."""
    return face.image, _painted(face, rng, cv2.INPAINT_NS), None


def _painted(face: FaceCrop, rng: np.random.Generator, way: int) -> Any:
    unit = width_of(face.landmarks)
    mask = np.zeros(face.image.shape[:2], np.float32)
    for number in rng.choice(len(_PARTS), rng.integers(1, 3), replace=False):
        polygon = part_polygon(face.landmarks, _PARTS[number])
        mask = np.maximum(mask, fill(polygon, mask.shape, rng.uniform(0.01, 0.05) * unit))
    return cv2.inpaint(face.image, mask.astype(np.uint8), float(rng.uniform(2, 6)), way)
