from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from datagen.errors import UserError
from datagen.evaluation.evaluate import Evaluation
from datagen.evaluation.gates.judge import FAILED, PASSED, UNDECIDED, Verdict, judge, judge_gates
from datagen.evaluation.gates.limits import Limit, read_gates
from datagen.evaluation.metrics.intervals import FEW, Estimate
from datagen.evaluation.table import Table
from tests.evaluation.made import judged, make

MADE = make(people=50, pairs_each=4)
GOOD = judged(MADE, MADE.scores(skill=2.0))


def gates(folder: Path, body: dict[str, Any]) -> dict[str, Any]:
    path = folder / "gates.yaml"
    path.write_text(yaml.safe_dump(body, sort_keys=False), encoding="utf-8")
    return read_gates(path)


def verdicts(folder: Path, found: Evaluation, **body: Any) -> list[Verdict]:
    return judge_gates(gates(folder, body), found)


def held(value: float, low: float, high: float, reason: str | None = None) -> Estimate:
    return Estimate(value, low, high, 100, 100, 50, reason)


@pytest.mark.parametrize(
    ("limit", "outcome"),
    [
        (Limit(min=0.85), PASSED),
        (Limit(min=0.88), PASSED),
        (Limit(min=0.9), UNDECIDED),
        (Limit(min=0.93), UNDECIDED),
        (Limit(min=0.94), FAILED),
        (Limit(max=0.93), PASSED),
        (Limit(max=0.92), UNDECIDED),
        (Limit(max=0.87), FAILED),
        (Limit(min=0.5, max=0.92), UNDECIDED),
        (Limit(min=0.94, max=0.99), FAILED),
        (Limit(min=0.5, max=0.95), PASSED),
    ],
)
def test_three_outcomes_by_both_ends(limit: Limit, outcome: str) -> None:
    assert judge(held(0.91, 0.88, 0.93), limit)[0] == outcome


def test_few_people_and_no_value_decide_nothing() -> None:
    assert judge(held(0.99, 0.98, 1.0, FEW), Limit(min=0.5))[0] == UNDECIDED
    outcome, detail = judge(held(np.nan, np.nan, np.nan, "no reals"), Limit(min=0.5))
    assert (outcome, detail) == (UNDECIDED, "no reals")


def test_how_many_people_would_settle_it() -> None:
    """Three times as near needs nine times as many: 50 people, reach 0.03, distance 0.01."""
    assert "about 450 identities" in judge(held(0.91, 0.88, 0.93), Limit(min=0.9))[1]
    assert "about 200 identities" in judge(held(0.91, 0.88, 0.93), Limit(min=0.92))[1]
    assert "no number of identities" in judge(held(0.9, 0.88, 0.93), Limit(min=0.9))[1]


def test_that_number_does_settle_it() -> None:
    limit = GOOD.table.overall["auc"].value - 0.012
    outcome, detail = judge(GOOD.table.overall["auc"], Limit(min=limit))
    assert outcome == UNDECIDED
    wanted = int(detail.split()[1])
    more = make(people=int(1.5 * wanted), pairs_each=4)
    value = judged(more, more.scores(skill=2.0)).table.overall["auc"]
    assert value.high - value.low < GOOD.table.overall["auc"].high - GOOD.table.overall["auc"].low
    assert judge(value, Limit(min=value.value - 0.012))[0] == PASSED


def test_on_undecided_is_fail_unless_said_otherwise(tmp_path: Path) -> None:
    limit = {"min": round(GOOD.table.overall["auc"].value - 0.005, 4)}
    (one,) = verdicts(tmp_path, GOOD, auc=limit)
    assert (one.outcome, one.ok) == (UNDECIDED, False)
    (one,) = verdicts(tmp_path, GOOD, auc={**limit, "on_undecided": "pass"})
    assert one.ok
    (one,) = verdicts(tmp_path, GOOD, auc=limit, on_undecided="pass")
    assert one.ok
    (one,) = verdicts(tmp_path, GOOD, auc={**limit, "on_undecided": "fail"}, on_undecided="pass")
    assert not one.ok


