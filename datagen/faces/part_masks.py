"""Masks of a face or of its parts: deformed, eroded or dilated, with a soft edge."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias, get_args

import numpy as np

from datagen.core.arrays import Landmarks, Mask
from datagen.errors import ItemError
from datagen.faces import masks
from datagen.faces.geometry.outline import convex_hull, face_width, forehead, nose_wings
from datagen.faces.landmarks import (
    FEATURES,
    LEFT_BROW,
    LEFT_EYE,
    NOSE,
    NOSE_BASE,
    OUTER_LIPS,
    RIGHT_BROW,
    RIGHT_EYE,
    indices,
)
from datagen.faces.pixels.blend import Region, region_around

__all__ = ["PARTS", "Bending", "PartName", "is_visible", "part_mask"]

PartName: TypeAlias = Literal[
    "face", "no_forehead", "features", "lower_half", "eyes", "nose", "mouth", "brows"
]
PARTS: tuple[PartName, ...] = get_args(PartName)

_LOWER_JAW = slice(2, 15)
_LOWER_BRIDGE = slice(29, 31)
_MIN_LIFT = 0.35
_MIN_PEAK = 64
_MIN_BLUR = 0.01
_MAX_SMALL = 0.06  # a wider filter would wash out eyes, nose, mouth and brows
_MIN_PIXELS = 0.8


class _Shape(NamedTuple):
    """Landmarks of a part, its margin, and how much deformation it takes.

    Attributes:
        pieces: Indices of landmarks; each piece has its own convex hull.
        margin: Width added around the hull, as a share of the face's width.
        bends, softens: Factors on the deformation and on the filters of ``Bending``, which
            would tear or wash out a small part.
    """

    pieces: tuple[list[int], ...]
    margin: float
    bends: float
    softens: float


_SHAPES: dict[PartName, _Shape] = {
    "face": _Shape((indices(slice(68)),), 0.0, 1.0, 1.0),
    "no_forehead": _Shape((indices(slice(68)),), 0.0, 1.0, 1.0),
    "features": _Shape((indices(FEATURES),), 0.08, 0.8, 0.8),
    "lower_half": _Shape((indices(_LOWER_JAW, _LOWER_BRIDGE, NOSE_BASE),), 0.0, 0.8, 0.8),
    "eyes": _Shape((indices(RIGHT_EYE), indices(LEFT_EYE)), 0.08, 0.3, 0.5),
    "nose": _Shape((indices(NOSE),), 0.05, 0.4, 0.5),
    "mouth": _Shape((indices(OUTER_LIPS),), 0.06, 0.4, 0.5),
    "brows": _Shape((indices(RIGHT_BROW), indices(LEFT_BROW)), 0.06, 0.25, 0.4),
}


class Bending(NamedTuple):
    """How a convex hull becomes a mask; lengths are shares of the face's width.

    Attributes:
        field: Random displacements, ``(rows, columns, 2)``, in units of ``bend``.
        bend: Standard deviation of the displacements.
        erode, blur: Standard deviations of the first and of the second Gaussian filter.
    """

    field: list[list[list[float]]]
    bend: float
    erode: float
    blur: float


def is_visible(part: PartName, landmarks: Landmarks, shape: tuple[int, ...]) -> bool:
    """Return whether at least half the landmarks of each piece are inside an image of ``shape``."""
    inside = np.all((landmarks >= 0) & (landmarks < [shape[1], shape[0]]), axis=1)
    return all(np.mean(inside[piece]) >= 0.5 for piece in _SHAPES[part].pieces)


def part_mask(
    part: PartName, landmarks: Landmarks, lift: float, how: Bending, shape: tuple[int, ...]
) -> tuple[Region, Mask]:
    """Deform the convex hull of a part, erode or dilate it, and soften its edge.

    As in Shiohara and Yamasaki, CVPR 2022, section 3.3: the first filter erodes, since only what
    it leaves at full strength is kept; the second softens, so that the mask grows when the second
    filter is the wider one.

    Args:
        part: Name of the part.
        landmarks: Landmarks of the face, accepted by ``check_face``.
        lift: Height of the face above the brows, as a share of the forehead.
        how: Deformation, erosion and blur.
        shape: Shape of the image.

    Returns:
        The region outside which the mask is 0, and the mask inside it.

    Raises:
        ItemError: ``method_failed`` when too little of the part is inside the image.
    """
    pieces, margin, bends, softens = _SHAPES[part]
    small = softens < _SHAPES["features"].softens
    blur = max(softens * (min(how.blur, _MAX_SMALL) if small else how.blur), _MIN_BLUR)
    polygons = [_polygon(part, landmarks, piece, lift) for piece in pieces]
    unit = face_width(landmarks)
    reach = margin + 3 * bends * how.bend + 3 * blur + 0.02
    region = region_around(np.concatenate(polygons), shape, reach * unit + 2)
    canvas = masks.canvas_for(region)
    unit *= canvas.scale
    mask: Mask = np.max([masks.fill(polygon, canvas) for polygon in polygons], axis=0)
    if margin:
        # There is no face to blend beyond the far cheek of a turned head.
        face = _polygon("face", landmarks, indices(slice(68)), max(lift, _MIN_LIFT))
        mask = np.minimum(masks.dilate(mask, margin * unit), masks.fill(face, canvas))
    mask = masks.elastic(mask, how.field, bends * how.bend * unit)
    full = masks.threshold(masks.soften(mask, softens * how.erode * unit), 253)
    if not full.any():
        full = mask  # a sliver at the image's edge, too thin to be eroded
    sigma = max(blur * unit, _MIN_PIXELS * canvas.scale)
    soft = masks.enlarge(masks.soften(full, sigma), canvas)
    if soft.max() < _MIN_PEAK:
        raise ItemError("method_failed", f"too little of the part {part!r} is inside the image")
    return region, soft


def _polygon(part: PartName, landmarks: Landmarks, piece: list[int], lift: float) -> Landmarks:
    points = landmarks[piece]
    if part == "face":
        points = np.concatenate([points, forehead(landmarks, lift)])
    elif part == "nose":
        points = np.concatenate([points, nose_wings(landmarks)])
    return convex_hull(points)
