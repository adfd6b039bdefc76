from __future__ import annotations

from pathlib import Path

import pytest

from datagen.errors import RecipeError, SourceError
from tests.support.assets import london

from .trees import by_id, shipped, write

PEOPLE = """identity_id,image,expression,age,sex,ethnicity
001,001_03.jpg,neutral,24,female,white
001,001_08.jpg,smiling,24,female,white
003,003_03.jpg,neutral,,male,east_asian
"""
INFO = """face_id,face_age,face_gender,face_eth
X001,24,female,white
X003,,male,east_asian
"""


def test_the_flat_form(tmp_path: Path) -> None:
    found = by_id(shipped("london", write(tmp_path, {"people.csv": PEOPLE})))
    assert list(found) == ["001_03", "001_08", "003_03"]
    first = found["001_03"]
    assert (first.path, first.identity, first.age) == ("001_03.jpg", "001", 24.0)
    assert (first.sex, first.ethnicity) == ("female", "white")
    assert first.extra == {"expression": "neutral"}
    assert found["003_03"].age is None


def test_the_downloaded_form(tmp_path: Path) -> None:
    found = by_id(shipped("london", write(tmp_path, {"london_faces_info.csv": INFO})))
    assert {key: record.path for key, record in found.items()} == {
        "001_03": "neutral_front/001_03.jpg",
        "001_08": "smiling_front/001_08.jpg",
        "003_03": "neutral_front/003_03.jpg",
        "003_08": "smiling_front/003_08.jpg",
    }
    smiling = found["003_08"]
    assert (smiling.identity, smiling.age, smiling.sex) == ("003", None, "male")
    assert (smiling.ethnicity, smiling.extra) == ("east_asian", {"expression": "smiling"})


def test_ids_that_a_spreadsheet_stripped_of_zeros_are_filled_up(tmp_path: Path) -> None:
    root = write(tmp_path, {"london_faces_info.csv": INFO.replace("X001", "1")})
    assert by_id(shipped("london", root))["001_03"].identity == "001"


def test_both_forms_name_the_same_images(tmp_path: Path) -> None:
    flat = by_id(shipped("london", write(tmp_path / "a", {"people.csv": PEOPLE})))
    full = by_id(shipped("london", write(tmp_path / "b", {"london_faces_info.csv": INFO})))
    for key, record in flat.items():
        other = full[key]
        assert (record.identity, record.age, record.sex) == (other.identity, other.age, other.sex)


@pytest.mark.photos
def test_the_set_itself() -> None:
    folder = london().parent
    found = by_id(shipped("london", folder))
    assert len(found) >= 100
    assert len({record.identity for record in found.values()}) * 2 == len(found)
    for record in found.values():
        assert (folder / record.path).is_file()
        assert record.age is None or record.age >= 18


@pytest.mark.parametrize(
    ("name", "content"), [("people.csv", PEOPLE), ("london_faces_info.csv", INFO)]
)
def test_one_expression(tmp_path: Path, name: str, content: str) -> None:
    found = by_id(shipped("london", write(tmp_path, {name: content}), expressions=["neutral"]))
    assert list(found) == ["001_03", "003_03"]


def test_an_unknown_expression_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="expressions"):
        shipped("london", tmp_path, expressions=["angry"])


def test_an_empty_folder_is_refused_with_the_address(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"neither people.csv nor .*doi.org/10.6084"):
        list(shipped("london", tmp_path).records())


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("people.csv", PEOPLE.replace("expression", "mood"), "people.csv: no column expression"),
        (
            "people.csv",
            PEOPLE.replace("24,f", "old,f"),
            "people.csv, row 1: age: expected a number",
        ),
        ("people.csv", PEOPLE.replace("001_08.jpg", ""), "row 2: column 'image' is empty"),
        ("london_faces_info.csv", INFO.replace("X003", ""), "row 2: column 'face_id' is empty"),
        ("london_faces_info.csv", INFO.replace("face_eth", "x"), ": no column face_eth"),
    ],
)
def test_a_wrong_table_is_refused(tmp_path: Path, name: str, content: str, message: str) -> None:
    with pytest.raises(SourceError) as caught:
        list(shipped("london", write(tmp_path, {name: content})).records())
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["people.csv", "london_faces_info.csv"])
def test_the_shots_that_are_left_out_are_known_too(tmp_path: Path, name: str) -> None:
    root = write(tmp_path, {name: {"people.csv": PEOPLE, "london_faces_info.csv": INFO}[name]})
    neutral = shipped("london", root, expressions=["neutral"])
    smiling = shipped("london", root, expressions=["smiling"])
    assert list(neutral.others()) == list(smiling.records())
    assert list(shipped("london", root).others()) == []
