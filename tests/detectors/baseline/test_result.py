from __future__ import annotations

import numpy as np
import pandas as pd

from datagen.detectors.baseline.result import by_method


def test_alarms_are_controls_above_what_a_twentieth_of_the_reals_exceed() -> None:
    reals = pd.DataFrame({"kind": "real", "label": 0, "method": "", "score": np.arange(100) / 100})
    fakes = pd.DataFrame({"kind": "fake", "label": 1, "method": ["a", "b"], "score": [0.5, np.nan]})
    controls = pd.DataFrame(
        {"kind": "control", "label": 0, "method": "a", "score": [0.1, 0.2, 0.3, 0.99]}
    )
    rows = pd.concat([reals, fakes, controls], ignore_index=True).assign(split="test")
    whole, one = by_method(rows, ["test"])
    assert (whole.method, whole.fakes, whole.reals, whole.controls) == ("all", 1, 104, 4)
    assert (one.method, one.alarms) == ("a", 0.25)
    assert 0.5 < one.auc < 0.55
