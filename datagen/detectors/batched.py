"""Detectors that run in this process: media are decoded and batched, failures isolated."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Image
from datagen.core.digests import digest_of
from datagen.core.files import below
from datagen.core.images import read_rgb
from datagen.detectors.config import DetectorConfig
from datagen.detectors.outputs import as_numbers
from datagen.detectors.postprocess import Answer, BadAnswerError, cause_of, read_answers
from datagen.detectors.preprocess import MAX_NUMBERS, resized
from datagen.errors import DetectorError, ImageError

__all__ = ["FILE_TIME", "ArrayDetector", "Detector", "Encoded", "Infer", "Medium", "mixed"]

Pixels: TypeAlias = NDArray[np.uint8]

Infer: TypeAlias = Callable[[list[Pixels]], object]
"""Takes images or clips of one shape, returns one answer per image; may raise anything."""

FILE_TIME = (1_000_000_000, 1_000_000_000)
"""Times of every file that a program is given: when it was written tells nothing."""


class Medium(Protocol):
    """An image, a clip or a frame that a detector is given."""

    @property
    def sample_id(self) -> str:
        """Its id in the manifest."""
        ...

    @property
    def source(self) -> str:
        """Id of what is read to see it, equal for those that are read together."""
        ...

    def pixels(self) -> Pixels | Answer:
        """Return it decoded, or the answer that says why it cannot be."""
        ...

    def write(self, folder: Path, stem: str) -> Path | Answer:
        """Write it for a program; return the path, or the answer that says why it cannot be read.

        Args:
            folder: Where.
            stem: Name of the file without its suffix.
        """
        ...


M_contra = TypeVar("M_contra", bound=Medium, contravariant=True)


@dataclass(frozen=True, slots=True)
class Encoded:
    """One image of a release.

    Attributes:
        sample_id: Its id in the manifest.
        data: Its bytes as released; ``None`` if they cannot be read.
        suffix: File suffix of its media type, without a dot; see ``datagen.core.media``.
        problem: The reason why ``data`` is missing; empty otherwise.
    """

    sample_id: str
    data: bytes | None
    suffix: str
    problem: str = ""

    @property
    def source(self) -> str:
        """See ``Medium``."""
        return self.sample_id

    def pixels(self) -> Image | Answer:
        """See ``Medium``."""
        if self.data is None:
            return Answer(None, "unreadable", self.problem)
        try:
            return read_rgb(self.data)
        except ImageError as error:
            return Answer(None, "unreadable", str(error))

    def write(self, folder: Path, stem: str) -> Path | Answer:
        """See ``Medium``."""
        if self.data is None:
            return Answer(None, "unreadable", self.problem)
        path = below(folder, f"{stem}.{self.suffix}")
        path.write_bytes(self.data)
        os.utime(path, FILE_TIME)
        return path


class Detector(Protocol[M_contra]):
    """Gives one answer per image, or per clip."""

    def score(self, images: Sequence[M_contra], batch: int) -> list[Answer]:
        """Return the answers in the order of the images; a single image never raises.

        Args:
            images: The images or clips.
            batch: Maximum number of images that the detector is given at once.

        Raises:
            DetectorError: The detector or its configuration does not work for any image.
        """
        ...


class ArrayDetector:
    """A detector that takes decoded images or clips.

    Args:
        infer: The detector itself.
        config: What its answers mean.
        size: Height and width to which images are resized; ``None`` keeps their size.
    """

    def __init__(
        self, infer: Infer, config: DetectorConfig, size: tuple[int, int] | None = None
    ) -> None:
        self._infer = infer
        self._config = config
        self._size = size if config.size is None else config.size

    def score(self, images: Sequence[Medium], batch: int) -> list[Answer]:
        """See ``Detector``."""
        answers: dict[int, Answer] = {}
        waiting: dict[tuple[int, ...], list[tuple[int, Pixels]]] = {}
        for number in mixed(images):
            image = images[number].pixels()
            if isinstance(image, Answer):
                answers[number] = image
                continue
            image = resized(image, self._size)
            group = waiting.setdefault(image.shape, [])
            group.append((number, image))
            if len(group) == max(1, min(batch, MAX_NUMBERS // image.size)):
                answers.update(self._answers(waiting.pop(image.shape)))
        for group in waiting.values():
            answers.update(self._answers(group))
        return [answers[number] for number in range(len(images))]

    def _answers(self, group: list[tuple[int, Pixels]]) -> Iterator[tuple[int, Answer]]:
        """Answer a batch; split one that fails until the image that makes it fail is alone."""
        try:
            found = self._ask([image for _, image in group])
        except BadAnswerError as error:
            problem = str(error)
        else:
            yield from zip((number for number, _ in group), found, strict=True)
            return
        if len(group) == 1:
            yield group[0][0], Answer(None, "failed", problem)
            return
        middle = len(group) // 2
        yield from self._answers(group[:middle])
        yield from self._answers(group[middle:])

    def _ask(self, images: list[Pixels]) -> list[Answer]:
        try:
            raw = as_numbers(self._infer(images))
        except DetectorError:
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001  # the detector is the user's
            raise BadAnswerError(cause_of(error)) from None
        return read_answers(raw, len(images), self._config)


def mixed(images: Sequence[Medium]) -> list[int]:
    """Return the places of the images in the order in which a detector is given them.

    It depends on neither label nor pair, so that no place in a batch tells a fake from a real.
    """
    return sorted(range(len(images)), key=lambda n: digest_of(["command", images[n].sample_id]))