def test_gates_come_in_the_order_of_the_file(tmp_path: Path) -> None:
    body = {"coverage": {"min": 0.99}, "eer": {"max": 0.4}, "control_fpr": {"max": 0.9},
            "worst_group_auc": {"by": "method", "min": 0.6}, "auc": {"min": 0.7}}  # fmt: skip
    found = verdicts(tmp_path, GOOD, **body)
    assert [one.gate for one in found] == [
        "coverage", "eer", "control_fpr", "worst_group_auc by method", "auc",
    ]  # fmt: skip
    assert [one.outcome for one in found] == [PASSED] * 5


def test_the_worst_group_is_undecided_while_one_cannot_be_judged(tmp_path: Path) -> None:
    body = {"by": "age_band", "min": 0.5}
    (one,) = verdicts(tmp_path, GOOD, worst_group_auc=body)
    assert one.outcome == UNDECIDED
    assert one.detail.count("(fewer than 20 identities)") == 1  # for all groups
    (one,) = verdicts(tmp_path, GOOD, worst_group_auc={"by": "severity", "min": 0.5})
    assert one.outcome == UNDECIDED
    assert "not known for any image" in one.detail
    (one,) = verdicts(tmp_path, GOOD, worst_group_auc={"by": "method", "min": 0.999})
    assert one.outcome == FAILED
    assert "worst: " in one.detail


def groups(**intervals: tuple[float, float, float]) -> Evaluation:
    """The same findings with other AUCs of the methods."""
    by = {name: {"auc": held(*found)} for name, found in intervals.items()}
    return replace(GOOD, table=Table(GOOD.table.overall, {"method": by}))


def test_every_group_is_held_against_the_limit_not_the_worst_alone(tmp_path: Path) -> None:
    """A group with a wide interval has the smallest value and hides neither of the others."""
    body = {"by": "method", "min": 0.6}
    wide, bad, fine = (0.55, 0.3, 0.8), (0.58, 0.575, 0.585), (0.9, 0.89, 0.91)
    (one,) = verdicts(tmp_path, groups(a=wide, b=bad, c=fine), worst_group_auc=body)
    assert (one.outcome, one.value) == (FAILED, 0.58)
    assert one.detail.startswith("worst: b")
    narrow, straddling = (0.7, 0.69, 0.71), (0.72, 0.5, 0.9)
    (one,) = verdicts(tmp_path, groups(a=narrow, b=straddling), worst_group_auc=body)
    assert (one.outcome, one.value) == (UNDECIDED, 0.72)
    (one,) = verdicts(tmp_path, groups(a=narrow, b=fine), worst_group_auc=body)
    assert (one.outcome, one.value, one.detail) == (PASSED, 0.7, "worst: a")
    (one,) = verdicts(
        tmp_path, groups(a=narrow, b=fine), worst_group_auc={"by": "method", "max": 0.8}
    )
    assert (one.outcome, one.value, one.detail) == (FAILED, 0.9, "worst: b")
    (one,) = verdicts(tmp_path, groups(a=bad, b=bad, c=bad), worst_group_auc=body)
    assert one.detail == "worst: a; also failed: b, c"


def test_a_gate_without_a_value_says_why(tmp_path: Path) -> None:
    body = {"by": "method", "min": 0.1}
    (one,) = verdicts(tmp_path, GOOD, worst_group_tpr_at_fpr_1pct=body)
    assert one.outcome == UNDECIDED
    assert "not resolvable: " in one.detail


def worse(by: float) -> Evaluation:
    """The same detector with a part of its skill taken away, against itself."""
    old = MADE.scores(skill=2.0)
    raw = np.log(old / (1 - old)) - by * (MADE.label - 0.5)
    return judged(MADE, 1 / (1 + np.exp(-raw)), old)


