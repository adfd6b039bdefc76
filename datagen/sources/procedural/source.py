"""Layout ``procedural``: any number of people who don't exist, rendered without files."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from datagen.core.arrays import Image
from datagen.core.schema import Frozen
from datagen.sources.base import Record, Source
from datagen.sources.procedural.footage import footage
from datagen.sources.procedural.options import ProceduralOptions, VideoOptions
from datagen.sources.procedural.portrait import VERSION, Truth, render, truth
from datagen.sources.procedural.take import Take, take

__all__ = ["Procedural", "ProceduralOptions"]

_CLIP = re.compile(r"p(\d{7,})_v(\d{4,})")


class Procedural(Source):
    """People who don't exist, rendered on demand with exact landmarks, mesh and pose."""

    layout: ClassVar[str] = "procedural"
    options: ClassVar[type[Frozen]] = ProceduralOptions
    clip_options: ClassVar[frozenset[str]] = frozenset({"video"})
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

    @property
    def _video(self) -> VideoOptions:
        video: VideoOptions = self.config.video
        return video

    def clip_digest_options(self) -> dict[str, Any]:
        """See base class; the length of a video changes none of its frames."""
        video = self._video.model_dump(mode="json", exclude={"per_identity", "seconds"})
        return {"seed": self.config.seed, "size": self.config.size, "video": video}

    def clip_records(self) -> Iterator[Record]:
        """See base class; the geometry of each is that of its first frame."""
        for person in range(self.config.identities):
            for number in range(self._video.per_identity):
                record = Record(image_id=f"p{person:07d}_v{number:04d}", identity=f"p{person:07d}")
                yield self.frame_record(record, 0)

    def frame_record(self, record: Record, frame: int) -> Record:
        """See base class."""
        person, number = self._clip(record.image_id, frame)
        known = self._take(person, number).truth(float(frame / self._video.fps))
        exact = self._record(person, number, known)
        frames, fps = self._video.frames, self._video.fps
        return dataclasses.replace(exact, image_id=record.image_id, frames=frames, fps=fps)

    def render_frame(self, image_id: str, frame: int) -> Image:
        """See base class; what the frames of a clip share is kept for the next one."""
        person, number = self._clip(image_id, frame)
        shot = footage(self.config.seed, person, number, self.config.size, self._video.limits)
        return shot.frame(frame, self._video.fps)

    def _take(self, person: int, number: int) -> Take:
        return take(self.config.seed, person, number, self.config.size, self._video.limits)

    def _clip(self, image_id: str, frame: int) -> tuple[int, int]:
        """Person and number of a clip that has this frame."""
        found = _CLIP.fullmatch(image_id)
        person, number = (int(found[1]), int(found[2])) if found else (-1, -1)
        if not (0 <= person < self.config.identities and number < self._video.per_identity):
            raise self.error(f"no clip {image_id!r}")
        if not 0 <= frame < self._video.frames:
            last = self._video.frames - 1
            raise self.error(f"clip {image_id!r} has frames 0 to {last}, not {frame}")
        return person, number
