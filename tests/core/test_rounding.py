from __future__ import annotations

import numpy as np

from datagen.core.rounding import rounded


def test_six_decimals_and_a_plain_float() -> None:
    found = rounded(np.float64(0.123456789))
    assert found == 0.123457
    assert type(found) is float
