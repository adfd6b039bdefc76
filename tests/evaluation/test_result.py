from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from datagen.errors import ScoresError, UserError
from datagen.evaluation.result import Settings, evaluate_release
from datagen.release import Folder
from datagen.release.reader import Release
from tests.evaluation.made import make, write_release

MADE = make(people=30, pairs_each=2)
SCORES = pd.DataFrame({"sample_id": MADE.ids, "score": MADE.scores(2.0)})


@pytest.fixture
def release(tmp_path: Path) -> Release:
    return Release(Folder(str(write_release(tmp_path / "out", MADE))))


def test_a_table_is_evaluated_and_shows_itself(release: Release, tmp_path: Path) -> None:
    gates = {"auc": {"min": 0.6}, "control_fpr": {"max": 0.01}}
    result = evaluate_release(release, SCORES, gates, None, Settings())
    assert 0.6 < result.metrics["auc"] < 1
    low, high = result.intervals["auc"]
    assert low < result.metrics["auc"] < high
    assert not result.passed
    assert [verdict.gate for verdict in result.verdicts] == ["auc", "control_fpr"]
    assert repr(result).startswith("<EvaluationResult: not passed (2 gates: 1 passed, 1 failed)")
    assert "\nnot passed (2 gates: 1 passed, 1 failed): AUC 0." in str(result)
    frame = result.to_frame()
    assert set(frame["by"]) >= {"overall", "method", "sex"}
    auc = frame[(frame["by"] == "overall") & (frame["metric"] == "auc")].iloc[0]
    assert auc["value"] == result.metrics["auc"]
    assert auc["identities"] == 30
    result.write(tmp_path / "report")
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == [
        "index.html",
        "metrics.json",
        "report.md",
    ]
    document = json.loads((tmp_path / "report" / "metrics.json").read_text(encoding="utf-8"))
    assert document["overall"]["auc"]["value"] == result.metrics["auc"]
    assert "<testsuite " in result.to_junit()


def test_an_index_of_ids_will_do(release: Release) -> None:
    indexed = SCORES.set_index("sample_id")
    one = evaluate_release(release, indexed, None, None, Settings())
    other = evaluate_release(release, SCORES, None, None, Settings())
    assert one.metrics["auc"] == other.metrics["auc"]
    assert one.passed is None


def test_mistakes_are_named(release: Release) -> None:
    with pytest.raises(UserError, match="needs a baseline"):
        evaluate_release(release, SCORES, {"regression": {"max_drop": 0.1}}, None, Settings())
    wrong = SCORES.rename(columns={"score": "scores"})
    with pytest.raises(ScoresError, match=r"baseline: no column score\."):
        evaluate_release(release, SCORES, None, wrong, Settings())
