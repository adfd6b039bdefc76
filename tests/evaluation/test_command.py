from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest
import yaml

from datagen.cli.main import run
from tests.evaluation.made import Made, make, write_release
from tests.release.test_score_files import with_pandas
from tests.support.world import World


@dataclass
class Desk:
    """A release and files of scores beside it."""

    folder: Path
    out: Path
    made: Made

    def scores(self, name: str, probability: np.ndarray, **columns: object) -> str:
        path = self.folder / name
        frame = pd.DataFrame({"sample_id": self.made.ids, "score": probability, **columns})
        frame.to_csv(path, index=False) if path.suffix == ".csv" else frame.to_parquet(path)
        return str(path)

    def gates(self, **body: object) -> str:
        path = self.folder / "gates.yaml"
        path.write_text(yaml.safe_dump(body, sort_keys=False), encoding="utf-8")
        return str(path)

    def run(self, scores: str, *options: str) -> int:
        return run(["evaluate", str(self.out), "--scores", scores, *options])


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = make(people=50, pairs_each=4)
    return Desk(tmp_path, write_release(tmp_path / "out", made), made)


def test_a_regression_is_caught_and_a_harmless_change_is_not(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    old = desk.made.scores(skill=2.0)
    logit = np.log(old / (1 - old))
    label = desk.made.label
    base = desk.scores("old.csv", old)
    bad = desk.scores("bad.parquet", 1 / (1 + np.exp(-(logit - 1.2 * (label - 0.5)))))
    fine = desk.scores("fine.parquet", 1 / (1 + np.exp(-(1.1 * logit + 0.001 * label))))
    gates = desk.gates(
        auc={"min": 0.7},
        worst_group_auc={"by": "method", "min": 0.6},
        regression={"metric": "auc", "max_drop": 0.005, "by": ["method"]},
        control_fpr={"max": 0.5},
        coverage={"min": 0.99},
    )
    options = ("--baseline", base, "--gates", gates, "--report", str(desk.folder / "report"),
               "--junit", str(desk.folder / "junit.xml"))  # fmt: skip
    assert desk.run(fine, *options) == 0
    told = capsys.readouterr().out
    assert "passed (7 gates: 7 passed): AUC" in told
    for name in ("index.html", "report.md", "metrics.json"):
        assert (desk.folder / "report" / name).is_file()
    assert desk.run(bad, *options) == 1
    assert "failed: regression of auc: " in capsys.readouterr().out
    document = json.loads((desk.folder / "report" / "metrics.json").read_text(encoding="utf-8"))
    assert document["outcome"] == "failed"
    assert document["release"]["name"] == "made"
    suite = ET.parse(desk.folder / "junit.xml").getroot()[0]
    assert int(suite.attrib["failures"]) >= 1


def test_without_gates_it_only_tells(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert desk.run(desk.scores("s.csv", desk.made.scores())) == 0
    told = capsys.readouterr().out
    assert told.splitlines()[-1].startswith("AUC 0.")
    assert not (desk.folder / "report").exists()


def test_coverage_is_told_and_has_a_gate(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    score = desk.made.scores()
    failed = np.arange(len(score)) % 10 == 0
    path = desk.scores("s.csv", np.where(failed, np.nan, score),
                       status=np.where(failed, "timeout", "ok"))  # fmt: skip
    assert desk.run(path) == 0
    assert f"{int(failed.sum())} timeout" in capsys.readouterr().out
    assert desk.run(path, "--gates", desk.gates(coverage={"min": 0.95})) == 1
    assert "failed: coverage: 0.9" in capsys.readouterr().out
    assert desk.run(path, "--gates", desk.gates(coverage={"min": 0.85})) == 0
    short = desk.folder / "short.csv"
    pd.read_csv(path)[20:].to_csv(short, index=False)
    capsys.readouterr()
    assert desk.run(str(short)) == 2
    assert "have no row" in capsys.readouterr().err
    assert desk.run(str(short), "--gates", desk.gates(coverage={"min": 0.85})) == 0
    assert "20 missing" not in capsys.readouterr().err


def test_logits_are_taken_when_said(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    score = desk.made.scores()
    logits = desk.scores("l.csv", np.log(score / (1 - score)))
    assert desk.run(logits) == 2
    assert "say so: --logits" in capsys.readouterr().err
    assert desk.run(logits, "--logits") == 0
    one = capsys.readouterr().out.splitlines()
    assert desk.run(desk.scores("p.csv", score)) == 0
    assert capsys.readouterr().out.splitlines()[:3] == one[:3]


def test_a_baseline_of_other_images_is_refused(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing in common: a gate that may be undecided would let it pass."""
    table = pd.read_csv(desk.scores("s.csv", desk.made.scores()))
    half = len(table) // 2
    new, old = desk.folder / "new.csv", desk.folder / "old.csv"
    table[:half].to_csv(new, index=False)
    gates = desk.gates(coverage={"min": 0.1}, regression={"max_drop": 0.01})
    table[half:].to_csv(old, index=False)
    assert desk.run(str(new), "--gates", gates, "--baseline", str(old)) == 2
    assert "old.csv: scores no real and no fake of split 'test'" in capsys.readouterr().err
    table[half - 40 :].to_csv(old, index=False)
    assert desk.run(str(new), "--gates", gates, "--baseline", str(old)) == 0
    assert "leaves out" in capsys.readouterr().out


def test_one_class_alone_has_no_value_and_no_nan(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    table = pd.read_csv(desk.scores("s.csv", desk.made.scores()))
    reals = desk.folder / "reals.csv"
    table[desk.made.label == 0].to_csv(reals, index=False)
    gates = desk.gates(coverage={"min": 0.1}, auc={"min": 0.5}, regression={"max_drop": 0.01})
    assert desk.run(str(reals), "--gates", gates, "--baseline", str(desk.folder / "s.csv")) == 1
    told = capsys.readouterr().out
    assert "undecided: auc: - [-], expected at least 0.5; no fakes" in told
    assert "nan" not in told


def test_images_that_are_gone_leave_a_report(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = desk.scores("s.csv", desk.made.scores())
    (desk.out / "media" / "made-v2-test-000000.tar").write_bytes(b"spoiled" * 200)
    page = desk.folder / "report" / "index.html"
    for words in ("differ from the manifest", "media/made-v2-test-000000.tar is missing"):
        assert desk.run(scores, "--report", str(page.parent)) == 0
        text = page.read_text(encoding="utf-8")
        assert words in text
        assert "data:image" not in text
        (desk.out / "media" / "made-v2-test-000000.tar").unlink(missing_ok=True)


def test_inverted_scores_are_named(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert desk.run(desk.scores("s.csv", 1 - desk.made.scores(skill=2.0))) == 0
    assert "note: The scores seem to be inverted" in capsys.readouterr().out


def test_doubtful_scores_are_told(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    score = desk.made.scores()
    for values, options, words in (
        (np.full(len(score), 0.3), (), "scores are 0.3: the detector tells no image from another"),
        ((score > 0.5).astype(int), (), "scores are 0 or 1: these look like classes"),
        (score, ("--logits",), "all of them lie within [0, 1], as probabilities do"),
        (100 * score, ("--logits",), "Are they percentages?"),
    ):
        assert desk.run(desk.scores("s.csv", values), *options) == 0
        assert words in " ".join(capsys.readouterr().out.split())  # lines are wrapped
    assert desk.run(desk.scores("s.csv", score)) == 0
    assert "note: " not in capsys.readouterr().out
    assert desk.run(desk.scores("s.csv", 100 * score)) == 2
    assert "If they are percentages, divide them by 100" in capsys.readouterr().err


@pytest.mark.parametrize("suffix", [".parquet", ".tsv", ".jsonl", ".csv.gz", ".jsonl.gz"])
def test_scores_of_every_format_are_evaluated_alike(
    desk: Desk, capsys: pytest.CaptureFixture[str], suffix: str
) -> None:
    score = np.round(desk.made.scores(), 4)
    assert desk.run(desk.scores("s.csv", score)) == 0
    first = capsys.readouterr().out
    frame = pd.DataFrame({"sample_id": desk.made.ids, "score": score})
    path = with_pandas(desk.folder / f"s{suffix}", frame)
    assert desk.run(str(path), "--baseline", str(desk.folder / "s.csv")) == 0
    told = capsys.readouterr().out
    assert first.splitlines()[-1] in told
    assert "The baseline's scores equal the detector's" in told


def test_every_mistake_is_exit_2_without_a_trace(
    desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = desk.scores("s.csv", desk.made.scores())
    regression = desk.gates(regression={"max_drop": 0.1})
    cases = [
        (["--split", "tset"], "no split 'tset'"),
        (["--gates", regression], "needs a baseline"),
        (["--junit", "j.xml"], "add --gates"),
        (["--baseline", "nowhere.csv"], "nowhere.csv: no such scores file"),
        (["--gates", "nowhere.yaml"], "nowhere.yaml: no such file"),
        (["--trained-on", str(tmp_path / "nowhere")], "is not a datagen release"),
        (["--trained-on", str(desk.out / "release.json")], "has no split train or val"),
        (["--threshold", "2"], ""),
    ]
    for options, words in cases:
        code = desk.run(good, *options)
        told = capsys.readouterr().err
        assert "Traceback" not in told
        assert code == 2, options
        assert words in told
    assert run(["evaluate", str(tmp_path / "nowhere"), "--scores", good]) == 2
    assert desk.run(str(tmp_path / "no.parquet")) == 2


def test_a_real_release_by_path_and_by_id(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert world.generate(out, "--inline") == 0
    rows = pd.read_parquet(out / "manifest")
    rng = np.random.default_rng(0)
    score = np.clip(rng.normal(0.35 + 0.3 * rows["label"], 0.1), 0, 1)
    by_id = pd.DataFrame({"sample_id": rows["sample_id"], "score": score})
    by_id.to_parquet(tmp_path / "id.parquet")
    kind = rows["sample_id"].str.rpartition("-")[2]
    path = "x/" + rows["pair_id"] + "." + kind + ".jpg"
    pd.DataFrame({"path": path, "score": score}).to_csv(tmp_path / "path.csv", index=False)
    told = []
    for name in ("id.parquet", "path.csv"):
        report = tmp_path / f"report-{name}"
        code = run(
            ["evaluate", str(out), "--scores", str(tmp_path / name), "--report", str(report)]
        )
        assert code == 0
        text = json.loads((report / "metrics.json").read_text(encoding="utf-8"))
        told.append({key: text[key] for key in ("overall", "by", "controls")})
        page = (report / "index.html").read_text(encoding="utf-8")
        assert "data:image/jpeg;base64," in page
    assert told[0] == told[1]
    assert told[0]["overall"]["auc"]["reason"] == "fewer than 20 identities"
    capsys.readouterr()
    scores = str(tmp_path / "id.parquet")
    command = ["evaluate", str(out), "--scores", scores, "--trained-on", str(out)]
    assert run(command) == 0
    assert run([*command, "--split", "train"]) == 2
    assert "it was not trained on" in capsys.readouterr().err
