from __future__ import annotations

import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from datagen.errors import UserError
from datagen.evaluation.evaluate import Evaluation
from datagen.evaluation.gates.judge import Verdict
from datagen.evaluation.metrics.measure import METRICS
from datagen.evaluation.report.facts import headline
from datagen.evaluation.report.html import html_page
from datagen.evaluation.report.images import false_positives, missed_fakes
from datagen.evaluation.report.json import SCHEMA, metrics_json
from datagen.evaluation.report.junit import junit_xml
from datagen.evaluation.report.markdown import markdown
from datagen.evaluation.report.text import summary
from datagen.evaluation.result import EvaluationResult
from datagen.release import Folder
from datagen.release.reader import Release
from tests.evaluation.made import Made, judged, make, write_release

MADE = make(people=30, pairs_each=2, ladder=3)
FOUND = judged(MADE, MADE.scores(1.5), MADE.scores(1.2, seed=1))
NAN = float("nan")
VERDICTS = [
    Verdict("auc", "at least 0.9", "failed", False, 0.8, 0.75, 0.85, ""),
    Verdict("eer", "at most 0.2", "undecided", True, 0.2, 0.1, 0.3, "about 50 people"),
    Verdict("coverage", "at least 0.9", "passed", True, 1.0, 1.0, 1.0, ""),
    Verdict("worst <b>", "at least 1", "undecided", False, NAN, NAN, NAN, "a & b | c"),
]


