"""The whole loop of ``docs/ci.md``: a regression is caught, a harmless change is not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from datagen.cli.main import run

RECIPE = Path(__file__).parents[2] / "recipes" / "quickstart.yaml"
# 30 people in test: enough to decide. Two methods that the reference detector knows well.
CHANGES = (
    "sources.0.options.identities=100",
    "splits={train: 100, test: 60}",
    "split.shares={train: 0.7, test: 0.3}",
    "face.size=128",
    "controls=0.2",
    "methods=[{use: resample_forgery, share: 0.5}, {use: self_blend, share: 0.5}]",
)
GATES = """
auc: {min: 0.55}
worst_group_auc: {by: method, min: 0.4}
regression: {metric: auc, max_drop: 0.03, by: [method]}
coverage: {min: 0.99}
on_undecided: pass
"""


def changed(scores: Path, name: str, skill: float) -> Path:
    """Write the scores of a detector that keeps a part of this one's skill."""
    table = pd.read_parquet(scores)
    raw = np.log(np.clip(table["score"], 1e-9, 1 - 1e-9) / np.clip(1 - table["score"], 1e-9, 1))
    noise = np.random.default_rng(0).permutation(raw.to_numpy())
    table["score"] = 1 / (1 + np.exp(-(skill * raw + (1 - skill) * noise)))
    path = scores.with_name(f"{name}.parquet")
    table.to_parquet(path)
    return path


@pytest.mark.slow
def test_the_loop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, main, gates = str(tmp_path / "bench"), tmp_path / "main.parquet", tmp_path / "gates.yaml"
    gates.write_text(GATES, encoding="utf-8")
    sets = [word for change in CHANGES for word in ("--set", change)]
    assert run(["generate", str(RECIPE), "-o", out, "--inline", *sets]) == 0
    assert run(["baseline", out, "-o", str(main), "--split", "test", "--inline"]) == 0
    capsys.readouterr()
    for name, skill, code in (("same", 1.0, 0), ("harmless", 0.99, 0), ("worse", 0.0, 1)):
        scores, report = changed(main, name, skill), tmp_path / name
        options = ["--baseline", str(main), "--gates", str(gates), "--report", str(report)]
        options += ["--trained-on", out, "--junit", str(report / "junit.xml")]
        found = run(["evaluate", out, "--scores", str(scores), *options])
        told = capsys.readouterr().out
        assert found == code, told
        assert ("failed: regression of auc: " in told) == (name == "worse")
        text = (report / "metrics.json").read_text(encoding="utf-8")
        assert json.loads(text)["outcome"] == ("failed" if code else "passed")
