"""Portraits of people who don't exist, with their ground truth."""

from __future__ import annotations

from dataclasses import dataclass

from datagen.core import rng as streams

from . import clothes, compose, figure, film, identity, light, scene, texture
from .arrays import F32, U8
from .figure import Figure
from .shade import Stage

VERSION = 1


@dataclass(frozen=True, slots=True)
class Truth:
    """What is known about an image before it is rendered.

    Attributes:
        landmarks: (68, 2) float32 pixels, 300-W order.
        mesh: (478, 3) float32 pixels, MediaPipe numbering; z in the same scale, smaller is
            nearer to the camera, zero at the center of the head.
        box: (4,) float32 x0, y0, x1, y1 of the mesh in pixels.
        yaw: degrees, positive when the nose moves to larger x.
        pitch: degrees, positive when the face looks up.
        roll: degrees, positive clockwise in the image.
        age: whole years, 20 to 75.
        sex: ``female`` or ``male``.
        monk: Monk skin tone, 1 to 10.
        identity: parameters of the person by name.
        expression: parameters of the expression by name.
        light: parameters of the light by name.
    """

    landmarks: F32
    mesh: F32
    box: F32
    yaw: float
    pitch: float
    roll: float
    age: int
    sex: str
    monk: int
    identity: dict[str, float]
    expression: dict[str, float]
    light: dict[str, float]


@dataclass(frozen=True, slots=True)
class Portrait:
    """An image of a person with its ground truth.

    Attributes:
        image: (size, size, 3) uint8 RGB.
        face_mask: (size, size) uint8, 255 where the face is visible, including eyes, mouth and
            what is behind glasses; soft at its edge.
        hair_mask: (size, size) uint8, 255 where hair of the head is visible, without brows and
            beard; soft at its edge.

    The other attributes are those of ``Truth``.
    """

    image: U8
    landmarks: F32
    mesh: F32
    box: F32
    yaw: float
    pitch: float
    roll: float
    face_mask: U8
    hair_mask: U8
    age: int
    sex: str
    monk: int
    identity: dict[str, float]
    expression: dict[str, float]
    light: dict[str, float]


def truth_of(posed: Figure, lamp: dict[str, float]) -> Truth:
    """What is known about an image of a figure under a light of these parameters."""
    who, camera = posed.identity, posed.camera
    return Truth(
        posed.landmarks,
        posed.mesh,
        posed.box,
        camera.yaw,
        camera.pitch,
        camera.roll,
        who.age,
        who.sex,
        who.monk,
        dict(who.values),
        dict(posed.expression),
        dict(lamp),
    )


def describe(seed: int, person: int) -> dict[str, int | str]:
    """Age, sex and Monk skin tone of a person, without geometry or pixels."""
    sex, age, monk = identity.describe(seed, person)
    return {"age": age, "sex": sex, "monk": monk}


def truth(seed: int, person: int, image_number: int, size: int = 512) -> Truth:
    """The ground truth that ``render`` returns for the same numbers, without the image."""
    posed = figure.draw(seed, person, image_number, size)
    return truth_of(posed, light.draw_values(seed, person, image_number))


def draw_image(posed: Figure, lamp: dict[str, float], number: tuple[int, int, int]) -> Portrait:
    """The portrait of a given figure and light; ``number`` seeds everything else."""
    seed, person, image_number = number
    who = posed.identity
    lights = light.make(lamp, who.values["melanin"])
    painted = texture.of(who, seed, person)
    stage = Stage(posed, lights, painted, clothes.draw(seed, person, image_number))
    surfaces = scene.build(posed, lights)
    rng = streams.rng(seed, person, image_number, "wear")
    wears = who.glasses and bool(rng.random() < 0.85)
    linear, face, hair = compose.compose(surfaces, stage, number, wears)
    image = film.develop(linear, lights.exposure, number)
    known = truth_of(posed, lamp)
    return Portrait(
        image,
        known.landmarks,
        known.mesh,
        known.box,
        known.yaw,
        known.pitch,
        known.roll,
        face,
        hair,
        known.age,
        known.sex,
        known.monk,
        known.identity,
        known.expression,
        known.light,
    )


def render(seed: int, person: int, image_number: int, size: int = 512) -> Portrait:
    """Render an image of a person; the same numbers give the same bytes.

    Args:
        seed: seed of the population.
        person: number of the person in the population.
        image_number: number of the person's image.
        size: side length of the square image in pixels, at least 64.
    """
    posed = figure.draw(seed, person, image_number, size)
    lamp = light.draw_values(seed, person, image_number)
    return draw_image(posed, lamp, (seed, person, image_number))
