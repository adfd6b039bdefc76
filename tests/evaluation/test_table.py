from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from datagen.evaluation.groups import groupings
from datagen.evaluation.table import worst_group
from tests.evaluation.made import Made, judged, make

MADE = make(people=60, pairs_each=4)


def test_groups_hold_fakes_and_their_own_reals() -> None:
    groups, absent = groupings(MADE.table)
    by = {group.column: group for group in groups}
    assert set(by) == {"method", "family", "source", "sex", "age_band", "sex x age_band"}
    assert set(absent) == {"degradation", "severity", "ethnicity"}
    for name, places in by["method"].places():
        assert set(np.array(MADE.columns["method"])[places]) == {name}
        assert {"real", "fake"} <= set(np.array(MADE.columns["kind"])[places])
    assert sum(len(places) for _, places in by["sex"].places()) == len(MADE.ids)
    assert by["age_band"].values == ("18-29", "30-44", "45-59", "60+")


def test_nulls_of_damage_are_clean_and_of_people_unknown() -> None:
    count = len(MADE.ids)
    degraded = [None if number % 3 else "jpeg" for number in range(count)]
    sex = [None if number % 2 else "female" for number in range(count)]
    severity = pa.array([None if number % 3 else number % 6 for number in range(count)], pa.int32())
    made = Made({**MADE.columns, "degradation": degraded, "sex": sex, "severity": severity})
    by = {group.column: group for group in groupings(made.table)[0]}
    assert by["degradation"].values == ("jpeg", "none")
    assert by["sex"].values == ("female",)
    assert (by["sex"].code == -1).sum() == sum(value is None for value in sex)
    assert by["severity"].values == ("0", "3")


def test_dictionary_columns_read_alike() -> None:
    coded = MADE.table.set_column(
        MADE.table.column_names.index("method"), "method",
        MADE.table.column("method").dictionary_encode(),
    )  # fmt: skip
    plain, dictionary = (groupings(table)[0][0] for table in (MADE.table, coded))
    assert plain.values == dictionary.values
    np.testing.assert_array_equal(plain.code, dictionary.code)


def test_the_worst_group_is_found_with_a_wider_interval() -> None:
    score = MADE.scores(skill=3.0)
    weak = np.array(MADE.columns["method"]) == "self_blend"
    score = np.where(weak, MADE.scores(skill=0.5), score)
    found = judged(MADE, score)
    worst = found.worst["method"]
    alone = found.table.by["method"]["self_blend"]["auc"]
    assert worst.group == "self_blend"
    assert worst.estimate.value == alone.value
    assert worst.estimate.low < alone.low
    errors = worst_group(found.table.by["method"], "eer")
    assert errors is not None
    assert errors.group == "self_blend"


def test_severity_has_a_slope_and_a_ladder_its_separability() -> None:
    made = make(people=30, pairs_each=2, ladder=4)
    rng = np.random.default_rng(0)
    skill = 3.0 - 0.9 * np.array(made.columns["severity"])
    raw = rng.normal(skill * (made.label - 0.5), 1)
    found = judged(made, 1 / (1 + np.exp(-raw)))
    slope = found.slopes["overall"]["all"]
    values = [found.table.by["severity"][str(level)]["auc"].value for level in range(4)]
    assert slope.value == pytest.approx(np.polyfit(range(4), values, 1)[0])
    assert slope.high < 0
    assert set(found.slopes["method"]) == {"landmark_swap", "self_blend"}
    ladder = found.separability
    assert ladder is not None
    assert (ladder.levels, ladder.pairs) == ((0, 1, 2, 3), 60)
    shares = [ladder.share[level].value for level in ladder.levels]
    assert shares == sorted(shares, reverse=True)
    assert ladder.lasting.value == pytest.approx(sum(shares))


def test_without_a_ladder_there_is_no_separability() -> None:
    assert judged(MADE, MADE.scores()).separability is None


def test_controls_are_apart() -> None:
    score = MADE.scores()
    control = np.array(MADE.columns["kind"]) == "control"
    alarmed, calm = np.where(control, 0.99, score), np.where(control, 0.01, score)
    first, second = judged(MADE, alarmed), judged(MADE, calm)
    assert first.controls["overall"]["all"]["control_fpr"].value == 1
    assert second.controls["overall"]["all"]["control_fpr"].value == 0
    assert first.controls["overall"]["all"]["control_gap"].value > 0.5
    assert set(first.controls["method"]) == {"landmark_swap", "self_blend"}
    assert first.table.overall["auc"].value == second.table.overall["auc"].value
    none = judged(make(people=30, controls=0), make(people=30, controls=0).scores())
    assert none.controls["overall"]["all"]["control_fpr"].reason == "no controls"


def test_polarity_is_named_and_never_mended() -> None:
    score = MADE.scores(skill=2.0)
    assert judged(MADE, score).polarity == "correct"
    turned = judged(MADE, 1 - score)
    assert turned.polarity == "inverted"
    assert turned.table.overall["auc"].value < 0.5
    assert "seem to be inverted" in turned.notes[0]
    assert judged(MADE, np.full(len(score), 0.5)).polarity == "undecided"


def test_only_fakes_leave_their_metrics_and_reasons() -> None:
    keep = [number for number, kind in enumerate(MADE.columns["kind"]) if kind == "fake"]
    fakes = Made({name: [values[number] for number in keep] for name, values in
                  MADE.columns.items()})  # fmt: skip
    found = judged(fakes, fakes.scores())
    assert found.table.overall["auc"].reason == "no reals"
    assert np.isnan(found.table.overall["fpr"].value)
    assert np.isfinite(found.table.overall["tpr"].value)
    assert found.delong is None


def test_a_small_false_alarm_rate_is_refused_with_few_photographs() -> None:
    found = judged(MADE, MADE.scores()).table.overall["tpr_at_fpr_1pct"]
    assert np.isnan(found.value)
    assert found.reason == "not resolvable: 60 distinct real source images, 1000 required"


def test_a_column_of_too_many_groups_is_left_out() -> None:
    made = make(people=30, pairs_each=40)
    count = len(made.ids)
    made.columns["method"] = [f"m{number}" for number in range(count)]
    made.columns["sex"] = [f"s{number % 40}" for number in range(count)]
    made.columns["ethnicity"] = [f"e{number % 41}" for number in range(count)]
    groups, absent = groupings(made.table)
    assert absent["method"] == f"{count:,} groups, at most 1,000 are compared"
    assert absent["sex x ethnicity"] == "1,640 groups, at most 1,000 are compared"
    names = {group.column for group in groups}
    assert {"sex", "ethnicity"} <= names
    assert not names & {"method", "method x degradation", "sex x ethnicity"}
