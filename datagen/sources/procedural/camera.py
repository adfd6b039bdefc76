"""Pose of the head, and the camera in front of it."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass

import numpy as np

from datagen.core import rng as streams

from .arrays import F64

MAX_YAW, MAX_PITCH, MAX_ROLL = 35.0, 20.0, 15.0
# The head rotates about the top of the neck; z is zero at the center in the ground truth.
PIVOT = np.array([0.0, -5.0, -5.0])
CENTER = np.array([0.0, 0.0, 0.0])
_GRID = 64.0


@dataclass(frozen=True, slots=True)
class Stance:
    """Where head and torso of a moving person are, relative to the start of the camera's setting.

    Attributes:
        shift: displacement of the head's center in cm: right, up and toward the camera.
        torso: yaw, pitch and roll of the torso in degrees.
        lag: how far the torso stays behind the head's displacement, in cm.
    """

    shift: tuple[float, float, float]
    torso: tuple[float, float, float]
    lag: tuple[float, float, float]


_STILL = (0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Camera:
    """A pinhole camera in front of a head.

    Attributes:
        yaw, pitch, roll: pose of the head in degrees. R = Roll(z) Yaw(y) Pitch(x).
        distance: from the camera to the center of the head in cm.
        focal: focal length in pixels.
        middle: (2,) position of the head's center in the image, in pixels.
        size: side of the image in pixels.
        stance: of a person in a video; ``None`` in a still, whose head is where it is framed.
        part: left, top and side of the whole image, of which only a square is seen.
    """

    yaw: float
    pitch: float
    roll: float
    distance: float
    focal: float
    middle: tuple[float, float]
    size: int
    stance: Stance | None = None
    part: tuple[int, int, int] | None = None

    @property
    def image_size(self) -> int:
        """Side of the whole image in pixels, of which a frame may be rendered in part."""
        return self.part[2] if self.part else self.size

    def cut(self, left: int, top: int, side: int) -> Camera:
        """The camera that sees only a square of the image."""
        middle = (self.middle[0] - left, self.middle[1] - top)
        return dataclasses.replace(self, middle=middle, size=side, part=(left, top, self.size))

    @property
    def shift(self) -> tuple[float, float, float]:
        """Displacement of the head in a video in cm: right, up and toward the camera."""
        return self.stance.shift if self.stance else _STILL

    @property
    def rotation(self) -> F64:
        """Rotation from head to camera axes, (3, 3)."""
        return rotation(self.yaw, self.pitch, self.roll)

    def place(self, points: F64) -> F64:
        """Head coordinates (n, 3) to camera-aligned ones with the head's center at zero."""
        turn = self.rotation
        return np.asarray((points - CENTER) @ turn.T, np.float64)

    def project(self, placed: F64) -> F64:
        """Placed points (n, 3) to pixels and depth in pixels (n, 3), smaller is nearer.

        Positions are rounded to 1/64 pixel, so that last-bit differences between libraries vanish.
        """
        right, up, near = self.shift
        scale = self.focal / (self.distance - near - placed[:, 2])
        out = np.empty_like(placed)
        out[:, 0] = self.middle[0] + (placed[:, 0] + right) * scale
        out[:, 1] = self.middle[1] - (placed[:, 1] + up) * scale
        out[:, 2] = -placed[:, 2] * (self.focal / self.distance)
        return np.asarray(np.round(out * _GRID) / _GRID, np.float64)


@functools.lru_cache(maxsize=16)
def rotation(yaw: float, pitch: float, roll: float) -> F64:
    """Rotation matrix (3, 3) of angles in degrees: up, then to the right, then clockwise."""
    y, p, r = np.radians([yaw, pitch, roll])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_z = np.array([[np.cos(r), np.sin(r), 0], [-np.sin(r), np.cos(r), 0], [0, 0, 1]])
    matrix = np.asarray(np.round(about_z @ about_y @ about_x, 9), np.float64)
    matrix.setflags(write=False)
    return matrix


def _spread(rng: np.random.Generator, limit: float, calm: float) -> float:
    """Draw near zero with probability ``calm``, otherwise anywhere up to the limit."""
    near, wide, which = rng.normal() * 0.22, rng.uniform(-1.0, 1.0), rng.random()
    return round(float(np.clip(near if which < calm else wide, -1.0, 1.0)) * limit, 4)


def draw(seed: int, person: int, image_number: int, size: int) -> Camera:
    """Pose, distance and framing of one image."""
    rng = streams.rng(seed, person, image_number, "camera")
    yaw, pitch = _spread(rng, MAX_YAW, 0.5), _spread(rng, MAX_PITCH, 0.7)
    roll = _spread(rng, MAX_ROLL, 0.75)
    distance = float(np.exp(rng.uniform(np.log(95.0), np.log(280.0))))
    scale = size / 512.0 * rng.uniform(11.6, 15.2)
    x = size * (0.5 + 0.035 * rng.uniform(-1.0, 1.0))
    y = size * (0.49 + 0.035 * rng.uniform(-1.0, 1.0))
    turn = rotation(yaw, pitch, roll) @ np.array([0.0, 0.5, -1.5])
    x -= turn[0] * scale * 0.8
    y += turn[1] * scale * 0.8
    focal = round(float(scale) * distance, 4)
    middle = (round(float(x), 4), round(float(y), 4))
    return Camera(yaw, pitch, roll, round(distance, 4), focal, middle, size)
