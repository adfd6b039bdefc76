from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datagen.evaluation.compare import holm
from datagen.evaluation.evaluate import Context, evaluate
from datagen.evaluation.metrics.measure import METRICS
from tests.evaluation.made import judged, make

MADE = make(people=50, pairs_each=4)


def test_holm_as_published() -> None:
    """As R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    adjusted = holm([0.04, np.nan, 0.01])
    assert adjusted[0] == pytest.approx(0.04)
    assert np.isnan(adjusted[1])
    assert adjusted[2] == pytest.approx(0.02)
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_lies_between_the_value_and_bonferroni(p: list[float]) -> None:
    for raw, adjusted in zip(p, holm(p), strict=True):
        assert raw <= adjusted + 1e-12
        assert adjusted <= min(1.0, raw * len(p)) + 1e-12


def test_a_detector_against_itself_is_no_difference() -> None:
    score = MADE.scores()
    found = judged(MADE, score, score).comparison
    assert found is not None
    for name in METRICS:
        one = found.overall[name]
        if np.isfinite(one.value):
            assert (one.value, one.low, one.high, one.p) == (0, 0, 0, 1), name
    assert found.delong is not None
    assert found.delong.p == 1


def test_pairing_makes_small_differences_visible() -> None:
    old = MADE.scores(skill=1.5)
    label = MADE.label
    raw = np.log(old / (1 - old)) + 0.25 * (label - 0.5)
    found = judged(MADE, 1 / (1 + np.exp(-raw)), old)
    assert found.comparison is not None
    one, alone = found.comparison.overall["auc"], found.table.overall["auc"]
    assert one.low > 0
    assert one.high - one.low < 0.5 * (alone.high - alone.low)
    worse = found.comparison.overall["eer"]
    assert worse.sign == -1
    assert worse.value < 0
    groups = found.comparison.by["method"]
    assert all(group["auc"].p <= group["auc"].p_holm for group in groups.values())


def test_rows_that_only_one_has_scored_are_left_out() -> None:
    score = MADE.scores()
    new, old = (
        MADE.rows(score).take(np.arange(len(score)) > 9),
        MADE.rows(score).take(np.arange(len(score)) < len(score) - 5),
    )
    context = Context({"name": "made", "version": 1}, "test", "n", "o", 0.5, False)
    found = evaluate(context, new, old)
    assert found.comparison is not None
    assert (found.comparison.only_new, found.comparison.only_baseline) == (5, 10)
    assert found.comparison.overall["auc"].value == 0
    assert any("leaves out 5 images" in note for note in found.notes)
