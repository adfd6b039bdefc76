"""How much of what it could find the baseline detector finds.

The ceiling of a method is the AUC of the spectral form trained and tested on its pairs alone; the
goal is nine tenths of the way from 0.5 to the mean of the ceilings. A method whose ceiling is below
0.65 is hard: its traces are not the kind that features without a face can see. Usage:

    python -m benchmarks.ceilings OUT [--table FILE.csv]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from datagen.core.stats import auc
from datagen.detectors.baseline.boosting import fit_trees
from datagen.detectors.baseline.inputs import FeaturesOfShard, Inputs, join
from datagen.detectors.shards import shards_of
from datagen.release.reader import Release

SEED = 0
HARD = 0.65
"""A method whose ceiling is lower is hard."""


def inputs_of(release: Release) -> Inputs:
    """Return the features of the images of train and test."""
    task = FeaturesOfShard(release.folder)
    return join([task(shard) for shard in shards_of(release, ["train", "test"])])


def scores_of(
    features: NDArray[np.float32], rows: pd.DataFrame, chosen: NDArray[np.bool_]
) -> pd.Series[float]:
    """Return the log odds of the chosen test images by a detector of the chosen train images."""
    is_train = (rows["split"] == "train").to_numpy()
    train, test = chosen & is_train, chosen & ~is_train
    trees = fit_trees(features[train], rows["label"].to_numpy(np.int64)[train], SEED)
    return pd.Series(trees.log_odds(features[test]), index=rows.index[test])


def auc_of(rows: pd.DataFrame, scores: pd.Series[float]) -> float:
    """Return the AUC of some scores of reals, controls and fakes."""
    labels = rows.loc[scores.index, "label"]
    return auc(scores[labels == 0].to_numpy(), scores[labels == 1].to_numpy())


def table_of(release: Release) -> pd.DataFrame:
    """Return a row per method, and ``all``: AUC, ceiling, and AUC of the controls."""
    inputs = inputs_of(release)
    rows, features = inputs.rows.iloc[inputs.places].reset_index(drop=True), np.stack(inputs.given)
    whole = scores_of(features, rows, np.ones(len(rows), bool))
    of_test = rows.loc[whole.index]
    negatives = whole[of_test["label"] == 0].to_numpy()
    found = []
    for method in sorted(rows.loc[rows["kind"] == "fake", "method"].unique()):
        pairs = set(rows.loc[rows["method"] == method, "pair_id"])
        own = scores_of(features, rows, rows["pair_id"].isin(pairs).to_numpy())
        fakes = whole[(of_test["method"] == method) & (of_test["label"] == 1)].to_numpy()
        controls = whole[(of_test["method"] == method) & (of_test["kind"] == "control")].to_numpy()
        reals = whole[of_test["kind"] == "real"].to_numpy()
        beside = auc(reals, controls) if len(controls) else np.nan
        found.append((method, auc(negatives, fakes), auc_of(rows, own), beside))
    means = np.nanmean([numbers for _, *numbers in found], axis=0)
    found.append(("all", auc_of(rows, whole), means[1], means[2]))
    table = pd.DataFrame(found, columns=["method", "auc", "ceiling", "controls"])
    return table.assign(hard=table["ceiling"] < HARD)


def main(arguments: list[str] | None = None) -> None:
    """Print the table, and the share of the way that was gone."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("out", help="a release with splits train and test")
    parser.add_argument("--table", type=Path, help="write the table as CSV")
    given = parser.parse_args(arguments)
    table = table_of(Release(given.out))
    print(table.round(3).to_string(index=False))
    last = table.iloc[-1]
    print(f"share of the way: {(last['auc'] - 0.5) / (last['ceiling'] - 0.5):.2f} (goal 0.90)")
    if given.table is not None:
        table.round(4).to_csv(given.table, index=False)


if __name__ == "__main__":
    main()
