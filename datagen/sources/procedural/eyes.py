"""Eyeballs: position, gaze, and the iris points of the mesh."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .arrays import F64
from .camera import Camera
from .template import EYE_LEFT, EYE_RIGHT

RADIUS = 1.24
IRIS_RADIUS = 0.64


@dataclass(frozen=True, slots=True)
class Eyeball:
    """One eyeball in head coordinates.

    Attributes:
        center: (3,) in cm.
        gaze: (3,) unit direction of the gaze.
        iris: radius of the iris in cm.
        ring: MediaPipe indices of its lids, from the outer corner along the lower lid.
    """

    center: F64
    gaze: F64
    iris: float
    ring: tuple[int, ...]

    def iris_points(self) -> F64:
        """Center of the iris and four points on its rim: (5, 3), MediaPipe's order."""
        side = np.cross(np.array([0.0, 1.0, 0.0]), self.gaze)
        side /= np.sqrt((side**2).sum())
        up = np.cross(self.gaze, side)
        depth = np.sqrt(RADIUS**2 - self.iris**2)
        middle = self.center + depth * self.gaze
        rim = [side, up, -side, -up]
        return np.stack([middle, *(middle + self.iris * r for r in rim)])


def _look(values: dict[str, float]) -> F64:
    x, y = np.radians([values["gaze_x"], values["gaze_y"]])
    return np.array([np.sin(x) * np.cos(y), np.sin(y), np.cos(x) * np.cos(y)])


def build(neutral: F64, identity: dict[str, float], expression: dict[str, float]) -> list[Eyeball]:
    """Both eyeballs, viewer's left first, behind the lids of the neutral shape (468, 3)."""
    balls = []
    for ring in (EYE_RIGHT, EYE_LEFT):
        lids = neutral[list(ring)]
        center = lids.mean(axis=0)
        corners = 0.5 * (lids[0] + lids[8])
        center[:2] = 0.5 * center[:2] + 0.5 * corners[:2]
        center[2] = lids[[4, 12], 2].mean() - 1.12
        iris = IRIS_RADIUS * identity["iris_size"]
        balls.append(Eyeball(center, _look(expression), iris, ring))
    return balls


def mesh_tail(balls: list[Eyeball], camera: Camera) -> F64:
    """Points 468 to 477 of the mesh in pixels: (10, 3)."""
    points = np.concatenate([ball.iris_points() for ball in balls])
    return camera.project(camera.place(points))
