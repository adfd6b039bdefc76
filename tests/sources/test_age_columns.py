from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from datagen.errors import SourceError
from datagen.sources import Source
from datagen.sources.age_columns import refuse_unread_ages
from tests.support.ends import ends_soon

from .asked import looks_like_age
from .trees import by_id, ffhq_entry, ffhq_tree, shipped, source, write


@pytest.mark.parametrize(
    ("name", "value", "is_age"),
    [
        ("year", 2014, False),
        ("years", "2014", False),
        ("years", "15", True),
        ("age_group", "13-17", True),
        ("age_group", "child", True),
        ("age_group", "Teenager", True),
        ("age_source", "self-report", True),
        ("AGE", "fifteen", True),
        ("age", "Forty two", True),
        ("age", "XV", True),
        ("alter", "fünfzehn", True),
        ("age_group", "adolescent", True),
        ("over_18", False, True),
        ("under18", "yes", True),
        ("is18", "false", True),
        ("months", "180", True),
        ("months", "2000", False),
        ("birthplace", "Berlin", False),
        ("grade", "A+", False),
        ("grade", "9th", True),
        ("grade", "82.5", False),
        ("school", "Lincoln", False),
        ("school", "Kindergarten", True),
        ("school", "high school", True),
        ("birthdate", "2011-03-04", True),
        ("child", "yes", True),
        ("minor", True, True),
        ("unit", "months", True),
        ("unit", "Mo", True),
        ("unit", "月", True),
        ("unit", "Monate", True),
        ("unit", "weeks", True),
        ("unit", "date of birth", True),
        ("unit", "years", False),
        ("unit", "mm", False),
        ("is_adult", "false", True),
    ],
)
def test_what_a_cell_holds_decides_too(name: str, value: object, is_age: bool) -> None:
    assert looks_like_age(name, value) is is_age


def test_columns_that_appear_in_a_late_row_are_seen() -> None:
    rows: list[dict[str, Any]] = [{"image": "1"}, {"image": "2", "age": None}, {"age": 15}]
    with pytest.raises(SourceError, match="the column 'age' looks like an age") as caught:
        refuse_unread_ages(rows, ["image"], [], "here", "map it")
    assert str(caught.value).startswith("here: ")
    assert "it holds '15'" in str(caught.value)
    assert 'options: {ignore: ["age"]}' in str(caught.value)
    refuse_unread_ages(rows, ["image"], ["age"], "here", "map it")
    refuse_unread_ages(rows, ["image", "age"], [], "here", "map it")


@pytest.mark.parametrize("cell", [{}, [], "[]", "{}", "<NA>", None, [15], "[15, 16]", " (1; 2)"])
def test_nothing_and_numbers_without_names_pass(cell: object) -> None:
    refuse_unread_ages([{"meta": cell}], [], [], "here", "map it")


def test_columns_within_columns() -> None:
    rows = [{"image": "1", "about": {"person": "anna", "age": 15}}]
    with pytest.raises(SourceError, match=r"'about' holds structured values .*take it out: map"):
        refuse_unread_ages(rows, ["image"], [], "here", "map it")
    refuse_unread_ages(rows, ["image"], ["about"], "here", "map it")


