"""Eyes: location of the iris, and edits of gaze and lids."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Image, Mask
from datagen.faces import masks
from datagen.faces.face import FaceCrop
from datagen.faces.geometry.in_place import in_place
from datagen.faces.geometry.warp import WarpMap, warp_pixels
from datagen.faces.pixels.blend import Region, region_around

__all__ = ["Eye", "edit_eye", "find_eye", "move_lids"]

_IRIS = 0.2
_EDGE = 0.03
_SKIN = 0.55
_LASHES = 0.06
_UPPER = 0.85
_SEEN = 0.008
_STEPS = 65
_FIRM = 0.2
_ROUND = np.hanning(15)[1:-1] / np.hanning(15).sum()
_MESH_IRISES = (468, 473)


class Eye(NamedTuple):
    """One eye of a face.

    Attributes:
        lids: Landmarks of the lids, ``(6, 2)`` float32, from the corner at the viewer's left along
            the upper lid.
        iris: Center of the iris, ``(2,)`` float64.
        radius: Radius of the iris, in pixels.
        width: Distance between the corners, in pixels.
        region: Region around the eye in the image.
    """

    lids: NDArray[np.float32]
    iris: NDArray[np.float64]
    radius: float
    width: float
    region: Region


def find_eye(face: FaceCrop, part: slice) -> Eye | None:
    """Locate an iris: from the mesh, otherwise as the darkest disc between the lids.

    The radius of an iris is a fifth of the eye's width: its diameter is 11.7 of 30 mm (Farkas
    1994).

    Args:
        face: The face.
        part: ``RIGHT_EYE`` or ``LEFT_EYE``.

    Returns:
        The eye; ``None`` if it is less than six pixels wide or not entirely inside the image.
    """
    lids = face.landmarks[part]
    width = float(np.linalg.norm(lids[3] - lids[0]))
    height, across = face.image.shape[:2]
    low, high = lids.min(axis=0), lids.max(axis=0)
    if width < 6 or (low < 1).any() or high[0] > across - 2 or high[1] > height - 2:
        return None
    region = region_around(lids, face.image.shape, 0.6 * width + 2)
    radius = _IRIS * width
    if face.mesh is None:
        return Eye(lids, _darkest(face.image, lids, region, radius), radius, width, region)
    centers = face.mesh[list(_MESH_IRISES), :2].astype(np.float64)
    nearest = int(np.argmin(np.linalg.norm(centers - lids.mean(axis=0), axis=1)))
    first = _MESH_IRISES[nearest]
    rim = np.linalg.norm(face.mesh[first + 1 : first + 5, :2] - centers[nearest], axis=1)
    return Eye(lids, centers[nearest], max(float(rim.max()), 1.0), width, region)


def _darkest(
    image: Image, lids: NDArray[np.float32], region: Region, radius: float
) -> NDArray[np.float64]:
    """Return the center of the darkest disc on the line between the corners."""
    gray = cv2.cvtColor(np.ascontiguousarray(region.of(image)), cv2.COLOR_RGB2GRAY)
    canvas = masks.canvas_for(region, max(region.width, region.height))
    inside = masks.fill(lids, canvas).astype(np.float32) / 255
    bright = np.asarray(cv2.GaussianBlur(gray * inside, (0, 0), max(0.5 * radius, 0.6)))
    seen = np.asarray(cv2.GaussianBlur(inside, (0, 0), max(0.5 * radius, 0.6)))
    steps = np.linspace(0.28, 0.72, 23)[:, None]
    line = lids[0] + steps * (lids[3] - lids[0])
    up, down = lids[1:3].mean(axis=0), lids[4:6].mean(axis=0)
    line = line + 0.5 * (up + down) - 0.5 * (lids[0] + lids[3])
    at = np.rint(line - np.array([region.x0, region.y0])).astype(int)
    columns, rows = at[:, 0].clip(0, region.width - 1), at[:, 1].clip(0, region.height - 1)
    level = bright[rows, columns] / np.maximum(seen[rows, columns], 1e-3)
    away = np.abs(steps[:, 0] - 0.5)
    return np.asarray(line[int(np.argmin(level + 40 * away))], np.float64)


class LidCurves(NamedTuple):
    """Coordinates around an eye: along the line between its corners and down, in widths of the eye.

    Attributes:
        along, down: Coordinates of each pixel, ``(height, width)`` float32.
        top, bottom: ``down`` of the edges of upper and lower lid at each pixel's ``along``.
    """

    along: NDArray[np.float32]
    down: NDArray[np.float32]
    top: NDArray[np.float32]
    bottom: NDArray[np.float32]


def edit_eye(
    image: Image, eye: Eye, gaze: tuple[float, float], shut: float, *, still: bool = False
) -> tuple[Image, Mask]:
    """Rotate the eyeball behind the lids and move the lids over it.

    A closing lid covers the eyeball and pulls the skin above it down; an opening one stretches
    the visible eyeball vertically.

    Args:
        image: The image; not written to.
        eye: The eye in it.
        gaze: Shift of the iris along the line between the corners and down, in widths of the eye.
        shut: Share of the opening that the lids close; 1 = closed, < 0 = wider open.
        still: Whether the eye is only resampled like the edit, see ``in_place``.

    Returns:
        The changed ``eye.region``, and the mask of the change in it.
    """
    curves = _curves(eye)
    gap = np.maximum(curves.bottom - curves.top, 0)
    top, bottom = curves.top + _UPPER * shut * gap, curves.bottom - (1 - _UPPER) * shut * gap
    fall = _followed(top - curves.down) * (top - curves.top)
    rise = _followed(curves.down - bottom) * (bottom - curves.bottom)
    soft = np.float32(max(_EDGE, 1.2 / eye.width))
    upper = np.clip((0.5 * (top + bottom) - curves.down) / soft + 0.5, 0, 1)
    skin = _mixed(
        _sample(image, eye, curves.along, curves.down - fall, still),
        _sample(image, eye, curves.along, curves.down - rise, still),
        upper,
    )
    ball = _sample(image, eye, *_ball(eye, curves, (top, bottom), gaze), still)
    between = np.minimum(curves.down - top, bottom - curves.down) / soft
    inside = np.clip(between, 0, 1)
    part = _mixed(ball, skin, inside)
    changed = np.where(upper > 0.5, np.abs(fall), np.abs(rise)) > _SEEN
    if any(gaze):
        changed |= inside > 0
    mask = masks.dilate((changed * np.uint8(255)).astype(np.uint8), 0.03 * eye.width)
    return part, masks.soften(mask, 0.03 * eye.width)


def _mixed(first: Image, second: Image, share: NDArray[np.float32]) -> Image:
    weight = np.asarray(share, np.float32)
    return np.asarray(cv2.blendLinear(first, second, weight, 1 - weight), np.uint8)


def move_lids(lids: NDArray[np.float32], shut: float) -> NDArray[np.float32]:
    """Return the ``(6, 2)`` points of an eye's lids after ``edit_eye``."""
    moved = lids.copy()
    upper, lower = [1, 2], [5, 4]
    gap = lids[lower] - lids[upper]
    moved[upper] += np.float32(_UPPER * shut) * gap
    moved[lower] -= np.float32((1 - _UPPER) * shut) * gap
    return moved


