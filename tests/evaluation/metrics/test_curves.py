from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datagen.evaluation.metrics.curves import (
    CURVE_METRICS,
    Counts,
    counts_of,
    det_points,
    roc_points,
    tpr_at,
)

Case = tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Labels with both kinds, scores on a grid so that ties are frequent."""
    count = draw(st.integers(4, 60))
    label = np.array(draw(st.lists(st.booleans(), min_size=count, max_size=count)))
    label[:2] = [True, False]
    grid = draw(st.lists(st.integers(0, 20), min_size=count, max_size=count))
    return label, np.array(grid) / 20


def counted(label: npt.NDArray[np.bool_], raw: npt.NDArray[np.float64]) -> Counts:
    values = np.unique(raw)[::-1]
    reals = [int(((raw == value) & ~label).sum()) for value in values]
    fakes = [int(((raw == value) & label).sum()) for value in values]
    return counts_of(np.array(reals, float), np.array(fakes, float))


def metric(name: str, case: Case) -> float:
    return float(CURVE_METRICS[name](counted(*case)))


@given(cases())
def test_auc_is_the_share_of_ordered_pairs(case: Case) -> None:
    label, raw = case
    difference = raw[label][:, None] - raw[~label][None]
    brute = np.mean((difference > 0) + 0.5 * (difference == 0))
    assert metric("auc", case) == pytest.approx(brute)


@given(cases())
def test_metrics_of_ranks_know_no_scale(case: Case) -> None:
    label, raw = case
    for name in CURVE_METRICS:
        assert metric(name, case) == pytest.approx(metric(name, (label, np.exp(3 * raw) - 7)))


@given(cases())
def test_a_flip_of_labels_or_scores_turns_the_auc_round(case: Case) -> None:
    label, raw = case
    assert metric("auc", (~label, raw)) == pytest.approx(1 - metric("auc", case))
    assert metric("auc", (label, -raw)) == pytest.approx(1 - metric("auc", case))
    assert metric("eer", (~label, -raw)) == pytest.approx(metric("eer", case))


@given(cases())
def test_all_lie_in_their_ranges_and_a_perfect_detector_is_perfect(case: Case) -> None:
    label, raw = case
    for name in CURVE_METRICS:
        assert -1e-12 <= metric(name, case) <= 1 + 1e-12
    perfect = raw + 2 * label
    for name in CURVE_METRICS:
        assert metric(name, (label, perfect)) == pytest.approx(0 if name == "eer" else 1)


@given(cases(), st.integers(2, 5))
def test_repeating_every_image_changes_nothing(case: Case, times: int) -> None:
    label, raw = case
    for name in CURVE_METRICS:
        again = metric(name, (np.repeat(label, times), np.repeat(raw, times)))
        assert again == pytest.approx(metric(name, case))


@given(cases())
def test_equal_to_scikit_learn(case: Case) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    label, raw = case
    assert metric("auc", case) == pytest.approx(metrics.roc_auc_score(label, raw))
    assert metric("ap", case) == pytest.approx(metrics.average_precision_score(label, raw))
    assert metric("pauc", case) == pytest.approx(metrics.roc_auc_score(label, raw, max_fpr=0.1))


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.3])
def test_hit_rate_lies_on_scikit_learns_curve(rate: float) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(1)
    label = rng.random(3000) < 0.4
    raw = np.round(rng.normal(label, 1), 2)
    fpr, tpr, _ = metrics.roc_curve(label, raw, drop_intermediate=False)
    assert float(tpr_at(counted(label, raw), rate)) == pytest.approx(np.interp(rate, fpr, tpr))


def test_known_values() -> None:
    """By hand; holds where scikit-learn is not installed."""
    label = np.array([True, True, False, True, False, False])
    raw = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
    assert metric("auc", (label, raw)) == pytest.approx(8 / 9)
    assert metric("ap", (label, raw)) == pytest.approx((1 + 1 + 3 / 4) / 3)
    assert metric("eer", (label, raw)) == pytest.approx(1 / 3)
    assert metric("tpr_at_fpr_1pct", (label, raw)) == pytest.approx(2 / 3)


def test_many_rows_at_once_are_each_alone() -> None:
    rng = np.random.default_rng(2)
    reals, fakes = rng.integers(0, 5, (7, 30)), rng.integers(0, 5, (7, 30))
    together = counts_of(reals.astype(np.float32), fakes.astype(np.float32))
    for name, function in CURVE_METRICS.items():
        alone = [
            float(function(counts_of(r.astype(float), f.astype(float))))
            for r, f in zip(reals, fakes, strict=True)
        ]
        np.testing.assert_allclose(function(together), alone, err_msg=name)


def test_no_reals_or_no_fakes_is_nan() -> None:
    none_found, some = np.zeros((1, 3)), np.array([[1.0, 2.0, 0.0]])
    for name, function in CURVE_METRICS.items():
        for reals, fakes in ((none_found, some), (some, none_found)):
            assert np.isnan(function(counts_of(reals, fakes))).all(), name


def test_drawn_curves_keep_their_ends() -> None:
    rng = np.random.default_rng(3)
    label = rng.random(5000) < 0.5
    counts = counted(label, rng.normal(label, 1))
    fpr, tpr = roc_points(counts)
    assert len(fpr) <= 300
    assert (fpr[0], tpr[0], fpr[-1], tpr[-1]) == (0, 0, 1, 1)
    false, miss = det_points(counts)
    assert min(false.min(), miss.min()) > 0
    assert (np.diff(false) >= 0).all()
