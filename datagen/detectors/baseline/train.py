"""The baseline detector on a release: features in parallel, one fit, scores and a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from datagen.core.digests import digest_of
from datagen.core.files import write_atomically
from datagen.core.stats import auc
from datagen.detectors.baseline.features import feature_count, features_of
from datagen.detectors.baseline.model import BaselineModel, train_baseline
from datagen.detectors.batched import Medium
from datagen.detectors.postprocess import Answer
from datagen.detectors.shards import (
    OnProgress,
    ReleasedShard,
    answer_table,
    media_of,
    release_facts,
    run_shards,
    shards_of,
)
from datagen.engine import Engine
from datagen.errors import ReleaseError
from datagen.release import Folder
from datagen.release.reader import Release
from datagen.release.scores import note_on_replaced, write_scores

__all__ = ["BASELINE", "BaselineResult", "FeaturesOfShard", "MethodAuc", "run_baseline"]

BASELINE = "datagen baseline"
"""The detector's name in a scores file."""

_SHOWN = 3
_FRAMES = 8  # of a clip, evenly spread: its frames resemble each other
_IMAGE_AXES = 3


@dataclass(frozen=True, slots=True)
class _ShardFeatures:
    """The features of a shard's images, or of some frames of its clips.

    Attributes:
        rows: Its manifest rows.
        features: Array ``(n, feature_count())``: of each image that has features, or of frames.
        places: For each of ``features``, the place of its image or clip in ``rows``.
        answers: For each row ``None``, or why it has no features.
    """

    rows: pd.DataFrame
    features: NDArray[np.float32]
    places: NDArray[np.int64]
    answers: list[Answer | None]


@dataclass(frozen=True, slots=True)
class FeaturesOfShard:
    """A task over ``ReleasedShard``: the features of its images or clips."""

    folder: Folder

    def __call__(self, shard: ReleasedShard) -> _ShardFeatures:
        """See ``Task``."""
        rows, media = media_of(self.folder, shard)
        features = [np.empty((0, feature_count()), np.float32)]
        counts = []
        answers: list[Answer | None] = []
        for medium in media:
            found = _features(medium)
            if isinstance(found, Answer):
                answers.append(found)
                counts.append(0)
            else:
                answers.append(None)
                counts.append(len(found))
                features.append(found)
        places = np.repeat(np.arange(len(media)), counts)
        return _ShardFeatures(rows, np.concatenate(features), places, answers)


def _features(medium: Medium) -> NDArray[np.float32] | Answer:
    """Return the features of an image, or those of some frames of a clip, one row each."""
    pixels = medium.pixels()
    if isinstance(pixels, Answer):
        return pixels
    frames = pixels[None] if pixels.ndim == _IMAGE_AXES else pixels
    wanted = np.linspace(0, len(frames) - 1, min(len(frames), _FRAMES)).round().astype(int)
    try:
        return np.stack([features_of(frames[number]) for number in wanted])
    except ValueError as error:
        return Answer(None, "failed", str(error))


@dataclass(frozen=True, slots=True)
class MethodAuc:
    """The AUC of one method's fakes against all reals and controls of a split.

    Attributes:
        split: The split.
        method: Name of the method, or ``all``.
        fakes: Number of scored fakes.
        reals: Number of scored reals and controls.
        auc: Area under the ROC curve; NaN without fakes or without reals.
    """

    split: str
    method: str
    fakes: int
    reals: int
    auc: float


