"""The clips of a release for detectors: read when they are asked for, whole or frame by frame."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from datagen.core.arrays import Image
from datagen.core.digests import sha256_bytes
from datagen.core.files import below
from datagen.core.images import encode_png
from datagen.core.media import VIDEO_TYPES, suffix_of
from datagen.detectors.batched import FILE_TIME, Detector, Medium, mixed
from datagen.detectors.postprocess import Answer
from datagen.detectors.preprocess import MAX_NUMBERS
from datagen.errors import ImageError, ReleaseError
from datagen.release import Folder
from datagen.release.clips import Clip, clip_of, frames_in, pngs_of
from datagen.release.pooling import Pooling, pool
from datagen.release.scores import OK

__all__ = ["Frame", "FramesDetector", "ReleasedClip", "Shelf"]


@dataclass(frozen=True, slots=True)
class ReleasedClip:
    """A clip of a release, of which nothing is read before a detector needs it.

    Attributes:
        folder: The release.
        row: Its manifest row.
    """

    folder: Folder
    row: Mapping[str, Any]

    @property
    def sample_id(self) -> str:
        """Its id in the manifest."""
        return str(self.row["sample_id"])

    @property
    def source(self) -> str:
        """What is read to see it: the clip itself."""
        return self.sample_id

    @property
    def frames(self) -> int:
        """Number of its frames."""
        return int(self.row["frames"])

    @property
    def numbers(self) -> int:
        """How many numbers its decoded frames are."""
        return self.frames * int(self.row["width"]) * int(self.row["height"]) * 3

    def data(self) -> bytes | Answer:
        """Return its bytes as released, or why they cannot be read."""
        path = str(self.row["media_path"])
        try:
            data = self.folder.read_range(
                path, int(self.row["media_offset"]), int(self.row["media_size"])
            )
        except FileNotFoundError:
            return Answer(None, "unreadable", f"{path} is missing")
        except (OSError, ValueError) as error:
            return Answer(None, "unreadable", f"{path} cannot be read: {error}")
        if sha256_bytes(data) != self.row["sha256"]:
            problem = f"its bytes in {path} differ from the manifest"
            return Answer(None, "unreadable", problem)
        return data

    def pixels(self) -> Clip | Answer:
        """See ``Medium``."""
        data = self.data()
        if isinstance(data, Answer):
            return data
        try:
            return clip_of(data, self.row)
        except ReleaseError as error:
            return Answer(None, "unreadable", str(error))

    def write(self, folder: Path, stem: str) -> Path | Answer:
        """See ``Medium``; frames that are stored as images are written to a folder."""
        data = self.data()
        if isinstance(data, Answer):
            return data
        try:
            found = frames_in(data, self.row, "clip")  # no program is given something else
            if found != self.frames:
                raise ImageError(f"it has {found} frames, the row says {self.frames}")
            return self._write(data, folder, stem)
        except ImageError as error:
            return Answer(None, "unreadable", f"the clip is {error}")

    def _write(self, data: bytes, folder: Path, stem: str) -> Path:
        if self.row["media_type"] in VIDEO_TYPES:
            return _written(data, below(folder, f"{stem}.{suffix_of(self.row['media_type'])}"))
        own = below(folder, stem)
        own.mkdir()
        for number, png in enumerate(pngs_of(data)):
            _written(png.data, below(own, f"{number:06d}.png"))
        os.utime(own, FILE_TIME)
        return own


class Shelf:
    """The clips that were decoded last.

    Args:
        most: How many numbers they may be together; one clip is always kept.
    """

    def __init__(self, most: int = MAX_NUMBERS) -> None:
        self._most = most
        self._kept: OrderedDict[str, Clip | Answer] = OrderedDict()

    def pixels(self, clip: ReleasedClip) -> Clip | Answer:
        """Return a decoded clip, or why it has none."""
        name = clip.sample_id
        if name in self._kept:
            self._kept.move_to_end(name)
            return self._kept[name]
        while self._kept and self._size() + clip.numbers > self._most:
            self._kept.popitem(last=False)
        found = clip.pixels()
        self._kept[name] = found
        return found

    def _size(self) -> int:
        return sum(one.size for one in self._kept.values() if not isinstance(one, Answer))


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame of a clip, as an image.

    Attributes:
        clip: The clip.
        number: Number of the frame, from 0.
        shelf: Where the decoded clip is kept while its frames are read.
    """

    clip: ReleasedClip
    number: int
    shelf: Shelf

    @property
    def sample_id(self) -> str:
        """Id of the clip, with the number of the frame."""
        return f"{self.clip.sample_id}#{self.number}"

    @property
    def source(self) -> str:
        """What is read to see it: its clip."""
        return self.clip.sample_id

    def pixels(self) -> Image | Answer:
        """See ``Medium``."""
        found = self.shelf.pixels(self.clip)
        return found if isinstance(found, Answer) else found[self.number]

    def write(self, folder: Path, stem: str) -> Path | Answer:
        """See ``Medium``: a PNG file."""
        image = self.pixels()
        if isinstance(image, Answer):
            return image
        return _written(encode_png(image), below(folder, f"{stem}.png"))


class FramesDetector:
    """A detector of images, given the frames of clips; it answers once per clip.

    Args:
        detector: The detector of images.
        pooling: How the scores of a clip's frames become its score.
        most: Most numbers of the frames that the detector is given in one call; at least those of
            one clip. It decides how much is decoded at a time.
    """

    def __init__(
        self, detector: Detector[Medium], pooling: Pooling, most: int = MAX_NUMBERS
    ) -> None:
        self._detector = detector
        self._pooling = pooling
        self._most = most

    def score(self, images: Sequence[ReleasedClip], batch: int) -> list[Answer]:
        """See ``Detector``; ``frames`` of an answer are those of the clip's frames."""
        answers: dict[int, Answer] = {}
        for places in self._groups(images):
            shelf = Shelf(min(self._most, MAX_NUMBERS))
            frames = [
                Frame(images[place], number, shelf)
                for place in places
                for number in range(images[place].frames)
            ]
            found = iter(self._detector.score(frames, batch))
            for place in places:
                own = tuple(islice(found, images[place].frames))
                answers[place] = _pooled(own, self._pooling)
        return [answers[number] for number in range(len(images))]

    def _groups(self, clips: Sequence[ReleasedClip]) -> Iterator[list[int]]:
        """Yield the places of clips that are scored in one call, in an order that tells nothing."""
        group: list[int] = []
        numbers = 0
        for place in mixed(clips):
            if group and numbers + clips[place].numbers > self._most:
                yield group
                group, numbers = [], 0
            group.append(place)
            numbers += clips[place].numbers
        if group:
            yield group


def _pooled(frames: tuple[Answer, ...], pooling: Pooling) -> Answer:
    """Return the answer for a clip: without that of a frame there is none."""
    for number, one in enumerate(frames):
        if one.status != OK:
            where = f"frame {number}: " if one.status == "failed" else ""
            return Answer(None, one.status, f"{where}{one.detail}", frames)
    scores = np.asarray([one.score for one in frames], np.float64)
    (score,) = pool(scores, np.zeros(len(scores), np.int64), pooling, logits=False)
    return Answer(float(score), frames=frames)


def _written(data: bytes, path: Path) -> Path:
    path.write_bytes(data)
    os.utime(path, FILE_TIME)
    return path
