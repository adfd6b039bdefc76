"""Layout ``procedural``: people made by the program, in any number, without a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from pydantic import Field

from datagen.core.arrays import Image
from datagen.core.schema import Frozen
from datagen.errors import SourceError
from datagen.sources.base import Record, Source
from datagen.sources.procedural.portrait import VERSION, Truth, render, truth

__all__ = ["Procedural", "ProceduralOptions"]


class ProceduralOptions(Frozen):
    """Options of the layout ``procedural``.

    Attributes:
        people: How many people; person ``n`` is the same whatever their number.
        pictures: Pictures of each.
        seed: Other people for another number.
        size: Side of the pictures in pixels.
    """

    people: int = Field(default=60, ge=2, le=10_000_000)
    pictures: int = Field(default=8, ge=1, le=10_000)
    seed: int = Field(default=1, ge=0, lt=2**63)
    size: int = Field(default=512, ge=128, le=2048)


class Procedural(Source):
    """People who don't exist, rendered on demand with exact landmarks, mesh and pose."""

    layout: ClassVar[str] = "procedural"
    options: ClassVar[type[Frozen]] = ProceduralOptions
    has_files: ClassVar[bool] = False
    version: ClassVar[int] = VERSION
    render_seconds: ClassVar[float] = 0.1

    def records(self) -> Iterator[Record]:
        """See base class; the truth of a picture costs a thousandth of the picture."""
        for person in range(self.config.people):
            for picture in range(self.config.pictures):
                known = truth(self.config.seed, person, picture, self.config.size)
                yield self._record(person, picture, known)

    def _record(self, person: int, picture: int, known: Truth) -> Record:
        return Record(
            image_id=f"p{person:07d}_{picture:04d}",
            identity=f"p{person:07d}",
            age=float(known.age),
            sex=known.sex,
            landmarks=np.asarray(known.landmarks, np.float32),
            mesh=np.asarray(known.mesh, np.float32),
            box=np.asarray(known.box, np.float32),
            pose=(known.yaw, known.pitch, known.roll),
            size=(self.config.size, self.config.size),
            extra={"monk": str(known.monk)},
        )

    def render(self, image_id: str) -> Image:
        """See base class.

        Raises:
            SourceError: No such picture.
        """
        person, _, picture = image_id.removeprefix("p").partition("_")
        if not (person.isdigit() and picture.isdigit()):
            raise SourceError(f"source {self.card.id!r} has no picture {image_id!r}")
        return render(self.config.seed, int(person), int(picture), self.config.size).image
