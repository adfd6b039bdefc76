"""Where a detector fails: a table of method x degradation, from scores of train and val."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from datagen.core.stats import auc
from datagen.detectors.shards import release_facts
from datagen.errors import ScoresError
from datagen.evaluation.evaluate import INVERTED, polarity
from datagen.evaluation.frames import refuse_idle_pooling, scores_of_clips
from datagen.evaluation.metrics.intervals import Resampler
from datagen.evaluation.rows import FRAMES, MISSING, Rows, join, what_in
from datagen.evaluation.sample import codes_of, sample_of
from datagen.evaluation.table import tabulate
from datagen.release.pooling import Pooling
from datagen.release.reader import Release
from datagen.release.score_doubts import doubts_of_scores
from datagen.release.scores import Scores

__all__ = ["NO_DEGRADATION", "Cell", "Group", "Weakness", "find_weakness"]

NO_DEGRADATION = "(none)"
_TRAINING = ("train", "val")
_COLUMNS = (
    *("sample_id", "sha256", "split", "label", "method", "degradation"),
    *("pair_id", "kind", "source", "image_id", "identity_id"),  # of the interval of the AUC
)


@dataclass(frozen=True, slots=True)
class Cell:
    """The fakes of one method under one degradation, compared with all reals under it.

    Attributes:
        method: Name of the method.
        degradation: Name of the degradation.
        fakes: Number of scored fakes.
        auc: AUC as measured; NaN without reals.
        shrunk: The same, shrunk toward the overall AUC: the fewer fakes, the more.
    """

    method: str
    degradation: str
    fakes: int
    auc: float
    shrunk: float


@dataclass(frozen=True, slots=True)
class Group:
    """All fakes of one method, or of one degradation.

    Attributes:
        name: Name of the method or degradation.
        fakes: Number of scored fakes.
        auc: Mean of the shrunk AUCs of its cells, weighted by their fakes.
        weight: Square of its error relative to the overall error: above 1 it gets more data.
        worst: Its cell with the lowest AUC.
    """

    name: str
    fakes: int
    auc: float
    weight: float
    worst: Cell


@dataclass(frozen=True, slots=True, eq=False)
class Weakness:
    """The failures of a detector.

    Attributes:
        auc: AUC of all fakes against all reals and controls.
        methods: Methods by name.
        degradations: Degradations by name.
        scored, unscored: Number of images with and without a score.
        doubts: What makes the scores doubtful although each of them is valid.
    """

    auc: float
    methods: Mapping[str, Group]
    degradations: Mapping[str, Group]
    scored: int
    unscored: int
    doubts: tuple[str, ...] = ()


_PRIOR_FAKES = 10
"""Weight of the detector's overall AUC in the AUC of a cell, as a number of fakes."""

_MOST_CELLS = 2000
"""Most combinations of a method and a degradation: a release may be a stranger's."""

_MIN_ERROR = 0.02
"""Errors below this count as this: no group loses all of its share."""


def find_weakness(
    release: Release, scores: Scores, pooling: Pooling | None = None, logits: bool = False
) -> Weakness:
    """Find the methods and degradations at which a detector fails.

    Args:
        release: The scored release.
        scores: The detector's scores of splits train and val.
        pooling: How scores of frames become those of clips; needed where there are such.
        logits: Whether the scores were given as logits.

    Raises:
        ScoresError: The scores are of another release, include split test or unknown ids, do not
            cover both reals and fakes, or are inverted.
    """
    rows = _joined(release, scores, pooling, logits)
    usable = rows.table.to_pandas().assign(score=rows.raw)
    usable["degradation"] = usable["degradation"].fillna(NO_DEGRADATION)
    reals, fakes = usable[usable["label"] == 0], usable[usable["label"] == 1]
    overall = auc(reals["score"].to_numpy(), fakes["score"].to_numpy())
    groups = list(fakes.groupby(["method", "degradation"]))
    if len(groups) > _MOST_CELLS:
        raise ScoresError(
            f"{scores.where}: the release has {len(groups):,} combinations of method and "
            f"degradation: at most {_MOST_CELLS:,} are compared",
            path=scores.where,
        )
    if math.isnan(overall):
        raise ScoresError(
            f"{scores.where}: {len(fakes)} fakes and {len(reals)} reals of train and val have a "
            "score: expected both",
            path=scores.where,
        )
    _check_polarity(rows, scores)
    cells = [
        _cell(str(method), str(degradation), group, reals, overall)
        for (method, degradation), group in groups
    ]
    methods = sorted({cell.method for cell in cells})
    degradations = sorted({cell.degradation for cell in cells})
    return Weakness(
        overall,
        {name: _group(name, cells, "method") for name in methods},
        {name: _group(name, cells, "degradation") for name in degradations},
        len(usable),
        sum(count for name, count in rows.coverage.statuses.items() if name != MISSING),
        tuple(doubts_of_scores(rows.probability)),
    )


