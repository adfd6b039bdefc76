"""Where a detector fails: a table of method x degradation, from scores of train and val."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from datagen.core.stats import auc
from datagen.detectors.shards import release_facts
from datagen.errors import ScoresError
from datagen.release.reader import Release
from datagen.release.scores import Scores

__all__ = ["NO_DEGRADATION", "Cell", "Group", "Weakness", "find_weakness"]

NO_DEGRADATION = "(none)"
_COLUMNS = ("sample_id", "sha256", "split", "label", "method", "degradation")


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
    """

    auc: float
    methods: Mapping[str, Group]
    degradations: Mapping[str, Group]
    scored: int
    unscored: int


_PRIOR_FAKES = 10
"""Weight of the detector's overall AUC in the AUC of a cell, as a number of fakes."""

_MIN_ERROR = 0.02
"""Errors below this count as this: no group loses all of its share."""


def find_weakness(release: Release, scores: Scores) -> Weakness:
    """Find the methods and degradations at which a detector fails.

    Args:
        release: The scored release.
        scores: The detector's scores of splits train and val.

    Raises:
        ScoresError: The scores are of another release, include split test or unknown ids, or do
            not cover both reals and fakes.
    """
    rows = _joined(release, scores)
    usable = rows[rows["score"].notna()]
    reals, fakes = usable[usable["label"] == 0], usable[usable["label"] == 1]
    overall = auc(reals["score"].to_numpy(), fakes["score"].to_numpy())
    if math.isnan(overall):
        raise ScoresError(
            f"{scores.where}: {len(fakes)} fakes and {len(reals)} reals of train and val have a "
            "score: expected both",
            path=scores.where,
        )
    cells = [
        _cell(str(method), str(degradation), group, reals, overall)
        for (method, degradation), group in fakes.groupby(["method", "degradation"])
    ]
    methods = sorted({cell.method for cell in cells})
    degradations = sorted({cell.degradation for cell in cells})
    return Weakness(
        overall,
        {name: _group(name, cells, "method") for name in methods},
        {name: _group(name, cells, "degradation") for name in degradations},
        len(usable),
        len(rows) - len(usable),
    )


def _joined(release: Release, scores: Scores) -> pd.DataFrame:
    """Return the manifest rows of the scored images, with their scores."""
    _check_release(release, scores)
    given = pd.DataFrame({scores.key: pd.Series(scores.ids.to_pylist()), "score": scores.raw})
    manifest = release.table(_COLUMNS)
    rows = given.merge(manifest, on=scores.key, how="left")
    unknown = rows["split"].isna()
    if unknown.any():
        name = rows.loc[unknown, scores.key].iloc[0]
        raise ScoresError(
            f"{scores.where}: {scores.key} {name!r} is not in {release.folder}",
            path=scores.where,
            row=name,
        )
    test = int((rows["split"] == "test").sum())
    if test:
        raise ScoresError(
            f"{scores.where}: {test} of the scores are of test images: a recipe reweighted by them "
            "would be tuned to the test set. Score with --split train --split val",
            path=scores.where,
        )
    return rows.assign(degradation=rows["degradation"].fillna(NO_DEGRADATION))


def _check_release(release: Release, scores: Scores) -> None:
    if not scores.release:
        raise ScoresError(
            f"{scores.where}: does not name the release that was scored: use a Parquet file "
            "made by 'datagen score' or 'datagen baseline'",
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
