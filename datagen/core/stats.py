"""Ranks of scores, and the area under the ROC curve that they give."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["auc", "midranks"]


def midranks(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return ranks from 1, equals at their mean."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    lengths = np.diff(np.append(starts, len(values)))
    ranks = np.empty(len(values))
    ranks[order] = np.repeat(starts + (lengths + 1) / 2, lengths)
    return ranks


def auc(real: NDArray[np.floating], fake: NDArray[np.floating]) -> float:
    """Return how often a fake scores above a real, ties counted half; NaN without either.

    The rank sum of Mann & Whitney (1947) divided by the number of pairs.
    """
    if not len(real) or not len(fake):
        return math.nan
    ranks = midranks(np.concatenate([real, fake]))
    own = len(fake) * (len(fake) + 1) / 2
    return float((ranks[len(real) :].sum() - own) / (len(real) * len(fake)))
