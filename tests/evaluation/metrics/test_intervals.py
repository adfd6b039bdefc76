from __future__ import annotations

from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import pytest

from datagen.evaluation.metrics.intervals import (
    FEW,
    MAX_CLUSTERS,
    MIN_CLUSTERS,
    Estimate,
    Resampler,
    bonferroni,
    by_cluster,
    estimate,
    interval,
    nothing,
)
from datagen.evaluation.metrics.measure import CELLS, measure
from datagen.evaluation.sample import Sample


def sample_from(
    people: int, each: int, skill: float, own: float, seed: int, digits: int = 9
) -> Sample:
    rng = np.random.default_rng(seed)
    identity = np.repeat(np.arange(people), 2 * each)
    label = np.tile(np.repeat([False, True], each), people)
    raw = rng.normal(0, own, people)[identity] + rng.normal(skill * label, 1)
    return sorted_sample(np.round(raw, digits), label, identity)


def sorted_sample(
    raw: npt.NDArray[np.float64], label: npt.NDArray[np.bool_], identity: npt.NDArray[np.int64]
) -> Sample:
    order = np.argsort(-raw, kind="stable")
    count = np.arange(len(raw))
    whole = Sample(
        raw, 1 / (1 + np.exp(-raw)), label, identity, count, np.full(len(raw), np.nan), count
    )
    return whole.take(order)


def test_a_replicate_is_the_metric_of_the_drawn_people() -> None:
    """Cells, weights and metrics together against drawing rows by hand."""
    part = sample_from(25, 3, 1.0, 0.5, 0, digits=1)
    resampler = Resampler(part.identity, replicates=20)
    found = measure(part, resampler, 0.5)
    times = resampler.sums(np.eye(25)[resampler.cluster(np.arange(25))].T)
    rounded = np.rint(times).astype(int)
    assert (rounded.sum(axis=1) == 25).all()
    for number in (0, 7, 19):
        again = np.repeat(np.arange(len(part.raw)), rounded[number][part.identity])
        drawn = measure(part.take(again), Resampler(part.identity, replicates=1), 0.5)
        for name, one in found.items():
            if one.replicates is not None:
                assert one.replicates[number] == pytest.approx(drawn[name].value), name


def test_pooled_cells_hardly_move_an_interval() -> None:
    part = sample_from(100, 60, 1.5, 0.3, 1)
    assert len(np.unique(part.raw)) > CELLS
    fine = measure(part, Resampler(part.identity), 0.5)
    coarse = sorted_sample(np.round(part.raw, 2), part.label, part.identity)
    assert len(np.unique(coarse.raw)) < CELLS
    exact = measure(coarse, Resampler(part.identity), 0.5)
    for name in ("auc", "ap", "eer", "pauc"):
        assert fine[name].low == pytest.approx(exact[name].low, abs=2e-3), name
        assert fine[name].high == pytest.approx(exact[name].high, abs=2e-3), name


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    """A hundred worlds of 40 people; two images differ by N(skill, 2 (1 + own ** 2))."""
    truth = NormalDist().cdf(1.0 / np.sqrt(2 * (1 + 0.7**2)))
    held = 0
    for seed in range(100):
        part = sample_from(40, 5, 1.0, 0.7, seed)
        found = measure(part, Resampler(part.identity, replicates=400), 0.5)["auc"]
        held += found.low <= truth <= found.high
    assert 88 <= held <= 99


def test_people_who_differ_widen_the_interval_of_a_threshold() -> None:
    narrow, wide = (
        measure(part, Resampler(part.identity), 0.5)["fpr"]
        for part in (sample_from(60, 20, 1.0, own, 3) for own in (0.0, 2.0))
    )
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def test_the_same_scores_give_the_same_intervals() -> None:
    part = sample_from(30, 4, 1.0, 0.5, 4)
    one, other = (measure(part, Resampler(part.identity), 0.5) for _ in range(2))
    assert all(
        (one[name].low, one[name].high) == (other[name].low, other[name].high)
        for name in ("auc", "ap", "f1", "ece")
    )


def test_few_people_are_flagged() -> None:
    for people, reason in ((MIN_CLUSTERS - 1, FEW), (MIN_CLUSTERS, None)):
        part = sample_from(people, 5, 1.0, 0.5, 5)
        found = measure(part, Resampler(part.identity), 0.5)["auc"]
        assert (found.reason, found.reliable) == (reason, reason is None)
        assert found.identities == people


def test_more_people_than_clusters_are_pooled_without_losing_width() -> None:
    rng = np.random.default_rng(6)
    people = 3 * MAX_CLUSTERS
    resampler = Resampler(np.arange(people))
    assert resampler.clusters == MAX_CLUSTERS
    values = rng.normal(0, 1, people)
    cluster = resampler.cluster(np.arange(people))
    columns = np.column_stack([values, np.ones(people)])
    drawn = resampler.sums(by_cluster(cluster, columns, MAX_CLUSTERS))
    error = float(np.std(drawn[:, 0] / drawn[:, 1]))
    assert error == pytest.approx(1 / np.sqrt(people), rel=0.1)


def test_a_detector_without_an_error_has_an_open_end() -> None:
    """As Clopper and Pearson: with 30 people the low end is 0.025 ** (1 / 30)."""
    same = np.ones(50)
    perfect, none = estimate(1.0, same, (50, 50, 30)), estimate(0.0, 0 * same, (50, 50, 30))
    bound = 0.025 ** (1 / 30)
    assert [perfect.low, perfect.high] == pytest.approx([bound, 1.0])
    assert [none.low, none.high] == pytest.approx([0.0, 1 - bound])
    gap = estimate(0.0, 0 * same, (50, 50, 30), share=False)
    assert (gap.low, gap.high) == (0.0, 0.0)


def test_few_people_have_a_wider_interval_than_the_plain_percentiles() -> None:
    normal = np.random.default_rng(0).normal(0, 1, 100_000)
    assert interval(normal, 10**6)[0] == pytest.approx(-1.96, abs=0.03)
    assert interval(normal, 20)[0] == pytest.approx(-2.093 * np.sqrt(20 / 19), abs=0.03)


def test_bonferroni_widens_and_keeps_to_the_range() -> None:
    found = Estimate(0.95, 0.90, 0.98, 10, 10, 30)
    wide = bonferroni(found, 10)
    assert wide.low < found.low
    assert found.high < wide.high <= 1.0
    assert bonferroni(found, 1).low == pytest.approx(found.low)


def test_nothing_is_nan_with_a_reason() -> None:
    found = nothing("no reals", (0, 5, 2))
    assert np.isnan([found.value, found.low, found.high, found.standard_error]).all()
    assert not found.reliable


def test_replicates_without_data_are_left_out() -> None:
    found = estimate(0.5, np.array([0.4, np.nan, 0.6]), (5, 5, 30))
    assert 0.4 <= found.low <= found.high <= 0.6
    assert np.isnan(interval(np.array([np.nan]), 30)).all()
