"""Layout ``procedural``: any number of people who don't exist, rendered without files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from datagen.core.arrays import Image
from datagen.core.schema import Frozen
from datagen.sources.base import Record, Source
from datagen.sources.procedural.portrait import VERSION, Truth, render, truth

__all__ = ["Procedural", "ProceduralOptions"]


class ProceduralOptions(Frozen):
    """Options of the layout ``procedural``.

    Attributes:
        identities: Number of identities; identity ``n`` does not depend on it.
        images_per_identity: Number of images per identity.
        seed: Seed of the population; another seed gives other people.
        size: Side length of the images in pixels.
    """

    identities: int = Field(default=60, ge=2, le=10_000_000)
    images_per_identity: int = Field(default=8, ge=1, le=10_000)
    seed: int = Field(default=1, ge=0, lt=2**63)
    size: int = Field(default=512, ge=128, le=2048)


class Procedural(Source):
    """People who don't exist, rendered on demand with exact landmarks, mesh and pose."""

    layout: ClassVar[str] = "procedural"
    options: ClassVar[type[Frozen]] = ProceduralOptions
    has_files: ClassVar[bool] = False
    version: ClassVar[int] = VERSION
    render_seconds: ClassVar[float] = 0.1

    def digest_options(self) -> dict[str, Any]:
        """See base class; keeps the key names of the first version, so that digests stay equal."""
        config = self.config
        named = {"people": config.identities, "pictures": config.images_per_identity}
        return {**named, "seed": config.seed, "size": config.size}

    def records(self) -> Iterator[Record]:
        """See base class; the ground truth takes a thousandth of the time of the image."""
        for person in range(self.config.identities):
            for image_number in range(self.config.images_per_identity):
                known = truth(self.config.seed, person, image_number, self.config.size)
                yield self._record(person, image_number, known)

    def _record(self, person: int, image_number: int, known: Truth) -> Record:
        return Record(
            image_id=f"p{person:07d}_{image_number:04d}",
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
            SourceError: There is no such image.
        """
        person, _, image_number = image_id.removeprefix("p").partition("_")
        if not (person.isdigit() and image_number.isdigit()):
            raise self.error(f"no image {image_id!r}")
        return render(self.config.seed, int(person), int(image_number), self.config.size).image
