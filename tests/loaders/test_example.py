"""The example that trains a detector runs at a tiny size."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "train_detector.py"


@pytest.mark.slow
def test_the_example_trains_twice_and_prints_the_auc_by_method(
    out: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    spec = importlib.util.spec_from_file_location("train_detector", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    monkeypatch.setattr(example, "EPOCHS", 2)
    monkeypatch.setattr(example, "BATCH", 8)
    example.main(str(out))
    printed = capsys.readouterr().out
    for line in ("pair batches", "random batches"):
        assert line in printed
    assert printed.count("epoch 2: loss") == 2
    assert printed.count("self_blend") == printed.count("landmark_swap") == 2