@dataclass(frozen=True, slots=True)
class BaselineResult:
    """The trained baseline detector and its scores.

    Attributes:
        model: The model, trained on split train.
        scores: Scores of the requested splits, with the columns of ``SCORES``. Those of train come
            from models that were not trained on the identity.
        table: The AUC by split and method.
        problems: The most frequent reasons for missing scores, with their counts.
        release: Name, version and digests of the release.
    """

    model: BaselineModel
    scores: pa.Table
    table: list[MethodAuc]
    problems: list[tuple[str, int]]
    release: dict[str, Any]

    def write_model(self, path: Path) -> None:
        """Write the model, for ``datagen score --detector``."""
        write_atomically(path, self.model.to_json().encode())

    def write_scores(self, path: Path) -> str | None:
        """Write the scores file; return what to tell of one that it replaces.

        Raises:
            ScoresError: The file holds the scores of something else.
        """
        digest = digest_of(self.model.to_json())
        detector = {"spec": BASELINE, "kind": "baseline", "digest": digest}
        note = note_on_replaced(path, detector, self.release)
        write_scores(path, [self.scores], detector, self.release)
        return note


def run_baseline(
    release: Release,
    splits: Sequence[str] | None,
    engine: Callable[[], Engine],
    on_progress: OnProgress,
) -> BaselineResult:
    """Train the baseline detector on split train and score other splits.

    Args:
        release: A release with a split train.
        splits: The splits to score; by default val and test, where they exist.
        engine: Returns the engine that computes the features.
        on_progress: Called with what is finished and all, see ``OnProgress``.

    Raises:
        ReleaseError: The release has no split train, too few identities in it, or not all of
            ``splits``.
        RunError: Some shards failed.
    """
    if "train" not in release.splits:
        raise ReleaseError(
            f"{release.folder}: the release has no split 'train' to train on. Score it with a "
            "model trained on another release: datagen score OUT --detector baseline.json"
        )
    if splits is None:
        splits = [split for split in release.splits if split != "train"]
    shards = shards_of(release, ["train", *splits])
    found: dict[ReleasedShard, _ShardFeatures] = {}
    done, total = 0, sum(shard.work for shard in shards)
    on_progress(0, total)
    for shard, features in run_shards(engine, FeaturesOfShard(release.folder), shards):
        found[shard] = features
        done += shard.work
        on_progress(done, total)
    return _trained(release_facts(release), [found[shard] for shard in shards], splits)


def _trained(
    release: dict[str, Any], parts: Sequence[_ShardFeatures], splits: Sequence[str]
) -> BaselineResult:
    rows = pd.concat([part.rows for part in parts], ignore_index=True)
    features = np.concatenate([part.features for part in parts])
    answers = [answer for part in parts for answer in part.answers]
    starts = np.cumsum([0, *(len(part.rows) for part in parts)])
    places = np.concatenate(
        [part.places + start for part, start in zip(parts, starts[:-1], strict=True)]
    )
    train = (rows["split"] == "train").to_numpy()[places]
    trained = train_baseline(features[train], rows.iloc[places[train]], release)
    found = np.full(len(places), np.nan)
    found[train] = trained.held_out
    if not train.all():
        found[~train] = trained.model.logistic.probability(features[~train])
    counts = np.bincount(places, minlength=len(rows))
    with np.errstate(invalid="ignore"):  # nothing of an image without features
        scores = np.bincount(places, found, len(rows)) / counts
    rows["score"] = scores
    wanted = rows["split"].isin(splits).to_numpy()
    scored = rows[wanted]
    final = [
        answer or Answer(float(score))
        for answer, score, taken in zip(answers, scores, wanted, strict=True)
        if taken
    ]
    problems = Counter(f"{a.status}: {a.detail}" for a in final if a.status != "ok")
    table = answer_table(scored, final)
    by_method = list(_by_method(scored, splits))
    return BaselineResult(trained.model, table, by_method, problems.most_common(_SHOWN), release)


def _by_method(rows: pd.DataFrame, splits: Sequence[str]) -> Iterator[MethodAuc]:
    for split in splits:
        scored = rows[(rows["split"] == split) & rows["score"].notna()]
        reals = scored.loc[scored["label"] == 0, "score"].to_numpy()
        fakes = scored[scored["label"] == 1]
        for method, group in [("all", fakes), *fakes.groupby("method")]:
            own = group["score"].to_numpy()
            yield MethodAuc(split, str(method), len(own), len(reals), auc(reals, own))
