from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from datagen.errors import RecipeError, SourceError
from datagen.sources.record import unique

from .trees import by_id, points, source, write

COLUMNS: dict[str, Any] = {
    "image": "file",
    "identity": "person",
    "box": "bbox",
    "landmarks": "pts",
    "age": "years",
    "sex": "gender",
    "ethnicity": "group",
    "split": "part",
    "license": "terms",
    "attribution": "author",
}
ROW: dict[str, Any] = {
    "file": "./p/a.jpg",
    "person": "007",
    "bbox": "1 2 3.5 4",
    "pts": json.dumps(points()),
    "years": "31.5",
    "gender": "female",
    "group": "asian",
    "part": "test",
    "terms": "CC0-1.0",
    "author": "Jane",
    "camera": "X100",
}


def _csv(root: Path, *rows: dict[str, Any]) -> Path:
    pd.DataFrame(list(rows)).to_csv(root / "faces.csv", index=False)
    return root


def test_every_column_reaches_its_field(tmp_path: Path) -> None:
    record = by_id(source("table", _csv(tmp_path, ROW), columns=COLUMNS))["./p/a"]
    assert record.path == "p/a.jpg"
    assert (record.identity, record.age, record.sex) == ("007", 31.5, "female")
    assert (record.ethnicity, record.split) == ("asian", "test")
    assert (record.license, record.attribution) == ("CC0-1.0", "Jane")
    assert record.extra == {"camera": "X100"}
    assert record.box is not None
    assert record.landmarks is not None
    np.testing.assert_array_equal(record.box, np.array([1, 2, 3.5, 4], np.float32))
    np.testing.assert_array_equal(record.landmarks, np.array(points(), np.float32))


def test_parquet_gives_the_same_as_csv(tmp_path: Path) -> None:
    row = ROW | {"bbox": [1.0, 2.0, 3.5, 4.0], "pts": points(), "years": np.float32(31.5)}
    pd.DataFrame([row, row | {"file": "b.jpg", "years": np.nan}]).to_parquet(tmp_path / "f.parquet")
    found = by_id(source("table", tmp_path, table="f.parquet", columns=COLUMNS))
    text = by_id(source("table", _csv(tmp_path, ROW), columns=COLUMNS))
    np.testing.assert_array_equal(found["./p/a"].landmarks, text["./p/a"].landmarks)
    np.testing.assert_array_equal(found["./p/a"].box, text["./p/a"].box)
    assert (found["./p/a"].age, found["b"].age) == (31.5, None)
    assert found["./p/a"].extra == {"camera": "X100"}


def test_empty_cells_are_unknown(tmp_path: Path) -> None:
    row = ROW | dict.fromkeys(("bbox", "pts", "years", "gender", "group", "part"), "")
    record = by_id(source("table", _csv(tmp_path, row), columns=COLUMNS))["./p/a"]
    assert (record.box, record.landmarks, record.age) == (None, None, None)
    assert (record.sex, record.ethnicity, record.split) == (None, None, None)


def test_an_id_column_lets_an_image_hold_two_faces(tmp_path: Path) -> None:
    _csv(tmp_path, ROW | {"n": "a1"}, ROW | {"n": "a2", "person": "008"})
    found = by_id(source("table", tmp_path, columns=COLUMNS | {"id": "n"}))
    assert {key: (r.path, r.identity) for key, r in found.items()} == {
        "a1": ("p/a.jpg", "007"),
        "a2": ("p/a.jpg", "008"),
    }


def test_per_image_needs_no_identity(tmp_path: Path) -> None:
    write(tmp_path, {"faces.csv": "image\na.jpg\n"})
    found = by_id(source("table", tmp_path, card_changes={"identity": "per_image"}))
    assert found["a"].identity == "a"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"years": "young"}, "row 1: age: expected a number, found 'young'"),
        ({"years": "-3"}, "row 1: age: expected a number from 0 to 130, found '-3'"),
        ({"bbox": "1 2 3"}, "row 1: box: expected 4 finite numbers, found 3"),
        ({"bbox": "1 2 3 nan"}, "row 1: box: expected 4 finite numbers"),
        ({"pts": "a b"}, "row 1: landmarks: expected 136 numbers, found 'a b'"),
        ({"pts": "[[1, 2]]"}, "row 1: landmarks: expected 136 finite numbers, found 2"),
        ({"file": ""}, "row 1: column 'file' is empty"),
        ({"person": ""}, "row 1: column 'person' is empty"),
    ],
)
def test_a_wrong_cell_is_named(tmp_path: Path, change: dict[str, str], message: str) -> None:
    with pytest.raises(SourceError) as caught:
        list(source("table", _csv(tmp_path, ROW | change), columns=COLUMNS).records())
    assert message in str(caught.value)


def test_a_missing_column_is_named_with_those_there(tmp_path: Path) -> None:
    write(tmp_path, {"faces.csv": "image,who\na.jpg,1\n"})
    with pytest.raises(SourceError, match=r"no column 'identity' \(for identity\).*image, who"):
        list(source("table", tmp_path).records())