class Checker(HTMLParser):
    """Collects what a browser would fetch, and checks that elements close."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag in ("svg", "table", "div", "details", "figure", "g", "script"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("svg", "table", "div", "details", "figure", "g", "script"):
            assert self.open.pop() == tag


def page(folder: Path, found: Evaluation = FOUND) -> str:
    return html_page(Release(Folder(str(write_release(folder / "out", MADE)))), found, VERDICTS)


def test_html_needs_nothing_else_and_is_well_formed(tmp_path: Path) -> None:
    text = page(tmp_path)
    checker = Checker()
    checker.feed(text)
    assert checker.open == []
    assert checker.fetched
    assert all(address.startswith("data:image/jpeg;base64,") for address in checker.fetched)
    assert "nan" not in re.sub(r"base64,[^\"]*", "", text).lower().replace("finance", "")
    for words in ("ROC", "DET", "Reliability", "AUC by method and severity", "Separability",
                  "Controls", "Fakes with the lowest scores", "worst &lt;b&gt;"):  # fmt: skip
        assert words in text


def test_a_detector_with_no_reals_still_has_a_page(tmp_path: Path) -> None:
    keep = [number for number, label in enumerate(MADE.label) if label]
    fakes = Made({name: [values[number] for number in keep]
                  for name, values in MADE.columns.items()})  # fmt: skip
    text = page(tmp_path, judged(fakes, fakes.scores()))
    assert "No curves without both reals and fakes" in text
    assert "no reals" in text


def walk(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for inner in value.values() for leaf in walk(inner)]
    if isinstance(value, list):
        return [leaf for inner in value for leaf in walk(inner)]
    return [value]


def test_json_is_a_contract() -> None:
    text = metrics_json(FOUND, VERDICTS)
    document = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert document["schema"] == SCHEMA == 2
    assert document["outcome"] == "failed"
    assert set(document["overall"]) == set(METRICS)
    keys = {"value", "low", "high", "n_real", "n_fake", "identities", "reason"}
    assert set(document["overall"]["auc"]) == keys
    assert set(document["by"]["method"]) == {"landmark_swap", "self_blend"}
    assert set(document["by"]["method x severity"]["self_blend x 2"]) == set(METRICS)
    refused = document["overall"]["tpr_at_fpr_1pct"]
    assert refused["value"] is None
    assert "not resolvable" in refused["reason"]
    for one in document["overall"].values():
        assert (one["value"] is None) <= (one["reason"] is not None)
    assert document["comparison"]["overall"]["auc"]["p_holm"] is not None
    assert not any(isinstance(leaf, float) and math.isnan(leaf) for leaf in walk(document))
    assert json.loads(metrics_json(FOUND, []))["outcome"] is None


def test_markdown_keeps_names_of_users_harmless() -> None:
    text = markdown(FOUND, VERDICTS)
    assert text.startswith("## ❌ Detector evaluation: not passed (4 gates: 1 passed, 1 failed, ")
    assert "worst &lt;b&gt;" in text
    assert "a &amp; b \\| c" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) > 20
    assert "(allowed)" in text
    assert markdown(FOUND, VERDICTS[2:3]).startswith("## ✅")


def test_junit_counts_failures_and_skips() -> None:
    root = ET.fromstring(junit_xml("made.test", VERDICTS))
    (suite,) = root
    assert suite.attrib == {
        "name": "made.test", "tests": "4", "failures": "2", "skipped": "1", "errors": "0",
    }  # fmt: skip
    failures = [case.attrib["name"] for case in suite if case.find("failure") is not None]
    assert failures == ["auc", "worst <b>"]
    assert "found no value" in str(suite[3].find("failure").attrib["message"])  # type: ignore[union-attr]


def test_the_summary_ends_with_the_outcome() -> None:
    lines = summary(FOUND, VERDICTS, 200).splitlines()
    assert lines[-1].startswith(
        "not passed (4 gates: 1 passed, 1 failed, 2 undecided, 1 of them allowed): AUC 0."
    )
    assert "change from baseline" in lines[0]
    assert any(line.startswith("worst method: ") for line in lines)


def test_the_headline_counts_each_gate_once() -> None:
    failed, allowed, passed, undecided = VERDICTS
    told = {
        (passed,): "passed (1 gate: 1 passed)",
        (passed, allowed): "passed (2 gates: 1 passed, 1 undecided and allowed)",
        (failed, passed, undecided): "not passed (3 gates: 1 passed, 1 failed, 1 undecided)",
    }
    for verdicts, words in told.items():
        assert headline(FOUND, verdicts).startswith(f"{words}: AUC 0.")
    assert headline(FOUND, []).startswith("AUC 0.")


def with_a_thin_group() -> Evaluation:
    """Findings in which the method with the lowest AUC has 5 identities."""
    columns = {**MADE.columns, "method": np.where(
        np.isin(MADE.person, range(5)), "thin_one", MADE.columns["method"]
    ).tolist()}  # fmt: skip
    made = Made(columns)
    weak = np.array(columns["method"]) == "thin_one"
    return judged(made, np.where(weak, 1 - MADE.scores(1.5), MADE.scores(1.5)))


def test_the_lowest_group_is_shown_though_it_cannot_be_judged(tmp_path: Path) -> None:
    found = with_a_thin_group()
    mark = "5 identities, too few identities to judge"
    lines = summary(found, [], 200).splitlines()
    (lowest,) = (line for line in lines if line.startswith("lowest method: "))
    assert lowest.startswith("lowest method: thin_one, AUC 0.")
    assert lowest.endswith(mark)
    assert any(line.startswith("worst method: ") and "thin_one" not in line for line in lines)
    html = html_page(Release(Folder(str(write_release(tmp_path / "out", MADE)))), found, [])
    mark = "5 identities: too few identities to judge"
    assert re.search(f"<td>thin_one</td>.*{mark}</td>", html)
    assert "5 identities, too few to judge" in html  # in the chart
    assert re.search(rf"\| thin\\_one \|.*{mark} \|", markdown(found, []))
    worst = json.loads(metrics_json(found, []))["worst"]["method"]
    assert worst["judged"] is True
    assert (worst["lowest"]["group"], worst["lowest"]["judged"]) == ("thin_one", False)
    assert worst["lowest"]["auc"]["identities"] == 5
    assert "few_clusters" not in html + markdown(found, []) + "".join(lines)


def test_the_page_says_what_it_is_and_every_column_has_a_head(tmp_path: Path) -> None:
    text = page(tmp_path)
    assert "<title>Detector evaluation on made, version 2, split test</title>" in text
    assert "<h1>Detector evaluation</h1>" in text
    assert "<th></th>" not in text
    assert "<th>details</th>" in text
    assert "| details |" in markdown(FOUND, VERDICTS)


@pytest.mark.parametrize("width", [60, 80])
def test_the_summary_fits_the_terminal(width: int) -> None:
    lines = summary(FOUND, VERDICTS, width).splitlines()
    assert max(map(len, lines)) <= width
    (auc,) = (line.split() for line in lines if line.startswith("auc "))
    assert auc[1].startswith("0.")
    if width == 80:
        names = [line.split()[0] for line in lines[1 : 1 + len(FOUND.table.overall)]]
        assert names == list(FOUND.table.overall)


def test_the_worst_images_are_the_surest_mistakes() -> None:
    missed, alarms = missed_fakes(FOUND), false_positives(FOUND)
    sample = FOUND.sample
    assert sample.label[missed].all()
    assert not sample.label[alarms].any()
    assert (np.diff(sample.probability[missed]) >= 0).all()
    assert (np.diff(sample.probability[alarms]) <= 0).all()
    assert sample.probability[missed[0]] == sample.probability[sample.label].min()
    assert len(set(sample.source_image[missed])) == len(missed) <= 12


def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    release = Release(Folder(str(write_release(tmp_path / "out", MADE))))
    (tmp_path / "file").write_text("")
    result = EvaluationResult(release, FOUND, tuple(VERDICTS))
    with pytest.raises(UserError, match="cannot be written"):
        result.write(tmp_path / "file" / "report")
    with pytest.raises(UserError, match="cannot be written"):
        result.to_junit(tmp_path / "out")


def test_a_comment_with_many_gates_shows_first_what_did_not_pass() -> None:
    many = [Verdict(f"g{n}", "at least 0", "passed", True, 1, 1, 1, "x" * 200) for n in range(300)]
    many[250] = Verdict("the bad one", "at least 0.9", "failed", False, 0.8, 0.75, 0.85, "")
    text = markdown(FOUND, many)
    assert len(text) < 65536
    gates = text.partition("### Gates")[2].partition("### Overall")[0]
    assert "the bad one" in gates.splitlines()[4]
    assert "… and 240 more" in gates


def test_a_baseline_that_is_the_detector_itself_is_noted() -> None:
    score = MADE.scores()
    assert any("nothing is compared" in note for note in judged(MADE, score, score).notes)
    assert not any("nothing is compared" in note for note in FOUND.notes)
