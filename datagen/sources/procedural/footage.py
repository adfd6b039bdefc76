"""The frames of a video: the head is rendered anew, before a backdrop that stays."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np

from datagen.core import rng as streams

from . import background, clothes, compose, film, held, light, scene, texture
from .arrays import F32, F64, U8
from .camera import Camera
from .clothes import Clothes
from .complexion import SIZE
from .figure import Figure
from .film import Film
from .held import Held
from .light import Light
from .shade import Stage
from .take import Limits, Take, take
from .texture import Texture

# Width in cm of the face that the texture covers.
_TEXTURED = 15.0
# Pixels around what moves: loose strands reach beyond the hair, and the lens blurs.
_MARGIN, _LENS = 20, 4


@dataclass(frozen=True, slots=True)
class Footage:
    """What the frames of a take share beyond the geometry.

    Attributes:
        take: the take.
        lights: the light.
        texture: the skin, without detail that is finer than the pixels.
        clothes: the clothes.
        wears: whether glasses are worn.
        held: hair and fixed light.
        background: (size, size, 3) linear light without the person.
        plate: (size, size, 3) levels of the background with the torso, without grain.
        seam: (m, 2) places where what moves meets the torso.
        film: lens and sensor.
    """

    take: Take
    lights: Light
    texture: Texture
    clothes: Clothes
    wears: bool
    held: Held
    background: F32
    plate: F32
    seam: F64
    film: Film

    def frame(self, number: int, fps: Fraction) -> U8:
        """A frame (size, size, 3) uint8 RGB."""
        posed = self.take.figure(float(number / fps))
        left, top, side = self._window(posed)
        camera = posed.camera.cut(left, top, side)
        mesh = posed.mesh - np.array([left, top, 0.0], np.float32)
        cut = dataclasses.replace(posed, camera=camera, mesh=mesh)
        place = (slice(top, top + side), slice(left, left + side))
        canvas = self.background[place].copy()
        stage = Stage(cut, self.lights, self.texture, self.clothes, self.held, canvas)
        surfaces = scene.build(cut, self.lights, self.held)
        linear, _, _ = compose.paint(surfaces, stage, self.take.number, self.wears)
        shown = self.plate.copy()
        inner = tuple(_inner(start, side, len(shown)) for start in (top, left))
        levels = self.film.expose(linear, self.lights.exposure)
        rows, columns = (slice(a - b, c - b) for (a, c), b in zip(inner, (top, left), strict=True))
        shown[slice(*inner[0]), slice(*inner[1])] = levels[rows, columns]
        return self.film.grained(shown, streams.rng(*self.take.number, "film", number))

    def _window(self, posed: Figure) -> tuple[int, int, int]:
        """Left, top and side of the square that holds all that moves."""
        size = posed.camera.size
        points = np.concatenate([self.held.extent(posed.camera), posed.mesh[:, :2], self.seam])
        low = np.clip(np.floor(points.min(axis=0)) - _MARGIN, 0, size)
        high = np.clip(np.ceil(points.max(axis=0)) + _MARGIN, 0, size)
        side = int(min(size, max(high - low)))
        left, top = (int(min(start, size - side)) for start in low)
        return left, top, side


def _inner(start: int, side: int, size: int) -> tuple[int, int]:
    """The part of a window along one axis that the lens doesn't mix with its border."""
    return start + _LENS * (start > 0), start + side - _LENS * (start + side < size)


def _resolved(skin: Texture, camera: Camera) -> Texture:
    """The texture without detail finer than the pixels, which would shimmer in motion."""
    texels = SIZE / (_TEXTURED * camera.focal / camera.distance)
    if texels <= 1.0:
        return skin
    blur = 0.45 * float(np.sqrt(texels**2 - 1.0))
    soft = (cv2.GaussianBlur(layer, (0, 0), blur) for layer in (skin.pigment, skin.relief))
    pigment, relief = (np.asarray(layer, np.float32) for layer in soft)
    return Texture(pigment, relief)


@functools.lru_cache(maxsize=2)
def footage(seed: int, person: int, video: int, size: int, limits: Limits) -> Footage:
    """What the frames of a person's video share; takes about as long as a still."""
    shot = take(seed, person, video, size, limits)
    mean = shot.mean()
    lights = light.make(shot.lamp, shot.identity.values["melanin"])
    skin = _resolved(texture.of(shot.identity, seed, person), shot.camera)
    worn = clothes.draw(*shot.number)
    rng = streams.rng(*shot.number, "wear")
    wears = shot.identity.glasses and bool(rng.random() < 0.85)
    still = scene.backdrop(mean, lights)
    kept = held.hold(mean, shot.number, still.sky, still.received, still.fixed)
    empty = background.make(*shot.number, size, lights)
    stage = Stage(mean, lights, skin, worn, kept, empty.copy())
    linear, _, _ = compose.paint(still.scene, stage, shot.number, wears=False)
    sensor, _ = film.draw(shot.number, size)
    plate = sensor.expose(linear, lights.exposure)
    return Footage(shot, lights, skin, worn, wears, kept, empty, plate, still.seam, sensor)
