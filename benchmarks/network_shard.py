"""What a worker does for a shard of one learned method, in memory, for ``networks.py``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from random_networks import PEOPLE

from datagen.core.arrays import Affine, Landmarks
from datagen.core.images import decode, encode_png
from datagen.core.rng import rng
from datagen.core.schema import Frozen
from datagen.errors import ItemError
from datagen.faces.crop import CropJitter, crop_matrix, face_box, shrink_for, take_crop
from datagen.faces.face import FaceCrop
from datagen.faces.landmarks import move_landmarks
from datagen.generation.batches import Ahead, Begun, Fake, Steps
from datagen.generation.checks import checked, visible_change
from datagen.generation.encoding import Encoding, encode
from datagen.methods import Context, Result
from datagen.methods.batched import BatchedMethod
from datagen.planning import Item
from datagen.sources.procedural import render

__all__ = ["Faces", "Timed", "items_of", "make", "steps_of"]

SOURCE_SIDE = 1024


class Timed(BatchedMethod):
    """A method that counts the seconds in ``run``."""

    name, family, params = "timed", "face_swap", Frozen
    min_change = 0.0

    def __init__(self, method: BatchedMethod) -> None:
        super().__init__(method.config)
        self.method = method
        self.seconds = 0.0

    def open(self) -> None:
        """See base class."""
        self.method.open()

    def sample(self, rng: np.random.Generator, ctx: Context) -> Any:
        """See base class."""
        return self.method.sample(rng, ctx)

    def prepare(self, ctx: Context, params: Any) -> Any:
        """See base class."""
        return self.method.prepare(ctx, params)

    def run(self, prepared: Sequence[Any]) -> list[Any]:
        """Run until the device has nothing left to do."""
        started = time.perf_counter()
        outputs = self.method.run(prepared)
        if self.method.config.device == "cuda":
            import torch

            torch.cuda.synchronize()
        self.seconds += time.perf_counter() - started
        return outputs

    def finish(self, ctx: Context, params: Any, prepared: Any, output: Any) -> Result:
        """See base class."""
        return self.method.finish(ctx, params, prepared, output)


class Faces:
    """People who don't exist, as JPEGs with their landmarks."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._files: list[tuple[bytes, Landmarks]] = []
        for person in range(len(PEOPLE)):
            portrait = render(1, person, 0, SOURCE_SIDE)
            data = encode(portrait.image, Encoding("jpeg", 95, "4:2:0"))
            self._files.append((data, portrait.landmarks))

    def crop(self, number: int) -> tuple[FaceCrop, Affine]:
        """Read a face as ``datagen.faces.reader`` does."""
        data, landmarks = self._files[number]
        matrix = crop_matrix(face_box(landmarks), 1.3, self._size, CropJitter())
        shrink = shrink_for(matrix)
        image = take_crop(decode(data, shrink), matrix, self._size, shrink)
        points = move_landmarks(landmarks, matrix)
        return FaceCrop(image, points, identity=PEOPLE[number]), matrix


def steps_of(method: BatchedMethod, faces: Faces) -> Steps:
    """Return what a shard does for a batch, but that every change is large enough."""

    def begin(item: Item) -> Begun:
        crop, matrix = faces.crop(item.target)
        donor = None if item.donor is None else faces.crop(item.donor)[0]
        return Begun(item, crop, matrix, Context(crop, donor))

    def draw(begun: Begun, attempt: int) -> Any:
        return method.sample(rng("networks", method.name, begun.item.base, attempt), begun.ctx)

    def judge(begun: Begun, attempt: int, params: Any, made: Result) -> Fake:
        result, target = checked(method, made, begun.ctx), begun.ctx.target.image
        real = target if result.real is None else result.real
        return Fake(attempt, params, result, visible_change(real, result.image, result.mask))

    def repeat(begun: Begun, again: Result, result: Result) -> None:
        raise AssertionError("asked of methods from elsewhere alone")

    return Steps(begin, draw, judge, repeat)


def items_of(count: int, needs_donor: bool) -> list[Item]:
    """Return pairs of the people in turn, each with the next one as donor."""
    items = []
    for number in range(count):
        name, target = f"bench-train-{number:08d}", number % len(PEOPLE)
        donor = (target + 1) % len(PEOPLE) if needs_donor else None
        items.append(Item("train", number, number, name, name, 0, target, donor, False))
    return items


def make(ahead: Ahead, items: Sequence[Item]) -> int:
    """Make and encode all pairs; return how many were refused."""
    lost, encoding = 0, Encoding("jpeg", 95, "4:2:0")
    for item in items:
        try:
            begun, fake = ahead.take(item)
        except ItemError:
            lost += 1
            continue
        real = begun.ctx.target.image if fake.result.real is None else fake.result.real
        for image in (real, fake.result.image):
            encode(image, encoding)
        encode_png(fake.result.mask)
    return lost