def test_rows_longer_than_the_header_are_refused(tmp_path: Path) -> None:
    write(tmp_path, {"faces.csv": "image,identity\na.jpg,1,x\nb.jpg,2,y\n"})
    with pytest.raises(SourceError, match="more cells than the header"):
        list(source("table", tmp_path).records())


@pytest.mark.parametrize(
    ("name", "content"), [("faces.csv", ""), ("f.parquet", "no"), ("faces.csv", "a\n1,2\n3,4,5\n")]
)
def test_what_is_no_table_is_refused(tmp_path: Path, name: str, content: str) -> None:
    write(tmp_path, {name: content})
    with pytest.raises(SourceError, match=f"{name}: not a table"):
        list(source("table", tmp_path, table=name).records())


@pytest.mark.parametrize("name", ["gone.csv", "gone.parquet"])
def test_a_missing_table_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceError, match=rf"table '{tmp_path}/{name}' is missing"):
        list(source("table", tmp_path, table=name).records())


def test_an_unknown_option_is_refused_with_the_near_one(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"columns\.identiy: unknown key.*'identity'"):
        source("table", tmp_path, columns={"identiy": "x"})


@pytest.mark.parametrize(
    ("box", "words"),
    [
        ("600 100 300 300", "x1 and y1 must be greater than x0 and y0.*width and height"),
        ("10 10 10 20", "x1 and y1 must be greater"),
        ("0.2 0.15 0.7 0.8", "shares of the image.*pixels"),
    ],
)
def test_a_box_of_another_form_is_refused(tmp_path: Path, box: str, words: str) -> None:
    with pytest.raises(SourceError, match=rf"row 1: box: .*{words}"):
        by_id(source("table", _csv(tmp_path, {**ROW, "bbox": box}), columns=COLUMNS))


def test_numbers_of_another_form_show_the_right_one(tmp_path: Path) -> None:
    one = {**ROW, "bbox": "[200. 150. 400. 450.]"}
    with pytest.raises(SourceError, match=r"such as '1 2 3' or '\[1, 2, 3\]'"):
        by_id(source("table", _csv(tmp_path, one), columns=COLUMNS))


@pytest.mark.parametrize(
    "content",
    [
        "image;identity;age\na.jpg;Ann;34,5\n",
        "image;identity\na.jpg;Ann\n",
        "sep=;\nimage;identity\na.jpg;Ann\n",
    ],
)
def test_a_table_of_semicolons_is_told(tmp_path: Path, content: str) -> None:
    write(tmp_path, {"faces.csv": content})
    with pytest.raises(SourceError, match=r"faces\.csv: .*separated by semicolons"):
        by_id(source("table", tmp_path))


def test_a_table_of_tabs_is_told(tmp_path: Path) -> None:
    write(tmp_path, {"faces.csv": "image\tidentity\na.jpg\tAnn\n"})
    with pytest.raises(SourceError, match="separated by tabs"):
        by_id(source("table", tmp_path))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("image,identity\n".encode("utf-16"), "is UTF-16: save it as UTF-8"),
        ("image,identity\na.jpg,Jürgen\n".encode("cp1252"), "save it as UTF-8"),
        (b"PK\x03\x04" + b"\xff" * 9, "is a workbook or archive, no text: save it as CSV"),
    ],
)
def test_a_table_in_another_encoding_says_what_to_do(
    tmp_path: Path, data: bytes, words: str
) -> None:
    (tmp_path / "faces.csv").write_bytes(data)
    with pytest.raises(SourceError, match=rf"faces\.csv' .*{words}"):
        by_id(source("table", tmp_path))


def test_a_row_that_occurs_twice_is_told_as_such(tmp_path: Path) -> None:
    write(tmp_path, {"faces.csv": "image,identity\na.jpg,Ann\na.jpg,Ann\n"})
    with pytest.raises(SourceError, match=r"image 'a\.jpg' is listed twice"):
        list(unique(source("table", tmp_path).records(), "faces"))


def test_a_path_with_two_dots_is_named_for_what_it_is(tmp_path: Path) -> None:
    write(tmp_path, {"faces.csv": "image,identity\nsub/../a.jpg,Ann\n"})
    with pytest.raises(SourceError, match=r"has '\.\.' in it"):
        list(unique(source("table", tmp_path).records(), "faces"))


def test_the_suffix_of_a_parquet_table_may_be_in_capitals(tmp_path: Path) -> None:
    pd.DataFrame([{"image": "a.jpg", "identity": "Ann"}]).to_parquet(tmp_path / "F.PARQUET")
    assert list(by_id(source("table", tmp_path, table="F.PARQUET"))) == ["a"]


def test_rows_that_are_videos_are_listed_apart(tmp_path: Path) -> None:
    write(tmp_path, {"faces.csv": "image,identity\na.mp4,ann\nb.jpg,ben\nc.WEBM,cem\n"})
    of = source("table", tmp_path)
    assert [one.path for one in of.clip_records()] == ["a.mp4", "c.WEBM"]
    assert dict(of.passed_over) == {".jpg": 1}
    assert [one.path for one in of.other_clips()] == ["b.jpg"]
