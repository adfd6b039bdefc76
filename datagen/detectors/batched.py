"""Detectors that live in this process: images are decoded, batched, and failures cornered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Image
from datagen.detectors.config import DetectorConfig
from datagen.detectors.postprocess import Answer, BadAnswerError, read_answers
from datagen.detectors.preprocess import decode, sized

__all__ = ["ArrayDetector", "Detector", "Encoded", "Infer"]

Infer: TypeAlias = Callable[[list[Image]], object]
"""Images of one size to answers, one an image; may raise anything."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """One image of a release.

    Attributes:
        data: Its bytes as released; ``None`` when they cannot be had, and ``trouble`` says why.
        suffix: Of a file of this format, without a dot.
    """

    sample_id: str
    data: bytes | None
    suffix: str
    trouble: str = ""


class Detector(Protocol):
    """Gives an answer for each image."""

    def score(self, pictures: Sequence[Encoded], batch: int) -> list[Answer]:
        """Return the answers in the order of the images; never raise for one of them.

        Raises:
            DetectorError: The detector or its configuration must be changed for all of them.
        """
        ...


class ArrayDetector:
    """A detector that takes decoded images.

    Args:
        infer: See ``Infer``.
        config: What its answers mean.
        size: Height and width to which images are scaled; ``None`` leaves them as they are.
    """

    def __init__(
        self, infer: Infer, config: DetectorConfig, size: tuple[int, int] | None = None
    ) -> None:
        self._infer = infer
        self._config = config
        self._size = size if config.size is None else config.size

    def score(self, pictures: Sequence[Encoded], batch: int) -> list[Answer]:
        """See ``Detector``."""
        answers: dict[int, Answer] = {}
        waiting: dict[tuple[int, ...], list[tuple[int, Image]]] = {}
        for number, picture in enumerate(pictures):
            image = _decoded(picture)
            if isinstance(image, Answer):
                answers[number] = image
                continue
            image = sized(image, self._size)
            group = waiting.setdefault(image.shape, [])
            group.append((number, image))
            if len(group) == batch:
                answers.update(self._answered(waiting.pop(image.shape)))
        for group in waiting.values():
            answers.update(self._answered(group))
        return [answers[number] for number in range(len(pictures))]

    def _answered(self, group: list[tuple[int, Image]]) -> Iterator[tuple[int, Answer]]:
        """Answer a batch; halve one that fails until the image that makes it fail is alone."""
        try:
            found = self._asked([image for _, image in group])
        except BadAnswerError as error:
            trouble = str(error)
        else:
            yield from zip((number for number, _ in group), found, strict=True)
            return
        if len(group) == 1:
            yield group[0][0], Answer(None, "failed", trouble)
            return
        middle = len(group) // 2
        yield from self._answered(group[:middle])
        yield from self._answered(group[middle:])

    def _asked(self, images: list[Image]) -> list[Answer]:
        try:
            raw = _plain(self._infer(images))
        except (Exception, SystemExit) as error:  # noqa: BLE001  # the detector is the user's
            raise BadAnswerError(f"{type(error).__name__}: {_first_line(error)}") from None
        return read_answers(raw, len(images), self._config)


def _decoded(picture: Encoded) -> Image | Answer:
    if picture.data is None:
        return Answer(None, "unreadable", picture.trouble)
    try:
        return decode(picture.data)
    except Exception as error:  # noqa: BLE001  # Pillow raises what its plug-ins raise
        return Answer(None, "unreadable", f"{type(error).__name__}: {_first_line(error)}")


def _plain(raw: object) -> object:
    """Return a tensor of torch, alone or first of several outputs, as an array."""
    first = raw[0] if isinstance(raw, tuple) and raw else raw
    if hasattr(first, "detach"):
        tensor: NDArray[np.float64] = first.detach().cpu().double().numpy()
        return tensor
    return raw


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [""])[0][:300]
