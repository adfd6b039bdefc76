"""The reference detector over a release: features in parallel, one fit, scores and a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from datagen.core.digests import digest_of
from datagen.core.images import read_rgb
from datagen.core.stats import auc
from datagen.detectors.baseline.features import feature_count, features_of
from datagen.detectors.baseline.model import BaselineModel, train_baseline
from datagen.detectors.batched import Encoded
from datagen.detectors.postprocess import Answer
from datagen.detectors.shards import (
    ReleasedShard,
    Tell,
    images_of,
    release_facts,
    run_shards,
    shards_of,
)
from datagen.detectors.table import score_table
from datagen.engine import Engine
from datagen.errors import ReleaseError
from datagen.release import Folder
from datagen.release.reader import Release

__all__ = ["Line", "Probed", "ShardFeatures", "probe_release"]


@dataclass(frozen=True, slots=True)
class _Seen:
    """A shard's images as numbers.

    Attributes:
        features: ``(n, feature_count())``; rows of NaN where there are none.
        answers: ``None`` where there are features, else why not.
    """

    rows: pd.DataFrame
    features: NDArray[np.float32]
    answers: list[Answer | None]


@dataclass(frozen=True, slots=True)
class ShardFeatures:
    """A task over ``ReleasedShard``: the features of its images."""

    folder: Folder

    def __call__(self, shard: ReleasedShard) -> _Seen:
        """See ``Task``."""
        rows, images = images_of(self.folder, shard)
        features = np.full((len(images), feature_count()), np.nan, np.float32)
        answers: list[Answer | None] = []
        for number, picture in enumerate(images):
            found = _seen(picture)
            answers.append(found if isinstance(found, Answer) else None)
            if not isinstance(found, Answer):
                features[number] = found
        return _Seen(rows, features, answers)


def _seen(picture: Encoded) -> NDArray[np.float32] | Answer:
    if picture.data is None:
        return Answer(None, "unreadable", picture.trouble)
    try:
        image = read_rgb(picture.data)
    except Exception as error:  # noqa: BLE001  # Pillow raises what its plug-ins raise
        return Answer(None, "unreadable", f"{type(error).__name__}: {error}")
    try:
        return features_of(image)
    except ValueError as error:
        return Answer(None, "failed", str(error))


@dataclass(frozen=True, slots=True)
class Line:
    """The fakes of one method, or of ``all``, against all reals and controls of the split.

    Attributes:
        auc: NaN where either is lacking.
    """

    split: str
    method: str
    fakes: int
    reals: int
    auc: float


@dataclass(frozen=True, slots=True)
class Probed:
    """What came of it.

    Attributes:
        model: Trained on all of split train.
        scores: Of the splits that were asked for, see ``SCORES``. Those of train are held out.
        table: A line a split and method.
        details: The commonest reasons of what has no score, with their counts.
    """

    model: BaselineModel
    scores: pa.Table
    table: list[Line]
    details: list[tuple[str, int]]

    def detector(self) -> dict[str, Any]:
        """Return what stands in the metadata of the scores."""
        return {"spec": "datagen probe", "kind": "probe", "digest": digest_of(self.model.to_json())}


def probe_release(
    release: Release, splits: Sequence[str] | None, engine: Callable[[], Engine], tell: Tell
) -> Probed:
    """Train on split train and score others.

    Args:
        release: With a split train.
        splits: To be scored; by default val and test, where they are.
        engine: For the features.
        tell: Told of progress.

    Raises:
        ReleaseError: No split train, or one that is too small; a split that is not there.
        RunError: Shards failed.
    """
    shards = shards_of(release, None)
    there = list(dict.fromkeys(shard.split for shard in shards))
    if "train" not in there:
        raise ReleaseError(
            f"{release.folder}: has no split 'train' to learn from. Score it with a probe of "
            "another release: datagen score OUT --detector probe.json"
        )
    if splits is None:
        splits = [split for split in there if split != "train"]
    shards_of(release, splits)  # refuses what is not there
    wanted = [shard for shard in shards if shard.split == "train" or shard.split in splits]
    seen: dict[ReleasedShard, _Seen] = {}
    tell(0, len(wanted))
    for shard, found in run_shards(engine, ShardFeatures(release.folder), wanted):
        seen[shard] = found
        tell(len(seen), len(wanted))
    return _trained(release, [seen[shard] for shard in wanted], splits)


def _trained(release: Release, seen: Sequence[_Seen], splits: Sequence[str]) -> Probed:
    rows = pd.concat([one.rows for one in seen], ignore_index=True)
    features = np.concatenate([one.features for one in seen])
    answers = [answer for one in seen for answer in one.answers]
    usable = np.asarray([answer is None for answer in answers])
    train = usable & (rows["split"] == "train").to_numpy()
    trained = train_baseline(features[train], rows[train], release_facts(release))
    scores = np.full(len(rows), np.nan)
    scores[train] = trained.held_out
    others = usable & ~train
    if others.any():
        scores[others] = trained.model.logistic.probability(features[others])
    rows["score"] = scores
    wanted = rows["split"].isin(splits).to_numpy()
    asked = rows[wanted]
    told = [
        answer or Answer(float(score))
        for answer, score, taken in zip(answers, scores, wanted, strict=True)
        if taken
    ]
    details = Counter(f"{a.status}: {a.detail}" for a in told if a.status != "ok")
    table = score_table(asked["sample_id"].tolist(), asked["sha256"].tolist(), told)
    return Probed(trained.model, table, _by_method(asked, splits), details.most_common(3))


def _by_method(rows: pd.DataFrame, splits: Sequence[str]) -> list[Line]:
    found = []
    for split in splits:
        scored = rows[(rows["split"] == split) & rows["score"].notna()]
        reals = scored.loc[scored["label"] == 0, "score"].to_numpy()
        fakes = scored[scored["label"] == 1]
        for method, group in [("all", fakes), *fakes.groupby("method")]:
            own = group["score"].to_numpy()
            found.append(Line(split, str(method), len(own), len(reals), auc(reals, own)))
    return found
