"""Masks of the parts that diffusion networks repaint: mouth, eyes, nose, face and hair."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import numpy as np

from datagen.core.arrays import Image, Landmarks, Mask
from datagen.errors import ItemError
from datagen.faces import masks
from datagen.faces.geometry.outline import (
    bare_forehead,
    convex_hull,
    face_outline,
    face_width,
    forehead,
    nose_wings,
    up_axis,
)
from datagen.faces.landmarks import (
    BROWS,
    EYES,
    JAW,
    LEFT_BROW,
    LEFT_EYE,
    NOSE,
    OUTER_LIPS,
    RIGHT_BROW,
    RIGHT_EYE,
    indices,
)
from datagen.faces.pixels.blend import Region, region_around

__all__ = ["PAINTED", "PaintedPart", "is_visible", "painted_mask", "square_around"]

PaintedPart: TypeAlias = Literal["mouth", "eyes", "nose", "face", "hair"]
PAINTED: tuple[PaintedPart, ...] = get_args(PaintedPart)

_PIECES: dict[PaintedPart, tuple[list[int], ...]] = {
    "mouth": (indices(OUTER_LIPS),),
    "eyes": (indices(RIGHT_BROW, RIGHT_EYE), indices(LEFT_BROW, LEFT_EYE)),
    "nose": (indices(NOSE),),
    "face": (indices(slice(68)),),
    "hair": (indices(BROWS),),
}
_MIN_PEAK = 128
_MIN_AREA = 0.002  # of the image
_CROWN = 1.5  # height of the hair above the eyes, in heights of the hairline above them
_SIDES = 1.25  # width of the hair beside the face, in half widths of the face
_EAR = (2, 14)  # jaw landmarks at the height of the earlobes
_AROUND = 1.7


def is_visible(part: PaintedPart, landmarks: Landmarks, shape: tuple[int, ...]) -> bool:
    """Return whether at least half the landmarks of each piece are inside an image of ``shape``."""
    edge = np.array([shape[1], shape[0]], np.float32)
    points = forehead(landmarks, 1.0) if part == "hair" else landmarks
    pieces = ([*range(10)],) if part == "hair" else _PIECES[part]
    inside = np.all((points >= 0) & (points < edge), axis=1)
    return all(bool(np.mean(inside[piece]) >= 0.5) for piece in pieces)


def painted_mask(
    part: PaintedPart,
    image: Image,
    landmarks: Landmarks,
    margin: float,
    feather: float,
) -> tuple[Region, Mask]:
    """Draw a part with a soft edge.

    Hair is a band above and beside the face that starts at the hairline; landmarks say no more
    about it, so long hair is only partly covered.

    Args:
        part: Name of the part.
        image: The crop, for the hairline.
        landmarks: Landmarks of its face, accepted by ``check_face``.
        margin: Distance that the full mask extends beyond the part, as a share of the face's
            width.
        feather: Width of its soft edge, as a share of the face's width.

    Returns:
        The region outside which the mask is 0, and the mask inside it.

    Raises:
        ItemError: ``method_failed`` when too little of the part is inside the image.
    """
    unit = face_width(landmarks)
    lift = _lift(image, landmarks)
    polygons = _polygons(part, landmarks, lift)
    reach = margin + feather
    region = region_around(np.concatenate(polygons), image.shape, (reach + 0.02) * unit + 2)
    canvas = masks.canvas_for(region, 192)
    scaled = unit * canvas.scale
    drawn: Mask = np.max([masks.fill(convex_hull(one), canvas) for one in polygons], axis=0)
    drawn = masks.dilate(drawn, reach * scaled)
    if part == "hair":
        drawn = np.minimum(drawn, 255 - masks.fill(_skin(landmarks, lift), canvas))
    mask = masks.enlarge(masks.feather(drawn, feather * scaled), canvas)
    area = float(np.count_nonzero(mask)) / (image.shape[0] * image.shape[1])
    if mask.max() < _MIN_PEAK or area < _MIN_AREA:
        raise ItemError("method_failed", f"too little of the part {part!r} is inside the image")
    return region, mask


def square_around(region: Region, shape: tuple[int, ...]) -> Region:
    """Return the square that the network sees: the part and its surroundings.

    It is inside the image; if the image is narrower, it is as wide as the image.
    """
    wanted = int(np.ceil(_AROUND * max(region.width, region.height)))
    width, height = min(wanted, shape[1]), min(wanted, shape[0])
    x0 = (region.x0 + region.x1 - width) // 2
    y0 = (region.y0 + region.y1 - height) // 2
    x0, y0 = min(max(x0, 0), shape[1] - width), min(max(y0, 0), shape[0] - height)
    return Region(x0, y0, x0 + width, y0 + height)


def _lift(image: Image, landmarks: Landmarks) -> float:
    """Return the height of the bare forehead, a lift for ``forehead``."""
    try:
        return float(np.median(bare_forehead(image, landmarks)))
    except ItemError:  # brows and cheeks are outside the image
        return 0.5


def _polygons(part: PaintedPart, landmarks: Landmarks, lift: float) -> list[Landmarks]:
    if part == "face":
        return [face_outline(landmarks, min(lift, 0.7))]
    if part == "hair":
        return [_head(landmarks)]
    pieces = [landmarks[piece] for piece in _PIECES[part]]
    if part == "nose":
        pieces = [np.concatenate([pieces[0], nose_wings(landmarks)])]
    return pieces


def _head(landmarks: Landmarks) -> Landmarks:
    """Estimate the outline of the head from ear to ear over the crown, ``(25, 2)``."""
    up = up_axis(landmarks)
    right = np.array([-up[1], up[0]], np.float32)
    ears = landmarks[list(_EAR)]
    eyes = landmarks[EYES].mean(axis=0)
    top = float(((forehead(landmarks, 1.0) - eyes) @ up).max())
    across = (landmarks[JAW] - eyes) @ right
    left_edge, right_edge = _SIDES * float(across.min()), _SIDES * float(across.max())
    turn = np.linspace(0, np.pi, 23, dtype=np.float32)
    middle, half = (left_edge + right_edge) / 2, (right_edge - left_edge) / 2
    arc = eyes + (middle - half * np.cos(turn))[:, None] * right
    arc = arc + (_CROWN * top * np.sin(turn))[:, None] * up
    low = [eyes + left_edge * right, eyes + right_edge * right]
    drop = [float((ear - eyes) @ up) * up for ear in ears]
    sides = np.stack([low[0] + drop[0], low[1] + drop[1]])
    return np.concatenate([arc, sides[::-1]]).astype(np.float32)


def _skin(landmarks: Landmarks, lift: float) -> Landmarks:
    """Return the outline of the face, slightly inside the hairline."""
    return convex_hull(face_outline(landmarks, 0.9 * lift))
