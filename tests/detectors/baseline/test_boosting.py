from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from datagen.core.rng import rng
from datagen.core.stats import auc
from datagen.detectors.baseline import boosting
from datagen.detectors.baseline.boosting import Trees, fit_trees


def rows_of(count: int = 120) -> tuple[np.ndarray, np.ndarray]:
    draw = rng("boosting", count)
    rows = draw.normal(size=(count, 4)).astype(np.float32)
    return rows, ((rows[:, 0] * rows[:, 1] > 0) ^ (draw.random(count) < 0.05)).astype(np.int64)


@pytest.fixture(scope="module")
def trees() -> Trees:
    return fit_trees(*rows_of(), 0)


def test_trees_learn_what_no_line_separates(trees: Trees) -> None:
    """Fitting compares the trees with scikit-learn's own answers, or raises."""
    draw = rng("boosting, unseen")
    rows = draw.normal(size=(400, 4)).astype(np.float32)
    odds = trees.log_odds(rows)
    is_one = rows[:, 0] * rows[:, 1] > 0
    assert auc(odds[~is_one], odds[is_one]) > 0.85
    trees.check(4)


@pytest.mark.parametrize(("count", "every"), [(120, 2), (600, 2), (700, 3), (2000, 7)])
def test_the_trees_are_those_of_scikit_learn_alone(count: int, every: int) -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier

    draw = rng("boosting, alone", count)
    rows = draw.normal(size=(count, 4)).astype(np.float32)
    rows[:, 1] = np.round(rows[:, 1])  # few values
    rows[:, 2] = np.round(rows[:, 2], 2)  # many, some of them often
    rows[:, 3] = 7
    labels = (np.arange(count) % every == 0).astype(np.int64)
    rows[labels == 1, 0] += 1
    unseen = draw.normal(size=(400, 4)).astype(np.float32)
    leaf = int(np.clip(count // boosting._ROWS_A_LEAF, *boosting._LEAF))
    alone = HistGradientBoostingClassifier(
        **boosting._SETTINGS, min_samples_leaf=leaf, class_weight="balanced", random_state=3
    ).fit(rows, labels)
    found = fit_trees(rows, labels, 3).log_odds(unseen)
    np.testing.assert_allclose(found, alone.decision_function(unseen), atol=1e-9)


def test_a_dozen_rows_are_enough_to_learn_what_is_plain() -> None:
    rows = np.linspace(0, 1, 24, dtype=np.float32)[:, None]
    labels = (rows[:, 0] > 0.5).astype(np.int64)
    odds = fit_trees(rows, labels, 0).log_odds(rows)
    assert auc(odds[labels == 0], odds[labels == 1]) == 1


def test_equal_rows_give_equal_trees(trees: Trees) -> None:
    again = fit_trees(*rows_of(), 0)
    for name in Trees.__slots__:
        assert np.array_equal(getattr(trees, name), getattr(again, name)), name


@pytest.mark.parametrize(
    ("name", "place", "value"),
    [
        ("roots", 0, -1),
        ("feature", 0, 4),
        ("left", 0, 0),
        ("right", 3, 0),
        ("left", 0, 10**6),
    ],
)
def test_trees_that_no_training_gives_are_refused(
    trees: Trees, name: str, place: int, value: int
) -> None:
    array = getattr(trees, name).copy()
    array[place] = value
    with pytest.raises(ValueError, match=name):
        replace(trees, **{name: array}).check(4)
    with pytest.raises(ValueError, match="as many as in 'value'"):
        replace(trees, threshold=trees.threshold[1:]).check(4)
