"""Gradient boosting of small trees (Friedman 2001, algorithm 5), kept as plain numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Trees", "fit_trees"]

_LEAF = (3, 15)  # rows in a leaf: fewer where there are few, or nothing could be split
_ROWS_A_LEAF = 20
_MOST_DEPTH = 32
_MOST_TREES = 2000
_MOST_NODES = 50_000
_EXACT = 1e-9
_BINS = 255  # values that scikit-learn tells apart
_SETTINGS: dict[str, Any] = {
    "learning_rate": 0.06,
    "max_iter": 250,
    "max_leaf_nodes": 12,
    "l2_regularization": 2.0,
    "max_features": 0.2,
    "early_stopping": False,
}


@dataclass(frozen=True, slots=True)
class Trees:
    """Fitted trees, all nodes in one row of arrays; a leaf is its own left and right.

    Attributes:
        bias: Log odds before the first tree.
        roots: Node of the root of each tree, ``(trees,)``.
        feature: Feature that a node compares, ``(nodes,)``.
        threshold: A row goes left where the feature is not above it, ``(nodes,)``.
        left, right: The next node, ``(nodes,)``.
        value: Log odds that a leaf adds, ``(nodes,)``.
    """

    bias: float
    roots: NDArray[np.int64]
    feature: NDArray[np.int64]
    threshold: NDArray[np.float64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    value: NDArray[np.float64]

    def log_odds(self, rows: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the log odds of label 1 for rows ``(n, features)``."""
        place = np.arange(len(rows))[:, None]
        node = np.broadcast_to(self.roots, (len(rows), len(self.roots)))
        for _ in range(_MOST_DEPTH):
            goes_left = rows[place, self.feature[node]] <= self.threshold[node]
            following = np.where(goes_left, self.left[node], self.right[node])
            if (following == node).all():
                break
            node = following
        return np.asarray(self.bias + self.value[node].sum(axis=1), np.float64)

    def check(self, features: int) -> None:
        """Raise ``ValueError`` for arrays that no training gives.

        Args:
            features: Number of features of a row.
        """
        count = len(self.value)
        for name in ("feature", "threshold", "left", "right"):
            if len(getattr(self, name)) != count:
                raise ValueError(f"{name}: expected {count} numbers, as many as in 'value'")
        for name, found, most in (
            ("value", count, _MOST_NODES),
            ("roots", len(self.roots), _MOST_TREES),
        ):
            if not 0 < found <= most:
                raise ValueError(f"{name}: expected 1 to {most} numbers, found {found}")
        own = np.arange(count)
        for name, low, high in (("roots", 0, count), ("feature", 0, features)):
            array = getattr(self, name)
            if not ((array >= low) & (array < high)).all():
                raise ValueError(f"{name}: expected numbers from {low} to {high - 1}")
        for name in ("left", "right"):
            array = getattr(self, name)
            # Children come after their node: no row can walk in a circle.
            if not ((array >= own) & (array < count)).all():
                raise ValueError(f"{name}: expected numbers from the node's own to {count - 1}")
        if not np.array_equal(self.left == own, self.right == own):
            raise ValueError("left, right: expected a leaf to be its own left and right")


def fit_trees(rows: NDArray[np.floating], labels: NDArray[np.integer], seed: int) -> Trees:
    """Fit with scikit-learn on one thread: equal rows give equal trees.

    Args:
        rows: Finite features ``(n, features)``.
        labels: Labels ``(n,)``, 0 and 1, both present.
        seed: Seed of the features that a split may choose among.

    Raises:
        RuntimeError: The trees that were read from scikit-learn don't answer as its model does.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    labels = labels.astype(np.int64)
    weights = len(labels) / (2 * np.bincount(labels, minlength=2)[labels])  # "balanced"
    edges = [_edges(column, weights) for column in rows.T]
    binned = np.stack(
        [np.searchsorted(edge, column) for edge, column in zip(edges, rows.T, strict=True)], axis=1
    ).astype(np.float64)
    leaf = int(np.clip(len(rows) // _ROWS_A_LEAF, *_LEAF))
    model = HistGradientBoostingClassifier(
        **_SETTINGS, min_samples_leaf=leaf, class_weight="balanced", random_state=seed
    )
    with threadpool_limits(1):
        model.fit(binned, labels)
        wanted = model.decision_function(binned)
    trees = _trees_of(model, edges)
    if np.abs(trees.log_odds(rows) - wanted).max() > _EXACT:
        raise RuntimeError("this scikit-learn keeps its trees in another form than expected")
    return trees


def _edges(column: NDArray[np.floating], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the values between which a feature is not told apart, in rising order.

    They are scikit-learn's own: midpoints of few values, otherwise weighted percentiles by
    "averaged_inverted_cdf" (R. J. Hyndman and Y. Fan 1996, definition 2). scikit-learn sorts anew
    for each percentile, which takes nine tenths of a training.
    """
    order = np.argsort(column)
    rising = column[order].astype(np.float64)
    values = np.unique(rising)
    if len(values) <= _BINS:
        return np.asarray((values[:-1] + values[1:]) / 2, np.float64)
    below = np.cumsum(weights[order])
    ranks = np.linspace(0, 100, _BINS + 1)[1:-1] / 100 * below[-1]
    last = len(rising) - 1
    at = np.minimum(np.searchsorted(below, ranks), last)
    above = below[at] - ranks > np.finfo(np.float64).eps
    between = (rising[at] + rising[np.minimum(at + 1, last)]) / 2
    return np.unique(np.where(above, rising[at], between))


def _threshold(tree: NDArray[Any], edges: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the thresholds of a tree of bins as values of the features."""
    leaf, feature = tree["is_leaf"].astype(bool), tree["feature_idx"]
    bins = np.floor(tree["num_threshold"]).astype(np.int64)
    found = [
        0.0 if ends else edges[which][bin_]
        for ends, which, bin_ in zip(leaf, feature, np.where(leaf, 0, bins), strict=True)
    ]
    return np.array(found, np.float64)


def _trees_of(model: Any, edges: Sequence[NDArray[np.float64]]) -> Trees:
    nodes = [group[0].nodes for group in model._predictors]
    starts = np.cumsum([0, *map(len, nodes)])
    parts: dict[str, list[NDArray[Any]]] = {name: [] for name in _NODE}
    for tree, start in zip(nodes, starts[:-1], strict=True):
        own = start + np.arange(len(tree))
        leaf = tree["is_leaf"].astype(bool)
        parts["feature"].append(np.where(leaf, 0, tree["feature_idx"]))
        parts["threshold"].append(_threshold(tree, edges))
        parts["left"].append(np.where(leaf, own, start + tree["left"].astype(np.int64)))
        parts["right"].append(np.where(leaf, own, start + tree["right"].astype(np.int64)))
        parts["value"].append(np.where(leaf, tree["value"], 0.0))
    joined = {name: np.concatenate(part).astype(_NODE[name]) for name, part in parts.items()}
    return Trees(float(model._baseline_prediction[0, 0]), starts[:-1].astype(np.int64), **joined)


_NODE: dict[str, Any] = {
    "feature": np.int64,
    "threshold": np.float64,
    "left": np.int64,
    "right": np.int64,
    "value": np.float64,
}
