from __future__ import annotations

import numpy as np
import pytest

from datagen.core.arrays import Image
from datagen.core.images import encode_png
from datagen.detectors import batched
from datagen.detectors.batched import ArrayDetector, Encoded
from datagen.detectors.config import DetectorConfig


@pytest.mark.parametrize(
    ("most", "expected"), [(3 * 64 * 3, [3, 3, 1]), (1, [1] * 7), (10**9, [5, 2])]
)
def test_a_batch_has_no_more_numbers_than_fit_in_memory(
    monkeypatch: pytest.MonkeyPatch, most: int, expected: list[int]
) -> None:
    monkeypatch.setattr(batched, "MAX_NUMBERS", most)
    image = encode_png(np.zeros((4, 4, 3), np.uint8))
    asked: list[int] = []

    def infer(images: list[Image]) -> list[float]:
        asked.append(len(images))
        assert {one.shape for one in images} == {(8, 8, 3)}
        return [0.5] * len(images)

    detector = ArrayDetector(infer, DetectorConfig(size=(8, 8)))
    answers = detector.score([Encoded(f"s{n}", image, "png") for n in range(7)], 5)
    assert asked == expected
    assert [answer.status for answer in answers] == ["ok"] * 7
