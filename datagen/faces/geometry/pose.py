"""Head pose in one convention, from a rotation matrix or from landmarks alone."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Landmarks

__all__ = ["angles", "estimate_pose"]

# Outer eye corners, nose tip, mouth corners, chin of an average head in millimeters, x to the
# viewer's right, y down, z away from the camera; rounded anthropometric means (Farkas 1994).
_POINTS = (36, 45, 30, 48, 54, 8)
_HEAD = np.array(
    [[-44, -34, 26], [44, -34, 26], [0, 0, -8], [-26, 32, 16], [26, 32, 16], [0, 68, 18]],
    np.float64,
)


def angles(rotation: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return yaw, pitch and roll of a head rotation, in degrees.

    Args:
        rotation: ``(3, 3)`` matrix from head axes (x to the viewer's right, y down, z away from
            the camera) to camera axes of the same directions.

    Returns:
        Yaw > 0: the nose points to larger x; pitch > 0: the face looks up; roll > 0: clockwise.
        Roll is a rotation about the line of sight, applied before pitch, which is applied before
        yaw; all in -180 to 180.
    """
    forward = -rotation[:, 2]  # the nose points toward the camera: along -z
    flat = np.hypot(forward[0], forward[2])
    yaw = np.degrees(np.arctan2(forward[0], -forward[2]))
    pitch = np.degrees(np.arctan2(-forward[1], flat))
    level_right = np.array([-forward[2], 0.0, forward[0]])  # x axis of a head without roll
    level_down = np.cross(level_right, forward)
    right = rotation[:, 0]
    roll = np.degrees(np.arctan2(right @ level_down, right @ level_right))
    return float(yaw), float(pitch), float(roll)


def estimate_pose(landmarks: Landmarks, width: int, height: int) -> tuple[float, float, float]:
    """Return yaw, pitch, roll in degrees by fitting an average head to six of the landmarks.

    Assumes a pinhole camera of focal length ``max(width, height)``; accurate to a few degrees.
    NaN where the landmarks fit no head.
    """
    focal = float(max(width, height))
    camera = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
    points = landmarks[list(_POINTS)].astype(np.float64)
    try:
        _, turn, _ = cv2.solvePnP(_HEAD, points, camera, None, flags=cv2.SOLVEPNP_SQPNP)
    except cv2.error:  # all points coincide, or nearly so
        return math.nan, math.nan, math.nan
    yaw, pitch, roll = angles(cv2.Rodrigues(turn)[0].astype(np.float64))
    return round(yaw, 2), round(pitch, 2), round(roll, 2)
