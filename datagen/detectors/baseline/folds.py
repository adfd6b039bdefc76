"""Identities dealt evenly to folds, so that a detector is tested on people it never saw."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from datagen.core.digests import digest_of
from datagen.errors import ReleaseError

__all__ = ["FOLDS", "folds_of"]

FOLDS = 5


def folds_of(train: pd.DataFrame) -> NDArray[np.int64]:
    """Return the fold of each row, in the order of a hash of the identities.

    Args:
        train: Rows of a manifest with the columns ``label`` and ``identity_id``.

    Raises:
        ReleaseError: There are no reals, no fakes, or too few identities.
    """
    labels, identities = train["label"].to_numpy(), train["identity_id"]
    order = sorted(set(identities), key=lambda name: digest_of(["fold", name]))
    fold = {name: place % FOLDS for place, name in enumerate(order)}
    folds = np.asarray([fold[name] for name in identities], np.int64)
    for number in range(FOLDS):
        if len(set(labels[folds != number])) < 2 or len(set(labels[folds == number])) < 2:
            raise ReleaseError(
                f"split 'train' has {len(order)} identities in {len(train)} usable images: "
                f"expected reals and fakes of at least {FOLDS} identities"
            )
    return folds
