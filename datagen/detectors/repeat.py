"""Asking a detector a second time: for one image alone, and for one that an earlier run scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from datagen.detectors.batched import Detector, Encoded
from datagen.detectors.load import open_detector
from datagen.detectors.postprocess import Answer
from datagen.detectors.shards import ReleasedShard, images_of
from datagen.detectors.spec import DetectorSpec
from datagen.release import Folder

__all__ = ["Rescore", "difference_alone", "differs"]

TOLERANCE = 0.002
"""Scores closer than this are equal: kernels of another batch size round otherwise."""

_OTHERS = 2  # images of an earlier run that are scored again


def difference_alone(
    detector: Detector, images: Sequence[Encoded], answers: Sequence[Answer], batch: int
) -> str:
    """Score two images of a shard alone; return how a score differs, or an empty text.

    Args:
        detector: The detector.
        images: All images of the shard.
        answers: What it answered for them.
        batch: Maximum number of images that it was given at once.
    """
    scored = [n for n, answer in enumerate(answers) if answer.score is not None]
    if batch < 2 or len(scored) < 2:
        return ""
    for place in {scored[len(scored) // 3], scored[-1]}:
        (alone,) = detector.score([images[place]], 1)
        among = answers[place].score
        if among is not None and differs(among, alone):
            shown = f"{alone.score:.4g}" if alone.score is not None else alone.detail
            return f"{images[place].sample_id}: {among:.4g} among others, {shown} alone"
    return ""


@dataclass(frozen=True, slots=True)
class Rescore:
    """A task over ``ReleasedShard``: a few of its images, scored by the detector as it is now.

    Attributes:
        spec: The detector.
        folder: The release.
        table: The scores of the shard by an earlier run.
    """

    spec: DetectorSpec
    folder: Folder
    table: pa.Table

    def __call__(self, shard: ReleasedShard) -> str:
        """Return the first image whose score differs, and how; an empty text for none."""
        scores = self.table.column("score").to_pylist()
        places = [n for n, score in enumerate(scores) if score is not None][:_OTHERS]
        if not places:
            return ""
        _, images = images_of(self.folder, shard)
        some = [images[n] for n in places]
        answers = open_detector(self.spec).score(some, len(some))
        for place, image, answer in zip(places, some, answers, strict=True):
            if differs(scores[place], answer):
                now = answer.status if answer.score is None else f"{answer.score:.4g}"
                return f"{image.sample_id}: {scores[place]:.4g} then, {now} now"
        return ""


def differs(score: float, answer: Answer) -> bool:
    """Return whether an answer is not the score that an earlier run wrote."""
    return answer.score is None or abs(answer.score - score) > TOLERANCE
