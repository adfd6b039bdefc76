"""Masks of the face from its 68 landmarks: outline, forehead, soft edge, elastic deformation.

Everything here is drawn at a working size of about a hundred pixels and enlarged once at the
end: a mask with a soft edge has no detail that this would lose.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Image, Landmarks, Mask
from datagen.errors import ItemError
from datagen.faces.pixels.blend import Region, region_around

__all__ = [
    "BROWS",
    "INNER_LIPS",
    "JAW",
    "LEFT_EYE",
    "MOUTH",
    "RIGHT_EYE",
    "Canvas",
    "above",
    "bare_forehead",
    "canvas_for",
    "check_face",
    "elastic",
    "enlarge",
    "face_width",
    "feather",
    "fill",
    "forehead",
    "grow",
    "hull",
    "outline",
    "soften",
    "up_axis",
    "weaken",
]

Points = NDArray[np.float32]

JAW = slice(0, 17)
BROWS = slice(17, 27)
RIGHT_EYE = slice(36, 42)
LEFT_EYE = slice(42, 48)
MOUTH = slice(48, 60)
INNER_LIPS = slice(60, 68)

_SUBPIXEL = 4
_LIFTS = np.linspace(0.05, 1.0, 20, dtype=np.float32)
_SKIN_SPREAD = np.array([60, 16, 20], np.float32)  # of L, a and b in 8 bits on one lit face
_NEAR_BROW = 40  # the lowest four of ten probes each, where the brow itself is rough
_ARC = np.sqrt(1 - np.square(np.linspace(-0.88, 0.88, 10))).astype(np.float32)


def check_face(landmarks: Landmarks) -> None:
    """Refuse points that span no face.

    Raises:
        ItemError: ``method_failed`` when points are not finite, or when the hull's area is
            under 100 square pixels or under 15 % of the square of its longest side.
    """
    if not np.isfinite(landmarks).all():
        raise ItemError("method_failed", "landmarks are not finite")
    extent = float(np.ptp(landmarks, axis=0).max())
    area = float(cv2.contourArea(cv2.convexHull(landmarks)))
    rise = np.linalg.norm(_rise(landmarks))
    if area < 100 or area < 0.15 * extent**2 or rise < 0.1 * extent:
        raise ItemError("method_failed", "landmarks span no face")


def _rise(landmarks: Landmarks) -> Points:
    step: Points = landmarks[17:48].mean(axis=0) - landmarks[MOUTH].mean(axis=0)
    return step


def up_axis(landmarks: Landmarks) -> Points:
    """Return the unit vector in the image from the mouth toward brows and eyes."""
    rise = _rise(landmarks)
    unit: Points = rise / np.linalg.norm(rise)
    return unit


def face_width(landmarks: Landmarks) -> float:
    """Return the unit for lengths on a face: the square root of its hull's area, in pixels.

    Unlike the distance of the eyes it hardly shrinks when the head turns.
    """
    return float(np.sqrt(cv2.contourArea(cv2.convexHull(landmarks))))


def forehead(landmarks: Landmarks, lift: float | Sequence[float]) -> Points:
    """Estimate points of the forehead above each of the ten brow points.

    By the neoclassical canon of thirds (Farkas et al., Plastic and Reconstructive Surgery
    1985) the forehead is as high as the way from the brows to the base of the nose.

    Args:
        landmarks: The face.
        lift: How far up, as a share of the forehead: 0 = the brow, 1 = the estimated
            hairline. One number, or one for each brow point.

    Returns:
        ``(10, 2)`` float32, in the order of the brow points.
    """
    up = up_axis(landmarks)
    height = float((landmarks[20:24].mean(axis=0) - landmarks[33]) @ up)
    share = np.asarray(lift, np.float32) * _ARC * max(height, 0.0)
    points: Points = landmarks[BROWS] + share[:, None] * up
    return points


def outline(landmarks: Landmarks, lift: float | Sequence[float]) -> Points:
    """Return the polygon along the jaw and back over the forehead, ``(27, 2)`` float32."""
    return np.concatenate([landmarks[JAW], forehead(landmarks, lift)[::-1]])


def hull(points: Points) -> Points:
    """Return the convex hull of ``(n, 2)`` points as a polygon, ``(m, 2)`` float32."""
    return np.asarray(cv2.convexHull(points), np.float32).reshape(-1, 2)


class Canvas(NamedTuple):
    """A small image that stands for a region of the crop.

    Attributes:
        region: What it stands for.
        width, height: Its own size in pixels.
    """

    region: Region
    width: int
    height: int

    @property
    def scale(self) -> float:
        """Canvas pixels in a pixel of the crop."""
        return self.width / self.region.width

    def points(self, points: Points) -> Points:
        """Map ``(n, 2)`` points of the crop to the canvas."""
        factor = np.array(
            [self.width / self.region.width, self.height / self.region.height], np.float32
        )
        corner = np.array([self.region.x0, self.region.y0], np.float32)
        mapped: Points = (points - corner + 0.5) * factor - 0.5
        return mapped


def canvas_for(region: Region, size: int = 128) -> Canvas:
    """Choose a canvas whose longer side is at most ``size``; never larger than the region."""
    factor = min(1.0, size / max(region.width, region.height))
    return Canvas(
        region, max(2, round(region.width * factor)), max(2, round(region.height * factor))
    )


def fill(polygon: Points, canvas: Canvas) -> Mask:
    """Draw a polygon of the crop on the canvas: 255 inside, 0 outside."""
    drawn = np.zeros((canvas.height, canvas.width), np.uint8)
    fixed = np.rint(canvas.points(polygon) * (1 << _SUBPIXEL)).astype(np.int32)
    cv2.fillPoly(drawn, [fixed], (255,), lineType=cv2.LINE_8, shift=_SUBPIXEL)
    return drawn


def feather(mask: Mask, width: float) -> Mask:
    """Soften the edge of a binary mask inwards, so that the result stays inside it.

    The edge of the image is no edge of the face and is not softened.

    Args:
        mask: 0 or 255.
        width: Way from the edge to full strength, in pixels of ``mask``.
    """
    if mask.all():
        return mask  # no edge, and the distance to it would overflow
    distance = cv2.distanceTransform(mask, cv2.DIST_L2, cv2.DIST_MASK_5)
    ramp = cv2.convertScaleAbs(distance, alpha=255 / max(width, 1.0))
    return np.asarray(cv2.LUT(ramp, _SMOOTHSTEP), np.uint8)


def _smoothstep() -> NDArray[np.uint8]:
    t = np.arange(256, dtype=np.float32) / 255
    return np.rint(255 * t * t * (3 - 2 * t)).astype(np.uint8)


_SMOOTHSTEP = _smoothstep()


def elastic(mask: Mask, field: Sequence[Sequence[Sequence[float]]], amplitude: float) -> Mask:
    """Deform a mask by a smooth random field (Simard et al., ICDAR 2003, section 3).

    Args:
        mask: At the working size; a smooth field needs no more pixels than that.
        field: ``(rows, columns, 2)`` displacements in units of ``amplitude``, a coarse grid
            over the mask that is enlarged with a cubic kernel.
        amplitude: Pixels of ``mask``.
    """
    height, width = mask.shape
    grid = np.asarray(field, np.float32) * np.float32(amplitude)
    shift = cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
    columns = shift[..., 0] + np.arange(width, dtype=np.float32)
    rows = shift[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    bent = cv2.remap(mask, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return np.asarray(bent, np.uint8)


def soften(mask: Mask, sigma: float) -> Mask:
    """Blur a mask with a Gaussian of ``sigma`` pixels of ``mask``; at least a third."""
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), max(sigma, 0.3)), np.uint8)


def grow(mask: Mask, radius: float) -> Mask:
    """Dilate a mask by a disc of ``radius`` pixels of ``mask``; at least one."""
    side = 2 * max(1, round(radius)) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return np.asarray(cv2.dilate(mask, disc), np.uint8)


def above(mask: Mask, level: int) -> Mask:
    """Return 255 where ``mask`` is above ``level``, else 0."""
    return np.asarray(cv2.threshold(mask, level, 255, cv2.THRESH_BINARY)[1], np.uint8)


def weaken(mask: Mask, ratio: float) -> Mask:
    """Scale a mask by ``ratio`` in [0, 1], rounded."""
    return np.asarray(cv2.convertScaleAbs(mask, alpha=ratio), np.uint8)


def enlarge(mask: Mask, canvas: Canvas) -> Mask:
    """Bring a mask of the canvas to the size of its region."""
    size = (canvas.region.width, canvas.region.height)
    if mask.shape == size[::-1]:
        return mask
    return np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def bare_forehead(image: Image, landmarks: Landmarks) -> Points:
    """Measure how far above each brow the skin goes: colored as cheeks and nose, and smooth.

    Hair over the forehead is what makes a mask with a forehead look glued on; fair hair has
    the color of skin but not its smoothness.

    Args:
        image: The crop.
        landmarks: Its face.

    Returns:
        ``(10,)`` float32 in [0, 1], a lift for ``forehead``.

    Raises:
        ItemError: ``method_failed`` when brows and cheeks are outside the image.
    """
    top = forehead(landmarks, 1.0)
    base = landmarks[BROWS]
    rays = base[None] + _LIFTS[:, None, None] * (top - base)[None]
    cheeks = 0.5 * (landmarks[[2, 3, 13, 14]] + landmarks[[31, 31, 35, 35]])
    skin = np.concatenate([cheeks, landmarks[27:30]])
    probes = np.concatenate([rays.reshape(-1, 2), skin]).astype(np.float32)
    count = len(probes) - len(skin)
    side = max(3, round(0.03 * face_width(landmarks)) | 1)
    region = region_around(probes, image.shape, side)
    part = np.ascontiguousarray(region.of(image))
    probes -= np.array([region.x0, region.y0], np.float32)
    soft = np.asarray(cv2.blur(part, (side, side)), np.uint8)
    rough = np.asarray(cv2.blur(cv2.absdiff(part, soft), (side, side)), np.uint8)
    color, detail = _look_up(soft, probes), _look_up(rough, probes)
    lab = np.asarray(cv2.cvtColor(color, cv2.COLOR_RGB2LAB), np.float32)[:, 0]
    grain = detail[:, 0].max(axis=1).astype(np.float32)
    away = np.abs(lab[:count] - np.median(lab[-len(skin) :], axis=0))
    away /= _SKIN_SPREAD
    smooth = (grain < 1.5 * np.median(grain[-len(skin) :]) + 2)[:count]
    smooth[:_NEAR_BROW] = True
    bare = ((away.max(axis=1) < 1) & smooth).reshape(-1, 10)
    run = np.cumprod(bare, axis=0).sum(axis=0)
    steps: Points = np.concatenate([[0.0], _LIFTS]).astype(np.float32)[run]
    return steps


def _look_up(image: Image, points: Points) -> Image:
    """Return the nearest pixel at each of ``(n, 2)`` points, ``(n, 1, 3)``; black outside."""
    x, y = points[:, None, 0], points[:, None, 1]
    found = cv2.remap(image, x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT)
    return np.asarray(found, np.uint8)
