"""Asking a detector a second time: for one image alone, and for one that an earlier run scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import pyarrow as pa

from datagen.detectors.batched import Detector, Medium
from datagen.detectors.load import open_detector
from datagen.detectors.postprocess import Answer
from datagen.detectors.shards import ReleasedShard, media_of
from datagen.detectors.spec import DetectorSpec
from datagen.release import Folder

__all__ = ["Rescore", "difference_alone", "differs"]

TOLERANCE = 0.002
"""Scores closer than this are equal: kernels of another batch size round otherwise."""

_OTHERS = 2  # images of an earlier run that are scored again

M = TypeVar("M", bound=Medium)


def difference_alone(
    detector: Detector[M], images: Sequence[M], answers: Sequence[Answer], batch: int
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
        ids, scores = (self.table.column(name).to_pylist() for name in ("sample_id", "score"))
        then: dict[str, list[float | None]] = {}
        for sample, score in zip(ids, scores, strict=True):
            then.setdefault(sample, []).append(score)
        scored = {sample for sample, score in zip(ids, scores, strict=True) if score is not None}
        _, media = media_of(self.folder, shard)
        some = [one for one in media if one.sample_id in scored][:_OTHERS]
        answers = open_detector(self.spec, shard.clips).score(some, len(some)) if some else []
        for image, answer in zip(some, answers, strict=True):
            now = answer.frames if "frame" in self.table.column_names else (answer,)
            for old, new in zip(then[image.sample_id], now, strict=False):
                if old is not None and differs(old, new):
                    shown = new.status if new.score is None else f"{new.score:.4g}"
                    return f"{image.sample_id}: {old:.4g} then, {shown} now"
        return ""


def differs(score: float, answer: Answer) -> bool:
    """Return whether an answer is not the score that an earlier run wrote."""
    return answer.score is None or abs(answer.score - score) > TOLERANCE
