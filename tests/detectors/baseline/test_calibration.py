from __future__ import annotations

import numpy as np
import pytest

from datagen.core.rng import rng
from datagen.detectors.baseline.calibration import Calibration, fit_calibration
from datagen.detectors.baseline.logistic import fit_logistic


def test_a_detector_that_is_too_sure_is_told_less() -> None:
    draw = rng("calibration")
    truth = draw.normal(0, 1.5, 4000)
    labels = (draw.random(4000) < 1 / (1 + np.exp(-truth))).astype(np.int64)
    fitted = fit_calibration(3 * truth + 1, labels)
    assert fitted.slope == pytest.approx(1 / 3, rel=0.1)
    assert fitted.offset == pytest.approx(-1 / 3, abs=0.1)
    assert np.abs(fitted.probability(3 * truth + 1) - 1 / (1 + np.exp(-truth))).max() < 0.05


def test_the_order_stays_when_the_detector_is_wrong_and_when_it_is_perfect() -> None:
    odds = np.linspace(-2, 2, 40)
    for labels in ((odds < 0).astype(np.int64), (odds > 0).astype(np.int64)):
        found = fit_calibration(odds, labels).probability(odds)
        assert (np.diff(found) > 0).all()
        assert np.isfinite(found).all()


@pytest.mark.parametrize("numbers", [[0, 0], [-1, 0], [1e9, 0], [1, 1e9], [float("nan"), 0], [1]])
def test_numbers_of_no_calibration_are_refused(numbers: list[float]) -> None:
    assert Calibration.of([2, -1]) == Calibration(2.0, -1.0)
    with pytest.raises(ValueError):  # noqa: PT011  # of a wrong length it is Python's own
        Calibration.of(numbers)


def test_the_line_is_at_the_bottom() -> None:
    draw = rng("logistic")
    data = draw.normal(size=(60, 3))
    labels = (data[:, 0] + draw.normal(size=60) > 0.3).astype(np.int64)
    model = fit_logistic(data, labels, 2.0)
    standard = (data - model.mean) / model.scale
    share = labels.mean()
    weight = np.where(labels == 1, 0.5 / share, 0.5 / (1 - share))
    miss = weight * (model.probability(data) - labels)
    assert np.abs(standard.T @ miss + 2.0 * model.weights).max() < 1e-3
    assert abs(miss.sum()) < 1e-3
