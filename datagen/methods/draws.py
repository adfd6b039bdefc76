"""Checks and draws that several methods share."""

from __future__ import annotations

import numpy as np

from datagen.faces.face import FaceCrop
from datagen.faces.geometry.outline import bare_forehead, check_face
from datagen.faces.landmarks import Points
from datagen.methods.base import Context

__all__ = ["bare_in_both", "checked_faces", "draw_field"]

_FIELD = 5


def checked_faces(ctx: Context) -> tuple[FaceCrop, FaceCrop]:
    """Return target and donor.

    Raises:
        ItemError: ``method_failed`` when the landmarks of one do not span a face.
    """
    target, donor = ctx.target, ctx.need_donor()
    check_face(target.landmarks)
    check_face(donor.landmarks)
    return target, donor


def bare_in_both(target: FaceCrop, donor: FaceCrop) -> Points:
    """Return the height of the forehead that is bare in both faces, see ``bare_forehead``."""
    return np.minimum(
        bare_forehead(target.image, target.landmarks),
        bare_forehead(donor.image, donor.landmarks),
    )


def draw_field(rng: np.random.Generator) -> list[list[list[float]]]:
    """Draw the ``(5, 5, 2)`` standard normal displacements of an elastic deformation."""
    return [
        [[round(float(value), 3) for value in cell] for cell in row]
        for row in rng.standard_normal((_FIELD, _FIELD, 2))
    ]