def _joined(release: Release, scores: Scores, pooling: Pooling | None, logits: bool) -> Rows:
    """Return the scored images of train and val, by the same checks as an evaluation."""
    _check_release(release, scores)
    columns = [*_COLUMNS, *([FRAMES] if release.has_clips else [])]
    manifest = release.table(columns, format="arrow")
    tests = manifest.filter(pc.equal(manifest.column("split"), "test"))
    test = pc.sum(pc.is_in(tests.column(scores.key), value_set=scores.ids)).as_py()
    if test:
        raise ScoresError(
            f"{scores.where}: {test} of the scores are of test {what_in(manifest)}s: a recipe "
            "reweighted by them would be tuned to the test set. Score with --split train --split "
            "val",
            path=scores.where,
        )
    splits = [one for one in _TRAINING if one in release.splits]
    refuse_idle_pooling(pooling, [scores])
    scores = scores_of_clips(manifest, splits, scores, pooling, logits)
    return join(manifest, splits, scores, allow_missing=True)


def _check_release(release: Release, scores: Scores) -> None:
    """Ids are the same in every version of a release: something must say which one was scored."""
    if not scores.release:
        digest = scores.digest
        if scores.key == "sha256" or (digest is not None and _all_given(digest)):
            return  # compared image by image
        raise ScoresError(
            f"{scores.where}: says neither which release was scored nor which images: give it a "
            "column sha256, the digests of the images, or use a Parquet file of 'datagen score'",
            path=scores.where,
        )
    facts, found = release_facts(release), scores.release
    if found.get("content") != facts["content"]:
        raise ScoresError(
            f"{scores.where}: holds scores of release {found.get('name')!r} "
            f"(content {str(found.get('content'))[:12]}), not of {release.folder} "
            f"({facts['name']!r}, content {facts['content'][:12]})",
            path=scores.where,
        )


def _all_given(digests: Any) -> bool:
    return not digests.null_count and bool(pc.all(pc.not_equal(digests, "")).as_py())


def _check_polarity(rows: Rows, scores: Scores) -> None:
    """Refuse inverted scores: the best method would count as the weakest."""
    sample = sample_of(rows)
    resampler = Resampler(codes_of(rows.table.column("identity_id")))
    found = tabulate(sample, [], resampler, 0.5).overall["auc"]
    if polarity(found) == INVERTED:
        raise ScoresError(
            f"{scores.where}: the scores seem to be inverted: the AUC is {found.value:.3f} and its "
            "whole interval is below 0.5, so that the methods which are detected best would gain. "
            "A higher score must mean fake: set 'higher_is: real' in --detector-config",
            path=scores.where,
        )


def _cell(
    method: str, degradation: str, fakes: pd.DataFrame, reals: pd.DataFrame, overall: float
) -> Cell:
    same = reals.loc[reals["degradation"] == degradation, "score"].to_numpy()
    found = auc(same, fakes["score"].to_numpy())
    measured = overall if math.isnan(found) else found
    shrunk = (len(fakes) * measured + _PRIOR_FAKES * overall) / (len(fakes) + _PRIOR_FAKES)
    return Cell(method, degradation, len(fakes), found, shrunk)


def _group(name: str, cells: list[Cell], by: str) -> Group:
    own = [cell for cell in cells if getattr(cell, by) == name]
    mean = _mean(own)
    weight = (max(1 - mean, _MIN_ERROR) / max(1 - _mean(cells), _MIN_ERROR)) ** 2
    worst = min(own, key=lambda cell: cell.shrunk)
    return Group(name, sum(cell.fakes for cell in own), mean, weight, worst)


def _mean(cells: list[Cell]) -> float:
    weights = [cell.fakes for cell in cells]
    return float(np.average([cell.shrunk for cell in cells], weights=weights))
