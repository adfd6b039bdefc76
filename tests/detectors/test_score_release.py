"""Scoring by a call: the table that ``datagen.score`` returns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datagen.detectors.config import DetectorConfig
from datagen.detectors.score import score_release
from datagen.errors import DetectorError, ReleaseError
from datagen.release.scores import SCORES, scores_of
from tests.detectors.made import expected, onnx_mean, released


def mean(batch: np.ndarray) -> Any:
    assert batch.dtype == np.uint8
    return batch.mean(axis=(1, 2, 3)) / 255


def test_a_function_scores_a_split(small: Path) -> None:
    calls: list[tuple[int, int]] = []
    release = released(small)
    frame = score_release(
        release, mean, "test", on_progress=lambda done, total: calls.append((done, total))
    )
    assert list(frame.columns) == SCORES.names
    want = {name: value for name, value in expected(small).items() if "-test-" in name}
    assert dict(zip(frame["sample_id"], frame["score"], strict=True)) == pytest.approx(want)
    done = [call[0] for call in calls]
    assert done == sorted(set(done))
    assert done[0] == 0
    tars = released(small).record["files"].items()
    assert calls[-1][0] == calls[-1][1]
    assert done[-1] == sum(
        file["size"] for name, file in tars if name.endswith(".tar") and "-test-" in name
    )
    assert frame.attrs["release"]["name"] == "small"
    found = scores_of(frame)
    assert found.ids.to_pylist() == list(want)
    assert found.release["name"] == "small"


def test_a_spec_and_a_config(small: Path, tmp_path: Path) -> None:
    path = str(onnx_mean(tmp_path / "mean.onnx"))
    frame = score_release(
        released(small), path, ["test"], config=DetectorConfig(higher_is="real"), batch=5
    )
    want = [1 - value for name, value in expected(small).items() if "-test-" in name]
    assert frame["score"].to_list() == pytest.approx(want, abs=1e-5)
    assert frame.attrs["detector"]["kind"] == "onnx"


def test_mistakes_are_named(small: Path) -> None:
    with pytest.raises(ReleaseError, match="has no split 'tets'"):
        score_release(released(small), mean, "tets")
    with pytest.raises(DetectorError, match="must be a callable or a spec, found int"):
        score_release(released(small), 3)  # type: ignore[arg-type]
    with pytest.raises(DetectorError, match="logits: true"):
        score_release(released(small), lambda batch: 10 * mean(batch), "test")