def test_a_regression_is_caught_and_a_harmless_change_is_not(tmp_path: Path) -> None:
    body = {"metric": "auc", "max_drop": 0.005, "by": ["method"]}
    caught = verdicts(tmp_path, worse(1.0), regression=body)
    assert [one.outcome for one in caught] == [FAILED] * 3
    assert [one.gate for one in caught] == [
        "regression of auc",
        "regression of auc in method landmark_swap",
        "regression of auc in method self_blend",
    ]
    harmless = verdicts(tmp_path, worse(0.002), regression=body)
    assert [one.outcome for one in harmless] == [PASSED] * 3
    between = verdicts(tmp_path, worse(0.05), regression={**body, "max_drop": 0.006})
    assert between[0].outcome == UNDECIDED
    assert between[0].ok
    assert "identities would decide" in between[0].detail
    strict = {**body, "max_drop": 0.006, "on_undecided": "fail"}
    assert not verdicts(tmp_path, worse(0.05), regression=strict)[0].ok


def test_a_regression_of_an_error_is_a_rise(tmp_path: Path) -> None:
    body = [{"metric": "eer", "max_drop": 0.01}, {"metric": "brier", "max_drop": 0.5}]
    first, second = verdicts(tmp_path, worse(1.0), regression=body)
    assert (first.outcome, second.outcome) == (FAILED, PASSED)
    assert first.value < 0


def test_a_regression_needs_a_baseline(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="give its scores"):
        verdicts(tmp_path, GOOD, regression={"max_drop": 0.01})


BAD = {
    "coverag: {min: 0.9}": "coverag: unknown key. Did you mean 'coverage'?",
    "auc: {mni: 0.9}": "auc.mni: unknown key. Did you mean 'min'?",
    "auc: {}": "auc: expected 'min' or 'max'",
    "auc: 0.9": "auc: expected keys and values",
    "auc: {min: high}": "auc.min: must be a number",
    "worst_group_auc: {min: 0.9}": "worst_group_auc.by: missing",
    "worst_group_auc: {by: metod, min: 0.9}": "Did you mean 'method'?",
    "regression: {metric: acu, max_drop: 0.1}": "Did you mean 'auc'?",
    "regression: {max_drop: -1}": "regression[0].max_drop",
    "regression: {max_drop: 0.1, by: [sexes]}": "Did you mean 'sex'?",
    "on_undecided: shrug": "on_undecided",
    "on_undecided: pass": "sets no limit",
    "": "empty, expected keys and values",
    "[1]": "expected keys and values, found list",
    "auc: {min: 0.1}\nauc: {min: 0.2}": "given twice",
    "auc: {min: 1.2}": "less than or equal to 1",
    "coverage: {min: 99}": "less than or equal to 1",
    "control_fpr: {max: 5}": "less than or equal to 1",
    "auc: {min: -0.2}": "greater than or equal to 0",
    "control_gap: {max: 2}": "less than or equal to 1",
    "auc: {min: true}": "auc.min: must be a number",
    "auc: {min: 0.9, max: 0.8}": "min 0.9 is greater than max 0.8",
    "auc:\neer: {max: 0.2}": "without a limit: auc",
    "regression: []\neer: {max: 0.2}": "without a limit: regression",
    "regression: {max_drop: 5}": "less than or equal to 1",
    "regression: {max_drop: 0.1, by: [sex, sex]}": "given twice",
}


def test_a_gap_may_be_negative_and_whole_numbers_are_numbers(tmp_path: Path) -> None:
    read = gates(tmp_path, {"control_gap": {"min": -0.5, "max": 0}, "coverage": {"min": 1}})
    assert (read["control_gap"].min, read["control_gap"].max, read["coverage"].min) == (-0.5, 0, 1)


@pytest.mark.parametrize("text", BAD)
def test_every_bad_gate_file_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "gates.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as error:
        read_gates(path)
    assert BAD[text] in str(error.value)