@pytest.mark.parametrize(
    "row",
    [
        {"person": {"about": {"age": 15}}},
        {"faces": [{"age": 15}]},
        {"person": [("age", "15")]},
        {"meta": '{"age": 15}'},
        {"meta": '[{"about": {"age": "15"}}]'},
        {"person.age": 15, "person": None},
        {"meta": ' {"age":15}'},
        {"meta": "\ufeff{'age': 15, 'x': 'y'}"},
        {"meta": "{'id': 1, 'age' : 15,}"},
        {"meta": '{"about": {"age": {"value": 15}}}'},
        {"meta": '"{\\"age\\": 15}"'},
        {"meta": '["{\\"a\\": 1, \\"age\\": 15}"]'},
        {"meta": '{"age":15,"age":null}'},
        {"meta": '{"x": "' + "y" * 20_000 + '", "age": 15}'},
        {"meta": '[{"name":"age","value":15}]'},
        {"meta": '[["age",15]]'},
        {"meta": b'{"age": 15}'},
        {"meta": [{"name": "x"}, '{"age": 15}']},
        {"meta": '{"\\u0061ge": 15}'},
        {"meta": '{"a\\u0000ge":15}'},
        {"meta": "<face><age unit='years'>15</age></face>"},
        {"meta": "age: 15\nsex: f"},
        {"meta": "age=15;sex=f"},
        {"meta": "age:15|sex:f"},
        {"meta": "age=15"},
        {"meta": '{"age (years)": 15}'},
        {"meta": '{"is adult?":"no"}'},
        {"meta": '{"age>=18":false}'},
        {"meta": '{"18+":"no"}'},
        {"meta": '{"over 18":false}'},
        {"meta": '{"age":[null,15]}'},
        {"meta": '{"dob":[null,"NA","2012-05-01"]}'},
        {"meta": {"age": [None, "15"], "sex": ["f", "m"]}},
        {"meta": " " * 300 + '{"age":15}'},
        {"meta": '{"18 or older": false}'},
        {"meta": "年龄\uff1a15"},
        {"meta": "性别\uff1a女\uff0c年龄\uff1a15"},
        {"meta": "【年龄】15"},
        {"meta": '{"years old": 15}'},
        {"meta": {"years old": 15}},
        {"meta": '{"grade":{"level":9}}'},
        {"meta": '["15 years old"]'},
        {"meta": "female, age: 15, smiling"},
        {"meta": '{"birth":{"place":"Rome","date":"2012-05-01"}}'},
        {"meta": '{"attr[age]":15}'},
        {"meta": '{"\u0906\u092f\u0941":15}'},
        {"meta": '{"a\u0302ge":15}'},
        {"meta": '{"dob":{"$date":"2012-05-01T00:00:00Z"}}'},
        {"meta": "{'dob': Timestamp('2012-05-01 00:00:00')}"},
        {"meta": '{"dob":"Sat, 05 May 2012 00:00:00 GMT"}'},
        {"meta": '{"birth":{"year":2012,"month":5}}'},
        {"meta": "OrderedDict([('age', 15)])"},
        {"meta": "Person(age=15, sex='f')"},
        {"meta": "('age', 15)"},
        {"meta": "age=15;url=http://x.y/z"},
        {"meta": '"age": 15, "sex": "f"'},
        {"meta": '"age"=>"15", "sex"=>"f"'},
        {"meta": "age:15"},
        {"meta": '<face age="15" sex="f"/>'},
        {"meta": '<attr name="age">15</attr>'},
        {"meta": '[{"value":15,"name":"age"}]'},
        {"meta": [{"value": 15, "name": "age"}]},
        {"meta": {"keys": ["sex", "age"], "values": ["f", "15"]}},
        {"meta": ["x"] * 2000 + ["age", 15]},
        {"meta": {"v": 15, "k": "age"}},
        {"meta": '{"userDob":"2012-05-01"}'},
        {"meta": '{"isKid":true}'},
        {"meta": '{"how_old":15}'},
        {"meta": '{"is_minor":[null,true]}'},
        {"meta": '{"age":[null,{"value":15}]}'},
        {"meta": '{"age":"null, est. 15"}'},
        {"meta": '{"f\\u00f6delsedatum":"2012-05-01"}'},
        {"meta": '{"<18":true}'},
        {"meta": '{"moins de 18":true}'},
        {"meta": "{age0 null,age1 null}"},
        {"meta": "how old: 15"},
        {"meta": "moins de 18: oui"},
        {"meta": "Age (years): 15"},
        {"meta": "DOB (dd/mm/yyyy): 01/05/2012"},
        {"meta": "年齢\uff08歳\uff09\uff1a15"},
        {"meta": "minor (y/n): y"},
        {"meta": "child?: yes"},
        {"meta": "Age/Sex: 15/F"},
        {"meta": "age>=15"},
        {"meta": "Age\t: 15"},
        {"meta": "participant_information_collected_at_first_session_self_reported_age: 15"},
        {"meta": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855_age=15"},
        {"meta": "x" * 60 + "\u5e74\u9f84=15"},
        {"meta": "Date of birth as it is written in the passport or in the identity card: 2012"},
        {"meta": ">=18: no"},
        {"meta": "x; >=18: no"},
        {"meta": "sex=f; >=18: no"},
        {"meta": "18+: 0"},
        {"meta": "20:15 18+: 0"},
        {"meta": "years <=999 (valid): 15"},
        {"meta": "grade <=99, self-reported: 5"},
        {"verified (>=18)": "no"},
        {"person - <18": "yes"},
        {"18 >>>>+": "no"},
        {"meta": "participant: >=18: no"},
        {"meta": "<=17: yes"},
        {"meta": "> 18 = no"},
        {"meta": "over=18: no"},
        {"meta": "\u226518: no"},
        {"meta": "b'" * 2000 + "{age"},
        {"meta": 'a:1:{s:3:"age";i:15;}'},
        {"meta": "age    15\nsex     f\nName: 0, dtype: object"},
        {"meta": "Anna; BDAY;VALUE=date:2012-05-01"},
        {"meta": "x <b>Age</b>: 15"},
        {"meta": "age\u2236 15"},
        {"meta": "b'{\"\\ub098\\uc774\": 15}'"},
        {"meta": "userDob=2012"},
        {"meta": "https://x.org/a.jpg?id=3&age=15"},
        {"meta": "\uff5b\uff02age\uff02\uff1a15\uff5d"},
        {"age " + " " * 20: 15},
        {"age": " " * 300 + "15"},
    ],
)
def test_columns_of_every_depth(row: dict[str, Any]) -> None:
    with pytest.raises(SourceError, match=r"looks like an age|holds structured values"):
        refuse_unread_ages([row], ["image"], [], "here", "map it")


def test_names_that_nearly_match_take_no_time() -> None:
    names = [f"18{'_' * 110}q{number:x}x" for number in range(3000)]
    with ends_soon():
        refuse_unread_ages([dict.fromkeys(names, "1")], [], [], "here", "map it")
        refuse_unread_ages([{"m": ";".join(f"{name}=1" for name in names)}], [], [], "here", "x")
        refuse_unread_ages([{"m": (">=1" + "1 " * 20) * 140_000}], [], [], "here", "x")
        refuse_unread_ages([{"m": "x" * 150 + "=" + ("x" * 15 + "=1;") * 9_000}], [], [], "h", "x")
        for value in ("\u00e9 b c f " * 7, "\ufdfa" * 60, "y" * 240):
            cell = ("p q " * 30 + f"unit:{value};") * 40_000
            refuse_unread_ages([{"m": cell}], [], [], "here", "x")
        years = (f"{chr(97 + n % 26) * (1 + n % 90)} years: 2015;" for n in range(140_000))
        refuse_unread_ages([{"m": "".join(years)}], [], [], "here", "x")


def test_long_names_and_cells_take_no_time_and_little_of_a_message() -> None:
    marks = "\u0301\u0316" * 100_000
    rows: list[dict[str, Any]] = [{"age": "1" + marks}, {"note" + marks: "x"}]
    rows += [{"x" * 100 + "_age_" + "y" * 100: 15}]
    for row, why in zip(rows, ("looks like", "characters", "characters"), strict=True):
        with pytest.raises(SourceError, match=why) as caught:
            refuse_unread_ages([row], [], [], "here", "map it")
        assert len(str(caught.value)) < 1000
    for text in ("[" * 100_000, "a" * 100_000, "a:" * 100_000, "'a" * 100_000, " =" * 100_000):
        refuse_unread_ages([{"meta": text}], [], [], "here", "map it", ["meta"])


ADULTS = {
    "basis": "signed",
    "alteration": True,
    "adults_only": True,
    "words": "adults, may be altered",
}


def table(root: Path, **options: Any) -> Source:
    frame = {"image": ["a.jpg", "b.jpg"], "identity": ["a", "b"], "age": [15, 40]}
    pd.DataFrame(frame).to_csv(root / "faces.csv", index=False)
    pd.DataFrame(frame).to_parquet(root / "faces.parquet")
    return source("table", root, card_changes={"consent": ADULTS}, **options)


@pytest.mark.parametrize("name", ["faces.csv", "faces.parquet"])
def test_the_layout_table(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceError, match=r"column 'age' .*columns: \{age: age\}") as caught:
        list(table(tmp_path, table=name).records())
    assert caught.value.exit_code == 2
    mapped = by_id(table(tmp_path, table=name, columns={"age": "age"}))
    assert mapped["a"].age == 15.0
    ignored = by_id(table(tmp_path, table=name, ignore=["age"]))
    assert ignored["a"].age is None
    assert ignored["a"].extra == {"age": "15"}


@pytest.mark.parametrize("use", ["sex", "ethnicity", "attribution", "split", "identity", "image"])
def test_an_age_that_is_mapped_to_something_else(tmp_path: Path, use: str) -> None:
    columns = {"age": None, use: "age"}
    with pytest.raises(SourceError, match="the column 'age' looks like an age"):
        list(table(tmp_path, table="faces.csv", columns=columns).records())


def test_a_second_age_beside_the_mapped_one(tmp_path: Path) -> None:
    frame = {"image": ["a.jpg"], "identity": ["a"], "age": [40], "Age": [15]}
    pd.DataFrame(frame).to_csv(tmp_path / "faces.csv", index=False)
    with pytest.raises(SourceError, match="the column 'Age' looks like an age"):
        list(source("table", tmp_path, columns={"age": "age"}).records())


PEOPLE = "identity_id,image,expression,Age,sex,ethnicity\n001,001_03.jpg,neutral,15,female,white\n"
INFO = "face_id,face_age,face_gender,face_eth,dob\nX001,24,female,white,2011\n"


@pytest.mark.parametrize(
    ("name", "body"), [("people.csv", PEOPLE), ("london_faces_info.csv", INFO)]
)
def test_the_layout_london(tmp_path: Path, name: str, body: str) -> None:
    root = write(tmp_path, {name: body})
    with pytest.raises(SourceError, match="looks like an age"):
        list(shipped("london", root).records())
    assert by_id(shipped("london", root, ignore=["Age", "dob"]))["001_03"]


@pytest.mark.parametrize("extra", ["dob", "age_of_photo", "Alter"])
def test_tables_of_ages(tmp_path: Path, extra: str) -> None:
    root = ffhq_tree(tmp_path, ffhq_entry(7))
    write(root, {"ages.csv": f"image,age,{extra}\n7,40,15\n"})
    with pytest.raises(SourceError, match=f"the column '{extra}' looks like an age"):
        list(shipped("ffhq", root, ages="ages.csv").records())
    found = by_id(shipped("ffhq", root, ages="ages.csv", ignore=[extra]))
    assert found["00007"].age == 40.0


def test_the_metadata_of_ffhq(tmp_path: Path) -> None:
    root = ffhq_tree(tmp_path, ffhq_entry(7, age="15"))
    with pytest.raises(SourceError, match="the column 'age' looks like an age"):
        list(shipped("ffhq", root).records())
    body = json.loads((root / "ffhq-dataset-v2.json").read_text())
    body["7"]["metadata"].pop("age")
    body["7"]["person_age"] = 15
    (root / "ffhq-dataset-v2.json").write_text(json.dumps(body))
    with pytest.raises(SourceError, match="the column 'person_age' looks like an age"):
        list(shipped("ffhq", root).records())
    assert by_id(shipped("ffhq", root, ignore=["person_age"]))


@pytest.mark.parametrize(
    "note", ["year: 2014", "grade=A+", "unit: mm", "12:30", "Photo: Anna Meier", "sha256:ab12"]
)
def test_names_that_only_some_values_make_an_age(note: str) -> None:
    refuse_unread_ages([{"note": note}], [], [], "here", "map it")


@pytest.mark.parametrize("note", ["years: 15", "grade=9", "unit: months", "year: [12]"])
def test_values_behind_such_names(note: str) -> None:
    with pytest.raises(SourceError, match="looks like an age"):
        refuse_unread_ages([{"note": note}], [], [], "here", "map it")


@pytest.mark.parametrize("title", ["My kid, 3", "Kids", "aged 5", "born in 1970", "2010, school"])
def test_prose_is_no_table(title: str) -> None:
    refuse_unread_ages([{"photo_title": title}], [], [], "here", "map it")
    with pytest.raises(SourceError, match="looks like an age"):
        refuse_unread_ages([{"photo_title": f"child: {title}"}], [], [], "here", "map it")
    refuse_unread_ages([{"photo_title": f"child: {title}"}], [], ["photo_title"], "here", "map it")


def test_too_much_to_look_through_is_refused_with_a_way_out() -> None:
    names = (f"{'x' * 110}{chr(0x13000 + n % 1000)}a{chr(0x13000 + n // 6)}" for n in range(6000))
    rows = [{"meta": f"{name}: 1"} for name in names]
    with pytest.raises(SourceError, match="more than 600,000 letters of different names") as caught:
        refuse_unread_ages(rows, [], [], "here", "map it")
    assert 'options: {ignore: ["meta"]}' in str(caught.value)
    refuse_unread_ages(rows, [], ["meta"], "here", "map it")
    with pytest.raises(SourceError, match="more than 150,000 colons and equals signs"):
        refuse_unread_ages([{"meta": "1:a" * 200_000}] * 2, [], [], "here", "map it")
    with pytest.raises(SourceError, match="more than 50,000,000 characters"):
        refuse_unread_ages([{"meta": "x" * 50_000_001}], [], [], "here", "map it")


@pytest.mark.parametrize(
    "name",
    [" age", "age ", "age\u2028", "age, years", '"age"', "age: years", "#age", "[age]", "&age"],
)
def test_the_advice_works_when_it_is_followed(name: str) -> None:
    for row in ({name: 15}, {name: {"age": 15}}, {name: "age: 15"}):
        with pytest.raises(SourceError, match=r"looks like an age|structured") as caught:
            refuse_unread_ages([row], [], [], "here", "map it")
        advice = str(caught.value).partition("options: ")[2]
        ignored = yaml.safe_load(advice)["ignore"]
        refuse_unread_ages([row], [], ignored, "here", "map it")


@pytest.mark.parametrize(
    "part", ["[", "a", "a:", "'a", " =", '{"', "<a", "\\u0041", "a=1;", '",', "\\", "\n ", '..",']
)
def test_long_texts_take_no_time(part: str) -> None:
    for begin in ("", "{", "[", "<"):
        with ends_soon():
            rows = [{"m": begin + part * 100_000}]
            refuse_unread_ages(rows, [], [], "here", "map it", mapped=["m"])


def test_metadata_of_ffhq_hides_nothing_of_its_entry(tmp_path: Path) -> None:
    root = ffhq_tree(tmp_path, ffhq_entry(7))
    body = json.loads((root / "ffhq-dataset-v2.json").read_text())
    body["7"] |= {"age": 15}
    body["7"]["metadata"] |= {"age": None, "metadata": {"dob": 2012}}
    (root / "ffhq-dataset-v2.json").write_text(json.dumps(body))
    with pytest.raises(SourceError, match="the column 'age' looks like an age"):
        list(shipped("ffhq", root).records())


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("people.csv", "identity_id,image,expression, age\n001,001_03.jpg,neutral,15\n"),
        ("people.csv", "identity_id,image,expression,age, age\n001,001_03.jpg,neutral,30,15\n"),
        ("people.csv", "identity_id,image,expression\n001,001_03.jpg,neutral; age=15\n"),
        (
            "london_faces_info.csv",
            "face_id,face_age,face_gender,face_eth\nX001,,minor: yes,white\n",
        ),
        ("london_faces_info.csv", "face_id,face_age,face_gender,face_eth\nX001,,f,white; age=15\n"),
    ],
)
def test_only_the_column_of_the_age_is_read_as_one_in_london(
    tmp_path: Path, name: str, body: str
) -> None:
    with pytest.raises(SourceError, match="looks like an age"):
        list(shipped("london", write(tmp_path, {name: body})).records())


