"""The area under the ROC curve: one number by which detectors are compared here."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["auc"]


def auc(real: NDArray[np.floating], fake: NDArray[np.floating]) -> float:
    """Return how often a fake scores above a real, ties counted half; NaN without either.

    The rank sum of Mann & Whitney (1947) divided by the number of pairs.
    """
    if not len(real) or not len(fake):
        return math.nan
    ranks = pd.Series(np.concatenate([real, fake])).rank(method="average").to_numpy()
    own = len(fake) * (len(fake) + 1) / 2
    return float((ranks[len(real) :].sum() - own) / (len(real) * len(fake)))
