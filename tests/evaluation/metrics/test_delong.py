from __future__ import annotations

import numpy as np
import pytest

from datagen.evaluation.metrics.delong import delong, delong_pair

# DeLong et al. (1988), ovarian cancer with bowel obstruction: albumin, total protein, K-G score,
# outcome; the 43 patients with all three, as reprinted in the SAS/STAT manual (PROC LOGISTIC,
# "Comparing Receiver Operating Characteristic Curves").
PATIENTS = """
3.0 5.8 10 0  3.2 6.3  5 1  3.9 6.8  3 1  2.8 4.8  6 0  3.2 5.8  3 1  0.9 4.0  5 0  2.5 5.7  8 0
1.6 5.6  5 1  3.8 5.7  5 1  3.7 6.7  6 1  3.2 5.4  4 1  3.8 6.6  6 1  4.1 6.6  5 1  3.6 5.7  5 1
4.3 7.0  4 1  3.6 6.7  4 0  2.3 4.4  6 1  4.2 7.6  4 0  4.0 6.6  6 0  3.5 5.8  6 1  3.8 6.8  7 1
3.0 4.7  8 0  4.5 7.4  5 1  3.7 7.4  5 1  3.1 6.6  6 1  4.1 8.2  6 1  4.3 7.0  5 1  4.3 6.5  4 1
3.2 5.1  5 1  2.6 4.7  6 1  3.3 6.8  6 0  1.7 4.0  7 0  3.7 6.1  5 1  3.3 6.3  7 1  4.2 7.7  6 1
3.5 6.2  5 1  2.9 5.7  9 0  2.1 4.8  7 1  2.8 6.2  8 0  4.0 7.0  7 1  3.3 5.7  6 1  3.7 6.9  5 1
3.6 6.6  5 1
"""
TABLE = np.array(PATIENTS.split(), float).reshape(-1, 4)
ALBUMIN, PROTEIN, SCORE, OUTCOME = TABLE[:, 0], TABLE[:, 1], 10 - TABLE[:, 2], TABLE[:, 3] == 1


@pytest.mark.parametrize(
    ("test", "area", "error"),
    [(SCORE, 0.7258, 0.1028), (PROTEIN, 0.6478, 0.1000)],
)
def test_published_areas(test: np.ndarray, area: float, error: float) -> None:
    found = delong(OUTCOME, test)
    assert found.auc == pytest.approx(area, abs=5e-5)
    assert found.standard_error == pytest.approx(error, abs=5e-5)


def test_against_the_definition() -> None:
    rng = np.random.default_rng(0)
    label = rng.random(120) < 0.4
    first = np.round(rng.normal(label, 1), 1)
    second = np.round(rng.normal(0.5 * label, 1) + 0.5 * first, 1)

    def parts(raw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        gap = raw[label][:, None] - raw[~label][None]
        kernel = (gap > 0) + 0.5 * (gap == 0)
        return kernel.mean(axis=1), kernel.mean(axis=0)

    (a10, a01), (b10, b01) = parts(first), parts(second)
    m, n = int(label.sum()), int((~label).sum())
    variance = np.var(a10 - b10, ddof=1) / m + np.var(a01 - b01, ddof=1) / n
    found = delong_pair(label, first, second)
    assert found.difference == pytest.approx(a10.mean() - b10.mean())
    assert found.standard_error == pytest.approx(np.sqrt(variance))
    assert found.low < found.difference < found.high
    one = delong(label, first)
    assert one.standard_error**2 == pytest.approx(np.var(a10, ddof=1) / m + np.var(a01, ddof=1) / n)


def test_a_detector_does_not_differ_from_itself() -> None:
    found = delong_pair(OUTCOME, SCORE, 3 * SCORE + 1)
    assert (found.difference, found.standard_error, found.z, found.p) == (0, 0, 0, 1)
