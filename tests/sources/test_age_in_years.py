"""A mapped age is read in years: a column that holds something else is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from datagen.errors import SourceError
from datagen.sources.age_columns import refuse_no_years

from .trees import source, write


@pytest.mark.parametrize(
    "name",
    [
        *(
            "age_months",
            "ageInMonths",
            "age_mo",
            "age (days)",
            "dob",
            "yob",
            "agemonths",
            "agedays",
        ),
        *("AlterInMonaten", "alter_tagen", "age_mths", "age_wk", "edadmeses", "eta_mesi", "月齢"),
        *("age_semaines", "gestational_age", "birth_year", "birthdate", "geburtsjahr", "age_z"),
        *("agemos", "age_mon", "Alter (Mon.)", "AGEMO", "agewks", "年龄(周)"),
    ],
)
def test_a_mapped_column_that_holds_no_years_is_refused(name: str) -> None:
    with pytest.raises(SourceError, match="read in years"):
        refuse_no_years(name, "source 's': faces.csv")


@pytest.mark.parametrize(
    "name",
    ["age", "age_years", "Alter", "model_age", "a", "edad", "face_age", "年龄", "周岁", "ages"],
)
def test_a_mapped_column_of_years_passes(name: str) -> None:
    refuse_no_years(name, "source 's': faces.csv")


def test_a_table_whose_age_is_in_months_is_refused(tmp_path: Path) -> None:
    table = "image,identity,age_months\na.jpg,a,30\n"
    columns = {"age": "age_months"}
    write(tmp_path, {"faces.csv": table})
    found = source("table", tmp_path, table="faces.csv", columns=columns)
    with pytest.raises(SourceError, match=r"'age_months' is mapped to the age"):
        list(found.records())


@pytest.mark.parametrize(
    ("age", "unit", "word"), [("age", "age_unit", "months"), ("年龄", "单位", "月")]
)
def test_the_unit_of_a_mapped_age_is_seen(tmp_path: Path, age: str, unit: str, word: str) -> None:
    write(tmp_path, {"faces.csv": f"image,identity,{age},{unit}\na.jpg,a,30,{word}\n"})
    found = source("table", tmp_path, table="faces.csv", columns={"age": age})
    with pytest.raises(SourceError, match=f"'{unit}' looks like an age"):
        list(found.records())
