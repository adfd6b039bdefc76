from __future__ import annotations

import numpy as np
import pytest

from datagen.core.stats import auc, midranks
from datagen.evaluation.metrics.curves import CURVE_METRICS
from datagen.evaluation.metrics.delong import delong
from datagen.evaluation.metrics.measure import exact_counts
from datagen.evaluation.sample import sample_of
from tests.evaluation.made import make


def test_equal_values_share_the_mean_of_their_ranks() -> None:
    ranks = midranks(np.array([0.5, 0.1, 0.5, 0.9, 0.5]))
    assert ranks.tolist() == [3.0, 1.0, 3.0, 5.0, 3.0]
    assert ranks.dtype == np.float64


def test_auc_is_the_share_of_pairs_in_order() -> None:
    assert auc(np.array([0.1, 0.4]), np.array([0.35, 0.8])) == 0.75
    assert auc(np.array([0.5, 0.5]), np.array([0.5])) == 0.5
    assert np.isnan(auc(np.array([]), np.array([0.5])))


def test_ranks_the_area_of_the_curve_and_delong_agree() -> None:
    """Three ways to one number: a curve can be resampled, ranks cannot."""
    made = make(people=20, pairs_each=3)
    sample = sample_of(made.rows(np.round(made.scores(), 1)))  # many ties
    want = auc(sample.raw[~sample.label], sample.raw[sample.label])
    assert float(CURVE_METRICS["auc"](exact_counts(sample))) == pytest.approx(want, abs=1e-12)
    assert delong(sample.label, sample.raw).auc == pytest.approx(want, abs=1e-12)
