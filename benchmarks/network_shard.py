"""The work of one shard of a learned method, in memory, for ``networks.py``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from random_networks import PEOPLE

from datagen.core.arrays import Affine, Landmarks
from datagen.core.images import encode_png
from datagen.core.reading import read_again
from datagen.core.schema import Frozen
from datagen.errors import ItemError
from datagen.faces.crop import CropJitter, crop_matrix, face_box, shrink_for, take_crop
from datagen.faces.face import FaceCrop
from datagen.faces.index import Face
from datagen.faces.landmarks import move_landmarks
from datagen.generation.encoding import Encoding, encode
from datagen.generation.pair import Draft, PairStarter
from datagen.generation.producers import BatchedProducer
from datagen.methods import Context, Result
from datagen.methods.batched import BatchedMethod
from datagen.planning import Item
from datagen.sources.procedural import render

__all__ = ["Faces", "Timed", "items_of", "make", "producer_of"]

SOURCE_SIDE = 1024


class Timed(BatchedMethod):
    """A method that measures the seconds spent in ``run``."""

    name, family, params = "timed", "face_swap", Frozen
    min_change = 0.0

    def __init__(self, method: BatchedMethod) -> None:
        super().__init__(method.config)
        for key in ("name", "family", "params"):
            setattr(self, key, getattr(method, key))
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
        """Run, and wait until the device is idle."""
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
    """Procedural faces as JPEGs, with their landmarks."""

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
        image = take_crop(read_again(data, 1, shrink), matrix, self._size, shrink)
        points = move_landmarks(landmarks, matrix)
        return FaceCrop(image, points, identity=PEOPLE[number]), matrix


class Starter:
    """Starts pairs as ``PairStarter`` does, without recipe and index; any change is accepted."""

    def __init__(self, method: BatchedMethod, faces: Faces) -> None:
        self._method, self._faces = method, faces

    def start(self, item: Item) -> Draft:
        """Take the crops of an item and draw its params."""
        crop, matrix = self._faces.crop(item.target)
        donor = None if item.donor is None else self._faces.crop(item.donor)[0]
        # A row of the face index is needed for the manifest only.
        indexed = cast(Face, None)
        context = Context(crop, donor)
        args = (item, self._method, indexed, None, matrix, context)
        return Draft(*args, seed=1, min_change=0.0)


def producer_of(method: BatchedMethod, faces: Faces, items: Sequence[Item]) -> BatchedProducer:
    """Return what a shard makes the pairs of one method with."""
    starter = cast(PairStarter, Starter(method, faces))
    return BatchedProducer(starter, method, items, proven={method.name})


def items_of(count: int, needs_donor: bool) -> list[Item]:
    """Return pairs of the identities in turn, each with the next one as donor."""
    items = []
    for number in range(count):
        name, target = f"bench-train-{number:08d}", number % len(PEOPLE)
        donor = (target + 1) % len(PEOPLE) if needs_donor else None
        items.append(Item("train", number, number, name, name, 0, target, donor, False))
    return items


def make(producer: BatchedProducer, items: Sequence[Item]) -> int:
    """Make and encode all pairs; return how many were refused."""
    lost, encoding = 0, Encoding("jpeg", 95, "4:2:0")
    for item in items:
        try:
            pair = producer.pair_for(item)
        except ItemError:
            lost += 1
            continue
        for image in pair.images.values():
            encode(image, encoding)
        encode_png(pair.mask)
    return lost