@pytest.mark.parametrize("extra", [" age", "age ", "age\u00a0"])
def test_a_second_age_with_blanks_in_a_table_of_ages(tmp_path: Path, extra: str) -> None:
    root = ffhq_tree(tmp_path, ffhq_entry(7))
    write(root, {"ages.csv": f"image,age,{extra}\n7,,15\n"})
    with pytest.raises(SourceError, match="looks like an age"):
        list(shipped("ffhq", root, ages="ages.csv").records())


def test_ignore_passes_the_column_of_that_name_alone(tmp_path: Path) -> None:
    write(tmp_path, {"faces.csv": 'image,identity,meta,meta \na.jpg,a,x,"{""age"": 15}"\n'})
    found = source("table", tmp_path, table="faces.csv", ignore=["meta"])
    with pytest.raises(SourceError, match="'meta ' looks like an age"):
        list(found.records())


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("thumbnail", [{"age": 15}]),
        ("thumbnail", "age: 15"),
        ("in_the_wild", None),
        ("country", {"age": 15}),
        ("more", {"year": 2012}),
    ],
)
def test_what_is_no_prose_in_ffhq(tmp_path: Path, place: str, value: object) -> None:
    root = ffhq_tree(tmp_path, ffhq_entry(7))
    body = json.loads((root / "ffhq-dataset-v2.json").read_text())
    entry = body["7"]["metadata"] if place == "country" else body["7"]
    if place == "in_the_wild":
        entry, place, value = entry[place], "age", 15
    entry[place] = value
    (root / "ffhq-dataset-v2.json").write_text(json.dumps(body))
    with pytest.raises(SourceError, match=r"looks like an age|structured"):
        list(shipped("ffhq", root).records())


