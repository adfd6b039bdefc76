"""Ranks of scores, and the area under the ROC curve that they give."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["auc", "midranks"]


def midranks(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return ranks from 1; equal values share the mean of their ranks."""
    from scipy.stats import rankdata  # half a second to import

    return np.asarray(rankdata(values), np.float64)


def auc(real: NDArray[np.floating], fake: NDArray[np.floating]) -> float:
    """Return the probability that a fake scores above a real, ties counted half.

    The rank sum of Mann & Whitney (1947) divided by the number of pairs; NaN if there is no real
    or no fake.
    """
    if not len(real) or not len(fake):
        return math.nan
    ranks = midranks(np.concatenate([real, fake]))
    own = len(fake) * (len(fake) + 1) / 2
    return float((ranks[len(real) :].sum() - own) / (len(real) * len(fake)))
