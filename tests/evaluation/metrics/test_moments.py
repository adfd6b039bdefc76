from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datagen.evaluation.metrics.moments import BINS, MOMENT_METRICS, moment_sums, reliability

SEEDS = st.integers(0, 1000)


def data(seed: int) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    label = rng.random(200) < 0.4
    return label, np.clip(np.round(rng.normal(0.3 + 0.3 * label, 0.3), 2), 0, 1)


def metric(name: str, label: npt.NDArray[np.bool_], probability: npt.NDArray[np.float64]) -> float:
    nowhere = np.full(len(label), np.nan)
    cluster = np.arange(len(label)) % 7
    sums = moment_sums(label, probability, 0.5, nowhere, cluster, 7)
    return float(MOMENT_METRICS[name](sums.sum(axis=0)))


@given(SEEDS)
def test_equal_to_the_definitions(seed: int) -> None:
    label, probability = data(seed)
    called = probability >= 0.5
    hits, alarms = (called & label).sum(), (called & ~label).sum()
    precision, recall = hits / called.sum(), hits / label.sum()
    assert metric("accuracy", label, probability) == pytest.approx(np.mean(called == label))
    f1 = 2 * precision * recall / (precision + recall)
    assert metric("f1", label, probability) == pytest.approx(f1)
    assert metric("tpr", label, probability) == pytest.approx(recall)
    assert metric("fpr", label, probability) == pytest.approx(alarms / (~label).sum())
    brier = np.mean((probability - label) ** 2)
    assert metric("brier", label, probability) == pytest.approx(brier)


@given(SEEDS)
def test_equal_to_scikit_learn(seed: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    label, probability = data(seed)
    called = probability >= 0.5
    assert metric("f1", label, probability) == pytest.approx(metrics.f1_score(label, called))
    accuracy = metrics.accuracy_score(label, called)
    assert metric("accuracy", label, probability) == pytest.approx(accuracy)
    brier = metrics.brier_score_loss(label, probability)
    assert metric("brier", label, probability) == pytest.approx(brier)


@given(SEEDS)
def test_calibration_error_bin_by_bin(seed: int) -> None:
    label, probability = data(seed)
    place = np.minimum((probability * BINS).astype(int), BINS - 1)
    brute = sum(
        (place == number).mean()
        * abs(probability[place == number].mean() - label[place == number].mean())
        for number in np.unique(place)
    )
    assert metric("ece", label, probability) == pytest.approx(brute)
    told = reliability(label, probability)
    assert sum(entry["n"] for entry in told) == len(label)
    from_curve = sum(e["n"] * abs(e["probability"] - e["share_fake"]) for e in told) / len(label)
    assert from_curve == pytest.approx(brute)


def test_a_calibrated_detector_has_almost_no_calibration_error() -> None:
    rng = np.random.default_rng(0)
    probability = rng.random(200_000)
    label = rng.random(200_000) < probability
    assert metric("ece", label, probability) < 0.01
    assert metric("ece", label, np.clip(probability + 0.2, 0, 1)) > 0.1


def test_pair_order_counts_ties_half() -> None:
    ordered = np.array([1.0, 0.5, 0.0, np.nan])
    label = np.array([True, True, True, False])
    sums = moment_sums(label, np.full(4, 0.5), 0.5, ordered, np.zeros(4, np.int64), 1)
    assert float(MOMENT_METRICS["pair_order"](sums[0])) == 0.5


def test_without_data_nan_and_never_zero() -> None:
    for name, function in MOMENT_METRICS.items():
        assert np.isnan(function(np.zeros(7 + BINS))), name
