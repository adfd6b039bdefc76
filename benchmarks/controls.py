"""Whether a control carries the processing of its fake, no more and no less.

For each method, of pairs with controls as recipes make them: the median difference to the real
under the mask, of the fake and of the control, in log2 sharpness, noise level, color and spectrum;
and the AUC with which a ridge logistic probe on SRM and DCT features tells real from fake, real
from control and control from fake, cross-validated over identities. ``all`` is one probe over all
methods. Usage, with DATAGEN_LONDON and DATAGEN_WEIGHTS set for the people of London:

    python benchmarks/controls.py [METHOD ...] [--people procedural] [--pairs 150] [--png]

Only the training people of ``benchmarks/usefulness`` are used; methods with networks are left out.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from usefulness.configurations import Configuration, changes_of
from usefulness.measures import MEASURES, measures
from usefulness.people import PEOPLE, recipe_of
from usefulness.spectral import features

import datagen
from datagen.core.stats import auc
from datagen.methods import METHODS
from datagen.release.reader import Release

KINDS = ("real", "fake", "control")
FOLDS = 5
STRENGTH = 3e-4
"""Inverse of the ridge penalty on standardized features."""


def rows_of(release: Release) -> Iterator[dict[str, Any]]:
    """Yield a row per image of each pair that has a control: measures and features."""
    for pair in release.pairs():
        control = pair.control
        if control is None:
            continue
        mask = pair.mask
        facts = {
            "pair_id": pair.pair_id,
            "method": pair.method,
            "identity": str(pair.row["identity_id"]),
        }
        for kind, image in zip(KINDS, (pair.real, pair.fake, control), strict=True):
            yield facts | {"kind": kind, "features": features(image)} | measures(image, mask)


def shifts(rows: pd.DataFrame, kind: str) -> pd.Series[float]:
    """Return the median differences of a kind to its real, and the median distance in color."""
    own, real = (
        rows[rows["kind"] == one].set_index("pair_id")[list(MEASURES)] for one in (kind, "real")
    )
    gap = own - real.loc[own.index]
    found = gap.median()
    found["color"] = float(np.sqrt(np.square(gap[["lightness", "a", "b"]]).sum(axis=1)).median())
    return found


def told_apart(rows: pd.DataFrame, first: str, second: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return labels and cross-validated scores of a probe that tells two kinds apart."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    chosen = rows[rows["kind"].isin([first, second])]
    given = np.stack(list(chosen["features"])).astype(np.float64)
    labels = (chosen["kind"] == second).to_numpy(np.int64)
    scores = np.empty(len(labels))
    folds = GroupKFold(min(FOLDS, chosen["identity"].nunique()))
    for train, test in folds.split(given, labels, chosen["identity"]):
        probe = make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, max_iter=500))
        scores[test] = probe.fit(given[train], labels[train]).decision_function(given[test])
    return labels, scores


def probes(rows: pd.DataFrame) -> dict[str, float]:
    """Return the AUC of each two kinds."""
    found = {}
    for first, second in combinations(KINDS, 2):
        labels, scores = told_apart(rows, first, second)
        found[f"{first}/{second}"] = auc(scores[labels == 0], scores[labels == 1])
    return found


def table_of(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a line per method and one for all."""
    lines: dict[str, dict[str, float]] = {}
    for name, group in [*rows.groupby("method", sort=False), ("all", rows)]:
        line: dict[str, float] = {"pairs": float(group["pair_id"].nunique())}
        by_kind = {kind: shifts(group, kind) for kind in ("fake", "control")}
        for measure in (*MEASURES, "color"):
            if measure not in ("lightness", "a", "b"):
                line |= {f"{measure}, {kind}": by_kind[kind][measure] for kind in by_kind}
        lines[str(name)] = line | probes(group)
    return pd.DataFrame(lines).T


def printed(table: pd.DataFrame) -> str:
    """Return the table in Markdown; two numbers in a cell are fake / control."""
    columns = list(map(str, table.columns))
    names = list(dict.fromkeys(column.partition(",")[0] for column in columns if "," in column))
    apart = [column for column in columns if "/" in column]
    head = ["method", "pairs", *names, *apart]
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    for method, row in table.iterrows():
        cells = [f"{row[f'{name}, fake']:.2f} / {row[f'{name}, control']:.2f}" for name in names]
        cells += [f"{row[name]:.3f}" for name in apart]
        lines.append(f"| `{method}` | {row['pairs']:.0f} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("methods", nargs="*", metavar="METHOD")
    parser.add_argument("--people", choices=list(PEOPLE), default="procedural")
    parser.add_argument("--pairs", type=int, default=150, help="pairs of each method")
    parser.add_argument("--png", action="store_true", help="lossless, not JPEG of 75 to 95")
    parser.add_argument("--little", action="store_true", help="thirty people")
    parser.add_argument("--save", type=Path, help="also write the table as Parquet")
    given = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    usual = [name for name in METHODS if not METHODS.load(name).learned]
    weights = dict.fromkeys(given.methods or usual, 1)
    encode = {"format": "png"} if given.png else None
    configuration = Configuration(
        methods=weights, pairs=given.pairs * len(weights), controls=1, encode=encode
    )
    recipe = recipe_of(given.people, changes_of(configuration), given.little)
    with tempfile.TemporaryDirectory() as folder:
        release = datagen.generate(recipe, folder, inline=True, progress=False)
        rows = pd.DataFrame(rows_of(release))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # features that never vary, iterations that end early
        table = table_of(rows)
    if given.save:
        table.to_parquet(given.save)
    print(printed(table))


if __name__ == "__main__":
    main()
