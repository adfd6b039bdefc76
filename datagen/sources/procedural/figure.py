"""A person in front of a camera: the geometry of one image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import camera as cameras
from . import expression as expressions
from . import eyes
from . import identity as identities
from .arrays import F32, F64
from .camera import Camera
from .eyes import Eyeball
from .identity import Identity
from .landmarks import sixty_eight
from .template import template

_MARGIN = 0.02


@dataclass(frozen=True, slots=True)
class Figure:
    """The posed face of one image.

    Attributes:
        identity: parameters of the person.
        expression: parameters of the expression.
        camera: pose and framing.
        neutral: (468, 3) control points without expression, head coordinates in cm.
        control: (468, 3) control points with expression.
        balls: both eyeballs.
        mesh: (478, 3) pixels, MediaPipe numbering, smaller z nearer.
    """

    identity: Identity
    expression: dict[str, float]
    camera: Camera
    neutral: F64
    control: F64
    balls: list[Eyeball]
    mesh: F32

    @property
    def landmarks(self) -> F32:
        """The 68 points (68, 2) in pixels."""
        return sixty_eight(self.mesh)

    @property
    def box(self) -> F32:
        """Tight box of the mesh: x0, y0, x1, y1 in pixels."""
        points = self.mesh[:, :2]
        return np.concatenate([points.min(axis=0), points.max(axis=0)]).astype(np.float32)


def pose(
    identity: Identity, expression: dict[str, float], camera: Camera, neutral: F64 | None = None
) -> Figure:
    """The figure of these parameters; draws no random numbers.

    Args:
        identity: the person.
        expression: parameters of the expression.
        camera: pose and framing.
        neutral: the person's control points without expression where they are known.
    """
    neutral = identities.face_shape(identity) if neutral is None else neutral
    control = expressions.pose_face(neutral, expression)
    balls = eyes.build(neutral, identity.values, expression)
    surface = template().refine(control)[: len(control)]
    points = camera.project(camera.place(surface))
    mesh = np.concatenate([points, eyes.mesh_tail(balls, camera)]).astype(np.float32)
    return Figure(identity, expression, camera, neutral, control, balls, mesh)


def draw(seed: int, person: int, image_number: int, size: int) -> Figure:
    """The figure with this number."""
    camera = cameras.draw(seed, person, image_number, size)
    ahead = camera.rotation[2]
    expression = expressions.look(expressions.draw(seed, person, image_number), ahead)
    return pose(identities.draw(seed, person), expression, camera)
