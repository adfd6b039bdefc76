"""Where a detector is weak: a table of method x degradation, from scores of train and val."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from datagen.core.stats import auc
from datagen.detectors.errors import ScoresError
from datagen.detectors.shards import release_facts
from datagen.detectors.table import Scores
from datagen.release.reader import Release

__all__ = ["NO_DEGRADATION", "Cell", "Group", "Weakness", "find_weakness"]

NO_DEGRADATION = "(none)"
_COLUMNS = [
    *("sample_id", "split", "label", "identity_id", "method", "method_params"),
    *("degradation", "severity", "degradation_params"),
]
_TRUST = 10
"""So many fakes of a cell weigh as much as the detector's overall AUC."""

_BEST = 0.02
"""What is detected better than this error counts as this: nothing is given up altogether."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Fakes of one method under one degradation, against all reals under it.

    Attributes:
        auc: As measured.
        steady: Drawn toward the overall AUC, the more so the fewer fakes there are.
    """

    method: str
    degradation: str
    fakes: int
    auc: float
    steady: float


@dataclass(frozen=True, slots=True)
class Group:
    """One method, or one degradation.

    Attributes:
        auc: Mean of its cells, steadied, by their fakes.
        pull: Square of its error as a multiple of the overall one: above 1, more is wanted.
        worst: Its weakest cell.
    """

    name: str
    fakes: int
    auc: float
    pull: float
    worst: Cell


@dataclass(frozen=True, slots=True, eq=False)
class Weakness:
    """What was found.

    Attributes:
        auc: Of all fakes against all reals and controls.
        rows: Of the images with a score: the manifest's columns and ``score``.
        scored, unscored: Images with and without a score.
    """

    auc: float
    rows: pd.DataFrame
    methods: Mapping[str, Group]
    degradations: Mapping[str, Group]
    scored: int
    unscored: int


def find_weakness(release: Release, scores: Scores, where: str) -> Weakness:
    """Hold scores against the manifest.

    Args:
        release: That was scored.
        scores: Of its splits train and val.
        where: The scores' file, for messages.

    Raises:
        ScoresError: Of another release; of test; rows that are unknown or given twice; or
            nothing to learn from.
    """
    rows = _joined(release, scores, where)
    usable = rows[(rows["status"] == "ok") & rows["score"].notna()]
    reals, fakes = usable[usable["label"] == 0], usable[usable["label"] == 1]
    overall = auc(reals["score"].to_numpy(), fakes["score"].to_numpy())
    if math.isnan(overall):
        raise ScoresError(
            f"{where}: {len(fakes)} fakes and {len(reals)} reals of train and val have a score: "
            "want both"
        )
    cells = [
        _cell(str(method), str(degradation), group, reals, overall)
        for (method, degradation), group in fakes.groupby(["method", "degradation"])
    ]
    return Weakness(
        overall,
        usable.reset_index(drop=True),
        {name: _group(name, cells, "method") for name in sorted({c.method for c in cells})},
        {
            name: _group(name, cells, "degradation")
            for name in sorted({c.degradation for c in cells})
        },
        len(usable),
        len(rows) - len(usable),
    )


def _joined(release: Release, scores: Scores, where: str) -> pd.DataFrame:
    facts = release_facts(release)
    if scores.release.get("content") != facts["content"]:
        raise ScoresError(
            f"{where}: holds scores of release {scores.release.get('name')!r} "
            f"(content {str(scores.release.get('content'))[:12]}), not of {release.folder} "
            f"({facts['name']!r}, {facts['content'][:12]})"
        )
    twice = scores.rows["sample_id"].duplicated()
    if twice.any():
        name = scores.rows.loc[twice, "sample_id"].iloc[0]
        raise ScoresError(f"{where}: sample_id {name!r} is there twice")
    rows = scores.rows.merge(release.manifest[_COLUMNS], on="sample_id", how="left")
    unknown = rows["split"].isna()
    if unknown.any():
        name = rows.loc[unknown, "sample_id"].iloc[0]
        raise ScoresError(f"{where}: sample_id {name!r} is not in {release.folder}")
    test = int((rows["split"] == "test").sum())
    if test:
        raise ScoresError(
            f"{where}: holds scores of {test} test images: a recipe that leans on them would "
            "teach to the test. Score with --split train --split val"
        )
    return rows.assign(degradation=rows["degradation"].fillna(NO_DEGRADATION))


def _cell(
    method: str, degradation: str, fakes: pd.DataFrame, reals: pd.DataFrame, overall: float
) -> Cell:
    against = reals.loc[reals["degradation"] == degradation, "score"].to_numpy()
    found = auc(against, fakes["score"].to_numpy())
    measured = overall if math.isnan(found) else found
    steady = (len(fakes) * measured + _TRUST * overall) / (len(fakes) + _TRUST)
    return Cell(method, degradation, len(fakes), found, steady)


def _group(name: str, cells: list[Cell], by: str) -> Group:
    own = [cell for cell in cells if getattr(cell, by) == name]
    mean = _mean(own)
    pull = (max(1 - mean, _BEST) / max(1 - _mean(cells), _BEST)) ** 2
    worst = min(own, key=lambda cell: cell.steady)
    return Group(name, sum(cell.fakes for cell in own), mean, pull, worst)


def _mean(cells: list[Cell]) -> float:
    weights = [cell.fakes for cell in cells]
    return float(np.average([cell.steady for cell in cells], weights=weights))
