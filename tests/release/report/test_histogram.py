from __future__ import annotations

import re

import numpy as np
import pytest

from datagen.release.report.histogram import HEIGHT, WIDTH, histogram, ticks_between


def test_kinds_are_drawn_over_each_other_and_told_in_figures() -> None:
    values = {
        "real": np.arange(0.0, 100.0),
        "control": np.array([50.0]),
        "fake": np.arange(0.0, 200.0),
    }
    found = histogram("Size", "kB", values)
    assert found is not None
    assert [curve.kind for curve in found.curves] == ["fake", "real", "control"]
    assert [line.kind for line in found.lines] == ["real", "control", "fake"]
    assert (found.lines[0].count, found.lines[0].median, found.lines[2].median) == (
        100,
        "49.5",
        "99.5",
    )
    for curve in found.curves:
        numbers = [float(number) for number in re.findall(r"[\d.]+", curve.path)]
        assert all(0 <= number <= max(WIDTH, HEIGHT) for number in numbers)
        assert curve.path.startswith("M0 ")
        assert curve.path.endswith("Z")


def test_one_value_and_none() -> None:
    found = histogram("Change", "levels", {"fake": np.array([3.0, 3.0])})
    assert found is not None
    assert found.ticks
    assert histogram("Change", "levels", {"fake": np.array([]), "real": np.array([])}) is None


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [
        (0.0, 10.0, ["0", "2", "4", "6", "8", "10"]),
        (-31.0, 34.0, ["-20", "0", "20"]),
        (0.001, 0.0049, ["0.001", "0.002", "0.003", "0.004"]),
    ],
)
def test_marks_are_round_numbers(low: float, high: float, texts: list[str]) -> None:
    assert [text for _, text in ticks_between(low, high)] == texts
