from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from datagen.cli.main import run
from tests.detectors.made import read_rows


def test_the_small_network_trains_and_can_be_scored(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    main = importlib.import_module("benchmarks.train").main
    net = tmp_path / "net.pt"
    main([str(small), "--epochs", "1", "--steps", "1", "--side", "32", "--save", str(net)])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[0] for line in lines] == ["method", "all", "landmark_swap", "self_blend"]
    to, config = tmp_path / "s.parquet", str(net.with_suffix(".yaml"))
    arguments = ["score", str(small), "--detector", str(net), "--detector-config", config]
    assert run([*arguments, "--allow-code", "-o", str(to), "--inline", "--split", "test"]) == 0
    assert read_rows(to)["score"].between(0, 1).all()
