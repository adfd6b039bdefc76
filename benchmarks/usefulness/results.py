"""From scores to tables: AUC of each cell, and paired differences with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from datagen.core.rng import rng

from .geometry import Array

__all__ = ["CELL", "Matrix", "differences", "matrix_of", "sharpness_rows"]

CELL = ["people", "part", "detector", "configuration", "kind", "changed"]
_DRAWS = 1000
_LEVEL = (2.5, 97.5)


@dataclass(frozen=True, slots=True)
class _Counts:
    """Of one cell and seed: how often an image of one identity scores above one of another.

    Attributes:
        wins: ``(identities, identities)``: fakes by row over reals by column, ties counted half.
        fakes, reals: Number of each by identity.
    """

    wins: Array
    fakes: Array
    reals: Array

    def auc(self, weights: Array) -> Array:
        """Return the AUC under each row of weights of the identities, ``(draws, identities)``."""
        above = np.einsum("di,ij,dj->d", weights, self.wins, weights, optimize=True)
        return np.asarray(above / np.maximum((weights @ self.fakes) * (weights @ self.reals), 1e-9))


def _counts(rows: pd.DataFrame, what: str, identities: Sequence[str]) -> _Counts:
    number = {name: place for place, name in enumerate(identities)}
    reals, fakes = rows[rows["what"] == "real"], rows[rows["what"] == what]
    real, fake = reals["score"].to_numpy(), fakes["score"].to_numpy()
    above = (fake[:, None] > real[None]) + 0.5 * (fake[:, None] == real[None])
    left = np.zeros((len(identities), len(fake)))
    left[fakes["identity"].map(number).to_numpy(np.int64), np.arange(len(fake))] = 1
    right = np.zeros((len(identities), len(real)))
    right[reals["identity"].map(number).to_numpy(np.int64), np.arange(len(real))] = 1
    return _Counts(left @ above @ right.T, left.sum(axis=1), right.sum(axis=1))


class Matrix:
    """The counts of all cells and seeds of one set of people, part and detector.

    Args:
        scores: Rows of ``Training.scores`` with equal people, part and detector.
    """

    def __init__(self, scores: pd.DataFrame) -> None:
        self.identities = sorted(scores["identity"].unique())
        self.seeds = sorted(int(seed) for seed in scores["seed"].unique())
        self.configurations = list(dict.fromkeys(scores["configuration"]))
        self.kinds = list(dict.fromkeys(scores["kind"]))
        self._cells: dict[tuple[str, str, bool, str, int], _Counts] = {}
        keys = ["configuration", "kind", "changed", "seed"]
        for key, rows in scores.groupby(keys, sort=False):
            name, kind, is_changed, seed = cast("tuple[str, str, bool, int]", key)
            for what in ("fake", "control"):
                if (rows["what"] == what).any():
                    found = _counts(rows, what, self.identities)
                    self._cells[name, kind, bool(is_changed), what, int(seed)] = found
        stream = rng("usefulness", "bootstrap")
        count = len(self.identities)
        # The same draws for every cell: differences are paired over identities and over seeds.
        self._weights = stream.multinomial(count, np.full(count, 1 / count), _DRAWS).astype(float)
        size = (_DRAWS, len(self.seeds))
        self._seeds = stream.integers(0, len(self.seeds), size)

    def has(self, name: str, kind: str, is_changed: bool, what: str = "fake") -> bool:
        """Return whether a cell is there for every seed."""
        return all((name, kind, is_changed, what, seed) in self._cells for seed in self.seeds)

    def auc(self, name: str, kind: str, is_changed: bool, what: str = "fake") -> float:
        """Return the AUC of a cell, its seeds averaged."""
        one = np.ones((1, len(self.identities)))
        found = [self._cells[name, kind, is_changed, what, seed].auc(one) for seed in self.seeds]
        return float(np.mean(found))

    def by_seed(self, name: str, kind: str, is_changed: bool) -> list[float]:
        """Return the AUC of each seed of a cell."""
        one = np.ones((1, len(self.identities)))
        cells = (self._cells[name, kind, is_changed, "fake", seed] for seed in self.seeds)
        return [float(cell.auc(one)[0]) for cell in cells]

    def drawn(self, name: str, kind: str, is_changed: bool, what: str = "fake") -> Array:
        """Return the AUC of a cell in each draw of identities and seeds."""
        cells = [self._cells[name, kind, is_changed, what, seed] for seed in self.seeds]
        by_seed = np.stack([cell.auc(self._weights) for cell in cells], axis=1)
        return np.asarray(np.take_along_axis(by_seed, self._seeds, axis=1).mean(axis=1))


def matrix_of(matrix: Matrix) -> pd.DataFrame:
    """Return a row per configuration, kind and change: AUC, interval, seeds, controls."""
    rows = []
    for name in matrix.configurations:
        for kind in matrix.kinds:
            for is_changed in (False, True):
                if not matrix.has(name, kind, is_changed):
                    continue
                low, high = np.percentile(matrix.drawn(name, kind, is_changed), _LEVEL)
                has = matrix.has(name, kind, is_changed, "control")
                rows.append(
                    {
                        "configuration": name,
                        "kind": kind,
                        "changed": is_changed,
                        "auc": matrix.auc(name, kind, is_changed),
                        "low": float(low),
                        "high": float(high),
                        "by_seed": matrix.by_seed(name, kind, is_changed),
                        "control": matrix.auc(name, kind, is_changed, "control") if has else None,
                    }
                )
    return pd.DataFrame(rows)


def differences(matrix: Matrix, baseline: str, kinds: Sequence[str]) -> pd.DataFrame:
    """Return the difference of each configuration to a baseline, mean over kinds, paired.

    Args:
        matrix: The cells.
        baseline: Name of the configuration that is subtracted.
        kinds: The kinds that are averaged.

    Returns:
        Columns ``configuration``, ``over`` (``clean``, ``changed`` or ``both``), ``difference``,
        ``low``, ``high`` (95 % over identities and seeds).
    """
    rows = []
    for name in matrix.configurations:
        if name == baseline or baseline not in matrix.configurations:
            continue
        for over, states in {"clean": [False], "changed": [True], "both": [False, True]}.items():
            cells = [
                (kind, state)
                for kind in kinds
                for state in states
                if matrix.has(name, kind, state) and matrix.has(baseline, kind, state)
            ]
            if not cells:
                continue
            gaps = [matrix.auc(name, *cell) - matrix.auc(baseline, *cell) for cell in cells]
            drawn = [matrix.drawn(name, *cell) - matrix.drawn(baseline, *cell) for cell in cells]
            low, high = np.percentile(np.mean(drawn, axis=0), _LEVEL)
            rows.append(
                {
                    "configuration": name,
                    "over": over,
                    "difference": float(np.mean(gaps)),
                    "low": float(low),
                    "high": float(high),
                }
            )
    return pd.DataFrame(rows)


def sharpness_rows(scores: pd.DataFrame) -> pd.DataFrame:
    """Return Spearman's rho of score and sharpness over the reals, by configuration and change."""
    rows = []
    reals = scores[scores["what"] == "real"]
    for (name, is_changed), group in reals.groupby(["configuration", "changed"], sort=False):
        by_seed = [
            spearmanr(seed["score"], seed["sharpness"]).statistic
            for _, seed in group.groupby("seed")
            if seed["score"].nunique() > 1 and seed["sharpness"].nunique() > 1
        ]
        rho = float(np.mean(by_seed)) if by_seed else float("nan")
        rows.append({"configuration": name, "changed": is_changed, "rho": rho})
    return pd.DataFrame(rows)
