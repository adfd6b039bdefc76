"""The outline of a face from its 68 landmarks, with the forehead that they leave out."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Image, Landmarks
from datagen.errors import ItemError
from datagen.faces.landmarks import (
    BROWS,
    EYES,
    JAW,
    LEFT_NOSTRIL,
    NOSE_BASE,
    NOSE_BRIDGE,
    NOSE_TIP,
    OUTER_LIPS,
    RIGHT_NOSTRIL,
    SUBNASALE,
)
from datagen.faces.pixels.blend import region_around

__all__ = [
    "bare_forehead",
    "check_face",
    "convex_hull",
    "face_outline",
    "face_width",
    "forehead",
    "nose_wings",
    "up_axis",
    "with_forehead",
]

Points = NDArray[np.float32]

_INNER_BROWS = slice(20, 24)
_BROWS_TO_EYES = slice(BROWS.start, EYES.stop)
_UPPER_BRIDGE = slice(NOSE_BRIDGE.start, NOSE_TIP)
_LIFTS = np.linspace(0.05, 1.0, 20, dtype=np.float32)
_SKIN_SPREAD = np.array([60, 16, 20], np.float32)  # of L, a and b in 8 bits on one lit face
_NEAR_BROW = 40  # samples nearest the brow, ten to a row, where the brow itself is rough
_ARC = np.sqrt(1 - np.square(np.linspace(-0.88, 0.88, 10))).astype(np.float32)


def check_face(landmarks: Landmarks) -> None:
    """Refuse landmarks that do not span a face.

    Raises:
        ItemError: ``method_failed`` when landmarks are not finite, when the area of their convex
            hull is under 100 square pixels or under 15 % of the square of its longest side, or
            when brows and mouth are at the same height.
    """
    if not np.isfinite(landmarks).all():
        raise ItemError("method_failed", "landmarks are not finite")
    extent = float(np.ptp(landmarks, axis=0).max())
    area = float(cv2.contourArea(cv2.convexHull(landmarks)))
    rise = np.linalg.norm(_rise(landmarks))
    if area < 100 or area < 0.15 * extent**2 or rise < 0.1 * extent:
        raise ItemError("method_failed", "landmarks do not span a face")


def _rise(landmarks: Landmarks) -> Points:
    upper, mouth = landmarks[_BROWS_TO_EYES], landmarks[OUTER_LIPS]
    step: Points = upper.mean(axis=0) - mouth.mean(axis=0)
    return step


def up_axis(landmarks: Landmarks) -> Points:
    """Return the unit vector in the image from the mouth toward brows and eyes."""
    rise = _rise(landmarks)
    unit: Points = rise / np.linalg.norm(rise)
    return unit


def face_width(landmarks: Landmarks) -> float:
    """Return the unit for lengths on a face: the square root of its convex hull's area, in pixels.

    Unlike the distance between the eyes it hardly shrinks when the head turns.
    """
    return float(np.sqrt(cv2.contourArea(cv2.convexHull(landmarks))))


def forehead(landmarks: Landmarks, lift: float | Sequence[float]) -> Points:
    """Estimate points of the forehead above each of the ten brow points.

    By the neoclassical canon of thirds (Farkas et al., Plastic and Reconstructive Surgery
    1985) the forehead is as high as the distance from the brows to the base of the nose.

    Args:
        landmarks: Landmarks of the face.
        lift: Height as a share of the forehead's: 0 = the brow, 1 = the estimated hairline. One
            number, or one for each brow point.

    Returns:
        ``(10, 2)`` float32, in the order of the brow points.
    """
    up = up_axis(landmarks)
    height = float((landmarks[_INNER_BROWS].mean(axis=0) - landmarks[SUBNASALE]) @ up)
    share = np.asarray(lift, np.float32) * _ARC * max(height, 0.0)
    points: Points = landmarks[BROWS] + share[:, None] * up
    return points


def with_forehead(landmarks: Landmarks) -> Points:
    """Return landmarks with two rows of the forehead, at half and full height, ``(88, 2)``."""
    return np.concatenate([landmarks, forehead(landmarks, 0.5), forehead(landmarks, 1.0)])


def face_outline(landmarks: Landmarks, lift: float | Sequence[float]) -> Points:
    """Return the polygon along the jaw and back over the forehead, ``(27, 2)`` float32."""
    return np.concatenate([landmarks[JAW], forehead(landmarks, lift)[::-1]])


def convex_hull(points: Points) -> Points:
    """Return the convex hull of ``(n, 2)`` points as a polygon, ``(m, 2)`` float32."""
    return np.asarray(cv2.convexHull(points), np.float32).reshape(-1, 2)


def nose_wings(landmarks: Landmarks) -> Points:
    """Estimate the outer ends of the nostrils, which the 68 landmarks leave out, ``(4, 2)``."""
    base = landmarks[NOSE_BASE]
    middle = base.mean(axis=0)
    wide = middle + 1.5 * (base[[0, -1]] - middle)
    return np.concatenate([wide, wide + 0.7 * (landmarks[NOSE_TIP] - middle)]).astype(np.float32)


def bare_forehead(image: Image, landmarks: Landmarks) -> Points:
    """Measure how far above each brow there is bare skin: colored like the cheeks, and smooth.

    A mask that reaches over hair on the forehead looks glued on. Fair hair has the color of skin
    but not its smoothness.

    Args:
        image: The crop.
        landmarks: Landmarks of its face.

    Returns:
        ``(10,)`` float32 in [0, 1], a lift for ``forehead``.

    Raises:
        ItemError: ``method_failed`` when brows and cheeks are outside the image.
    """
    top = forehead(landmarks, 1.0)
    base = landmarks[BROWS]
    rays = base[None] + _LIFTS[:, None, None] * (top - base)[None]
    skin = np.concatenate([_cheeks(landmarks), landmarks[_UPPER_BRIDGE]])
    samples = np.concatenate([rays.reshape(-1, 2), skin]).astype(np.float32)
    count = len(samples) - len(skin)
    side = max(3, round(0.03 * face_width(landmarks)) | 1)
    region = region_around(samples, image.shape, side)
    part = np.ascontiguousarray(region.of(image))
    samples -= np.array([region.x0, region.y0], np.float32)
    soft = np.asarray(cv2.blur(part, (side, side)), np.uint8)
    rough = np.asarray(cv2.blur(cv2.absdiff(part, soft), (side, side)), np.uint8)
    color, detail = _look_up(soft, samples), _look_up(rough, samples)
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


def _cheeks(landmarks: Landmarks) -> Points:
    """Return four points midway between jaw and nostrils."""
    nostrils = [RIGHT_NOSTRIL, RIGHT_NOSTRIL, LEFT_NOSTRIL, LEFT_NOSTRIL]
    points: Points = 0.5 * (landmarks[[2, 3, 13, 14]] + landmarks[nostrils])
    return points


def _look_up(image: Image, points: Points) -> Image:
    """Return the nearest pixel at each of ``(n, 2)`` points, ``(n, 1, 3)``; black outside."""
    x, y = points[:, None, 0], points[:, None, 1]
    found = cv2.remap(image, x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT)
    return np.asarray(found, np.uint8)