def _curves(eye: Eye) -> LidCurves:
    across = (eye.lids[3] - eye.lids[0]).astype(np.float64) / eye.width**2
    region = eye.region
    x = np.arange(region.x0, region.x1, dtype=np.float64) - eye.lids[0, 0]
    y = np.arange(region.y0, region.y1, dtype=np.float64)[:, None] - eye.lids[0, 1]
    along = (x * across[0] + y * across[1]).astype(np.float32)
    down = (y * across[0] - x * across[1]).astype(np.float32)
    top, bottom = (_curve(eye, across, points, along) for points in ((1, 2), (5, 4)))
    return LidCurves(along, down, top, bottom)


def _curve(
    eye: Eye,
    across: NDArray[np.float64],
    points: tuple[int, int],
    along: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Return a lid's edge: a smooth curve through its landmarks, level beyond the corners."""
    chain = eye.lids[[0, *points, 3]].astype(np.float64) - eye.lids[0]
    u = chain @ across
    v = chain @ np.array([-across[1], across[0]])
    u = np.maximum.accumulate(u + np.arange(4) * 1e-3)  # landmarks of a profile can fold back
    steps = np.linspace(0, 1, _STEPS)
    line = np.interp(steps, u, v)
    for _ in range(3):
        line[1:-1] = np.convolve(line, _ROUND, "same")[1:-1]
    line[[0, -1]] = 0
    return np.asarray(np.interp(along, steps, line), np.float32)


def _followed(out: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how far skin follows a lid's edge: lashes entirely, skin farther away less."""
    share = np.clip((_SKIN - out) / np.float32(_SKIN - _LASHES), 0, 1)
    return np.asarray(share * share * (3 - 2 * share), np.float32)


def _ball(
    eye: Eye,
    curves: LidCurves,
    edges: tuple[NDArray[np.float32], NDArray[np.float32]],
    gaze: tuple[float, float],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the coordinates to sample the eyeball from, always between the original lids."""
    across = (eye.lids[3] - eye.lids[0]).astype(np.float64) / eye.width**2
    at = float((eye.iris - eye.lids[0]) @ across)
    goal = np.clip(at + gaze[0], 0.12, 0.88)
    along = np.interp(
        curves.along, [0.0, goal - _FIRM, goal + _FIRM, 1.0], [0.0, at - _FIRM, at + _FIRM, 1.0]
    ).astype(np.float32)
    middle = curves._replace(along=along)
    row = np.linspace(0, 1, _STEPS)
    top, bottom = (
        np.interp(middle.along, row, _profile(eye, across, points)).astype(np.float32)
        for points in ((1, 2), (5, 4))
    )
    new_gap = np.maximum(edges[1] - edges[0], 1e-3)
    wanted = np.maximum(curves.bottom - curves.top, new_gap)
    scale = np.minimum(1, np.maximum(bottom - top, 0) / wanted)
    center = 0.5 * (np.minimum(curves.top, edges[0]) + np.maximum(curves.bottom, edges[1]))
    offset = (curves.down - center) * scale
    half = np.maximum(0.5 * (bottom - top), 1e-3)
    bump = np.clip(1 - np.square(offset / half), 0, 1)
    return along, np.asarray(0.5 * (top + bottom) + offset - gaze[1] * bump, np.float32)


def _profile(eye: Eye, across: NDArray[np.float64], points: tuple[int, int]) -> NDArray[np.float32]:
    return _curve(eye, across, points, np.linspace(0, 1, _STEPS, dtype=np.float32))


def _sample(
    image: Image, eye: Eye, along: NDArray[np.float32], down: NDArray[np.float32], still: bool
) -> Image:
    right = eye.lids[3] - eye.lids[0]
    x = eye.lids[0, 0] + along * right[0] - down * right[1]
    y = eye.lids[0, 1] + along * right[1] + down * right[0]
    field = WarpMap(x, y)
    return warp_pixels(image, in_place(field, eye.region) if still else field)
