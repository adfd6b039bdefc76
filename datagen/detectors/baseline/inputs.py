"""What the baseline detector is given of a release, read by shards in parallel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from datagen.core.arrays import Image
from datagen.core.images import encode_png
from datagen.detectors.baseline.features import SMALLEST, features_of
from datagen.detectors.batched import Encoded, Medium
from datagen.detectors.postprocess import Answer
from datagen.detectors.shards import ReleasedShard, media_of
from datagen.release import Folder

__all__ = ["FeaturesOfShard", "ImagesOfShard", "Inputs", "join"]

_FRAMES = 8  # of a clip, evenly spread: its frames resemble each other
_IMAGE_AXES = 3

Given: TypeAlias = Sequence[Any]
"""Of each image or frame its features ``(features,)`` or its encoded bytes."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs of some images, or of some frames of some clips.

    Attributes:
        rows: Their manifest rows.
        given: Of each image that can be used, or of each frame, what a detector is given.
        places: For each of ``given``, the place of its image or clip in ``rows``.
        answers: For each row ``None``, or why it cannot be used.
    """

    rows: pd.DataFrame
    given: Given
    places: NDArray[np.int64]
    answers: list[Answer | None]


@dataclass(frozen=True, slots=True)
class FeaturesOfShard:
    """A task over ``ReleasedShard``: the features of its images or frames."""

    folder: Folder

    def __call__(self, shard: ReleasedShard) -> Inputs:
        """See ``Task``."""
        return _inputs(self.folder, shard, _features)


@dataclass(frozen=True, slots=True)
class ImagesOfShard:
    """A task over ``ReleasedShard``: its encoded images, or frames of its clips as PNG."""

    folder: Folder

    def __call__(self, shard: ReleasedShard) -> Inputs:
        """See ``Task``."""
        return _inputs(self.folder, shard, _encoded)


def join(parts: Sequence[Inputs]) -> Inputs:
    """Return the inputs of all shards as one."""
    starts = np.cumsum([0, *(len(part.rows) for part in parts)])
    return Inputs(
        pd.concat([part.rows for part in parts], ignore_index=True),
        [one for part in parts for one in part.given],
        np.concatenate([part.places + start for part, start in zip(parts, starts, strict=False)]),
        [answer for part in parts for answer in part.answers],
    )


def _inputs(
    folder: Folder, shard: ReleasedShard, read: Callable[[Medium], list[Any] | Answer]
) -> Inputs:
    rows, media = media_of(folder, shard)
    given: list[Any] = []
    counts = []
    answers: list[Answer | None] = []
    for medium in media:
        found = read(medium)
        answers.append(found if isinstance(found, Answer) else None)
        counts.append(0 if isinstance(found, Answer) else len(found))
        given += [] if isinstance(found, Answer) else found
    return Inputs(rows, given, np.repeat(np.arange(len(media)), counts), answers)


def _frames(medium: Medium) -> list[Image] | Answer:
    pixels = medium.pixels()
    if isinstance(pixels, Answer):
        return pixels
    frames = pixels[None] if pixels.ndim == _IMAGE_AXES else pixels
    if min(frames.shape[1:3]) < SMALLEST:
        height, width = frames.shape[1:3]
        problem = f"expected sides of at least {SMALLEST} pixels, found {width} x {height}"
        return Answer(None, "failed", problem)
    wanted = np.linspace(0, len(frames) - 1, min(len(frames), _FRAMES)).round().astype(int)
    return [frames[number] for number in wanted]


def _features(medium: Medium) -> list[NDArray[np.float32]] | Answer:
    frames = _frames(medium)
    return frames if isinstance(frames, Answer) else [features_of(frame) for frame in frames]


def _encoded(medium: Medium) -> list[bytes] | Answer:
    frames = _frames(medium)
    if isinstance(frames, Answer):
        return frames
    if isinstance(medium, Encoded) and medium.data is not None:
        return [medium.data]
    return [encode_png(frame) for frame in frames]
