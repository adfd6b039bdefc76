"""One video of a person: what stays the same in it, and each of its frames."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass

import numpy as np

from datagen.core import rng as streams

from . import camera as cameras
from . import expression as expressions
from . import figure, light, motion, scene
from . import identity as identities
from .arrays import F64
from .camera import CENTER, PIVOT, Camera, Stance
from .figure import Figure
from .identity import Identity
from .motion import RESTING, Amounts, Moment, Motion
from .portrait import Truth, truth_of

# Numbers of a person's videos, as the random streams know them, follow those of the stills.
FIRST = 10_000
# Share of the pose that a still of this number would have: people mostly face a video camera.
_POSE = 0.6
# Width in cm of the face that the texture covers.
_TEXTURED = 15.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Ranges from which the amounts of motion of one video are drawn.

    Attributes:
        head: largest turn of the head to the side in degrees.
        shift: largest displacement of the head in cm.
        mouth: opening of the mouth in speech, as a share of the widest.
        silent: share of the videos without speech.
        expression: change of each movement of the face, as a share of its range.
    """

    head: tuple[float, float] = (4.0, 10.0)
    shift: tuple[float, float] = (0.3, 1.2)
    mouth: tuple[float, float] = (0.25, 0.6)
    silent: float = 0.25
    expression: tuple[float, float] = (0.1, 0.3)


@dataclass(frozen=True, slots=True)
class Take:
    """A person in front of a running camera.

    Attributes:
        number: seed, person and number of the video in the random streams.
        identity: the person.
        neutral: (468, 3) control points without expression in cm.
        camera: framing, and the mean pose.
        motion: how the person moves.
        lamp: parameters of the light.
    """

    number: tuple[int, int, int]
    identity: Identity
    neutral: F64
    camera: Camera
    motion: Motion
    lamp: dict[str, float]

    def figure(self, seconds: float) -> Figure:
        """The geometry at a time."""
        return self.posed(self.motion.at(seconds))

    def posed(self, now: Moment) -> Figure:
        """The geometry at a moment."""
        camera = self._camera(now)
        expression = expressions.look(now.expression, camera.rotation[2])
        return figure.pose(self.identity, expression, camera, self.neutral)

    def mean(self) -> Figure:
        """The geometry about which the person moves."""
        expression = expressions.look(self.motion.mean, self.camera.rotation[2])
        return figure.pose(self.identity, expression, self._camera(RESTING), self.neutral)

    def truth(self, seconds: float) -> Truth:
        """What is known about the frame at a time."""
        return truth_of(self.figure(seconds), self.lamp)

    def _camera(self, now: Moment) -> Camera:
        """The camera of a moment: the head turns about the top of the neck."""
        mean = self.camera
        angles = (mean.yaw, mean.pitch, mean.roll)
        yaw, pitch, roll = (round(a + b, 4) for a, b in zip(angles, now.turn, strict=True))
        torso = scene.resting(mean)
        turned = dataclasses.replace(mean, yaw=yaw, pitch=pitch, roll=roll)
        neck = (PIVOT - CENTER) @ mean.rotation.T - (PIVOT - CENTER) @ turned.rotation.T
        # Not rounded: the torso must not tremble.
        x, y, z = (neck + np.array(now.shift)).tolist()
        return dataclasses.replace(turned, stance=Stance((x, y, z), torso, now.shift))


def _draw_amounts(seed: int, person: int, number: int, limits: Limits) -> Amounts:
    rng = streams.rng(seed, person, number, "motion", "amounts")
    head, shift = rng.uniform(*limits.head), rng.uniform(*limits.shift)
    mouth, expression = rng.uniform(*limits.mouth), rng.uniform(*limits.expression)
    silent = rng.random() < limits.silent
    values = (head, shift, 0.0 if silent else mouth, expression)
    return Amounts(*(round(float(value), 4) for value in values))


@functools.lru_cache(maxsize=8)
def take(seed: int, person: int, video: int, size: int, limits: Limits) -> Take:
    """The take of a person's video; any frame of it follows without the others."""
    number = (seed, person, FIRST + video)
    who = identities.draw(seed, person)
    framed = cameras.draw(*number, size)
    angles = {name: round(getattr(framed, name) * _POSE, 4) for name in ("yaw", "pitch", "roll")}
    camera = dataclasses.replace(framed, **angles)
    moves = motion.draw(*number, _draw_amounts(*number, limits))
    neutral = identities.face_shape(who)
    return Take(number, who, neutral, camera, moves, light.draw_values(*number))