@pytest.mark.parametrize("use", ["sex", "ethnicity", "split"])
def test_a_mapped_column_in_brackets(tmp_path: Path, use: str) -> None:
    cell = '"{""\\ub098\\uc774"": 15}"'
    write(tmp_path, {"faces.csv": f"image,identity,who\na.jpg,a,{cell}\n"})
    found = source("table", tmp_path, table="faces.csv", columns={use: "who"})
    with pytest.raises(SourceError, match="'who' holds structured values"):
        list(found.records())


def test_a_numeric_age_behind_blanks_is_seen(tmp_path: Path) -> None:
    frame = {"image": ["a", "b"], "identity": ["a", "b"], " " * 200 + "age": [float("nan"), 15.0]}
    pd.DataFrame(frame).to_parquet(tmp_path / "faces.parquet")
    with pytest.raises(SourceError, match="looks like an age"):
        list(source("table", tmp_path, table="faces.parquet").records())


def test_many_different_values_are_refused_with_a_way_out() -> None:
    rows = [{"unit": f"q{number}x"} for number in range(200_000)]
    with pytest.raises(
        SourceError, match="more than 3,000,000 letters of different values"
    ) as caught:
        refuse_unread_ages(rows, [], [], "here", "map it")
    assert 'options: {ignore: ["unit"]}' in str(caught.value)
    refuse_unread_ages(rows, [], ["unit"], "here", "map it")
