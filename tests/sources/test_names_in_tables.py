"""Names, blanks and paths in every table that is read."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datagen.errors import SourceError

from .trees import by_id, ffhq_entry, ffhq_tree, source, write

MISSING = ["NA", "null", "None", "nan", "NaN", "N/A", "NULL", "<NA>", "#N/A"]
NAMES = [*MISSING, "007", "12345678901234567890", "1e5", "1.0", "True", "anna maria", "-1", "0"]


@pytest.mark.parametrize("name", NAMES)
def test_names_stay_text_in_every_table(tmp_path: Path, name: str) -> None:
    frame = pd.DataFrame({"image": ["a.jpg"], "identity": [name], "id": [name]})
    frame.to_csv(tmp_path / "faces.csv", index=False)
    frame.to_parquet(tmp_path / "faces.parquet")
    for table in ("faces.csv", "faces.parquet"):
        columns = {"image": "image", "identity": "identity", "id": "id"}
        (record,) = source("table", tmp_path, table=table, columns=columns).records()
        assert (record.image_id, record.identity) == (name, name)
    write(tmp_path, {"people.csv": f"identity_id,image,expression\n{name},a.jpg,neutral\n"})
    (record,) = source("london", tmp_path).records()
    assert record.identity == name


@pytest.mark.parametrize("name", [name for name in NAMES if " " not in name])
def test_names_stay_text_in_the_lists_of_celeba(tmp_path: Path, name: str) -> None:
    write(
        tmp_path,
        {
            "identity_CelebA.txt": f"000001.jpg {name}\n",
            "list_attr_celeba.txt": "1\nMale\n000001.jpg 1\n",
            "list_eval_partition.txt": "000001.jpg 0\n",
            "img_align_celeba/000001.jpg": "",
            "ages.csv": f"identity,age\n{name},33\n",
        },
    )
    (record,) = source("celeba", tmp_path, ages="ages.csv").records()
    assert (record.image_id, record.identity, record.age) == ("000001", name, 33.0)


@pytest.mark.parametrize("name", ["NA", "null", "007", "12345678901234567890"])
def test_names_stay_text_as_videos_and_in_their_ages(tmp_path: Path, name: str) -> None:
    top = "original_sequences/youtube/c23/images"
    write(tmp_path, {f"{top}/{name}/0.png": "", "ages.csv": f"identity,age\n{name},33\n"})
    (record,) = source("faceforensics", tmp_path, ages="ages.csv").records()
    assert (record.identity, record.age) == (name, 33.0)


@pytest.mark.parametrize("word", ["", *MISSING])
def test_in_columns_that_describe_somebody_they_mean_unknown(tmp_path: Path, word: str) -> None:
    uses = ("age", "sex", "ethnicity", "split", "attribution", "box", "landmarks")
    row = {"image": "a.jpg", "identity": "x", **dict.fromkeys(uses, word), "camera": word}
    frame = pd.DataFrame([row])
    frame.to_csv(tmp_path / "faces.csv", index=False)
    frame.to_parquet(tmp_path / "faces.parquet")
    columns = {"image": "image", "identity": "identity", **{use: use for use in uses}}
    for table in ("faces.csv", "faces.parquet"):
        (record,) = source("table", tmp_path, table=table, columns=columns).records()
        assert {getattr(record, use) for use in uses} == {None}
        assert record.extra == {}


def test_no_license_is_a_license_that_permits_nothing(tmp_path: Path) -> None:
    write(tmp_path, {"faces.csv": "image,identity,license\na.jpg,x,None\nb.jpg,y,NA\n"})
    columns = {"image": "image", "identity": "identity", "license": "license"}
    found = source("table", tmp_path, columns=columns)
    assert [record.license for record in found.records()] == ["None", None]


def test_whole_numbers_of_parquet_keep_their_digits(tmp_path: Path) -> None:
    long = 12345678901234567
    ids = pa.array([long, long + 1, None], pa.int64())
    table = pa.table({"image": ["a.jpg", "b.jpg", "c.jpg"], "identity": ids})
    pq.write_table(table.slice(0, 3), tmp_path / "faces.parquet")
    records = source("table", tmp_path, table="faces.parquet").records()
    assert [next(records).identity for _ in range(2)] == [str(long), str(long + 1)]
    with pytest.raises(SourceError, match="row 3: column 'identity' is empty"):
        next(records)


def test_a_number_that_has_lost_digits_is_no_name(tmp_path: Path) -> None:
    frame = pd.DataFrame({"image": ["a.jpg"], "identity": [1.2345678901234567e16]})
    frame.to_parquet(tmp_path / "faces.parquet")
    with pytest.raises(SourceError, match="row 1: the cell 12345678901234568 is stored as a float"):
        list(source("table", tmp_path, table="faces.parquet").records())


def test_texts_that_a_program_wrote_as_bytes_are_texts(tmp_path: Path) -> None:
    rows = {"image": [b"a.jpg"], "identity": ["José".encode()]}
    pq.write_table(pa.table(rows), tmp_path / "faces.parquet")
    (record,) = source("table", tmp_path, table="faces.parquet").records()
    assert (record.path, record.identity) == ("a.jpg", "José")


@pytest.mark.parametrize("blank", ["", ",,", " , ,", ',"",', "\t,,"])
def test_blank_rows_are_no_rows_and_the_others_keep_their_numbers(
    tmp_path: Path, blank: str
) -> None:
    lines = ["image,identity,age", "a.jpg,anna,30", blank, "b.jpg,ben,old", blank, ""]
    write(tmp_path, {"faces.csv": "\n".join(lines)})
    columns = {"image": "image", "identity": "identity", "age": "age"}
    records = source("table", tmp_path, columns=columns).records()
    with pytest.raises(SourceError, match="row 3: age: expected a number, found 'old'") as caught:
        list(records)
    assert caught.value.row == 3
    write(tmp_path, {"faces.csv": "\n".join(lines).replace("old", "40")})
    assert list(by_id(source("table", tmp_path, columns=columns))) == ["a", "b"]


def test_blank_rows_of_the_other_tables(tmp_path: Path) -> None:
    rows = "identity_id,image,expression\n\n1,a.jpg,neutral\n,,\n"
    write(tmp_path, {"people.csv": rows, "ages.csv": "image,age\n,\n7,33\n\n"})
    assert list(by_id(source("london", tmp_path))) == ["a"]
    ffhq = source("ffhq", ffhq_tree(tmp_path, ffhq_entry(7)), ages="ages.csv")
    assert by_id(ffhq)["00007"].age == 33.0


def test_paths_of_windows(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "faces.csv": "image,identity\nanna\\1.jpg,anna\n.\\ben\\2.jpg,ben\n",
            "people.csv": "identity_id,image,expression\n1,set\\1.jpg,neutral\n",
        },
    )
    assert [r.path for r in source("table", tmp_path).records()] == ["anna/1.jpg", "ben/2.jpg"]
    assert [r.path for r in source("london", tmp_path).records()] == ["set/1.jpg"]
    write(tmp_path, {"anna\\1.jpg": "a file of this name"})
    assert next(source("table", tmp_path).records()).path == "anna\\1.jpg"
    for drive in ("C:\\faces\\1.jpg", "c:/faces/1.jpg", "\\\\server\\faces\\1.jpg"):
        write(tmp_path, {"faces.csv": f"image,identity\n{drive},anna\n"})
        with pytest.raises(
            SourceError, match=r"row 1: the path .* begins with a drive or a server"
        ):
            list(source("table", tmp_path).records())


def test_a_number_without_digits_is_no_face_of_london(tmp_path: Path) -> None:
    header = "face_id,face_age,face_gender,face_eth\n"
    rows = "X001,30,male,white\nX000,30,male,white\nNA,30,male,white\n"
    write(tmp_path, {"london_faces_info.csv": f"{header}{rows}"})
    records = source("london", tmp_path, expressions=["neutral"]).records()
    assert [next(records).identity for _ in range(2)] == ["001", "000"]
    with pytest.raises(SourceError, match="row 3: column 'face_id' holds 'NA'"):
        next(records)


@pytest.mark.parametrize("word", ["NA", "N/A", "null", "None"])
def test_a_column_of_minors_that_says_nothing_is_no_age(tmp_path: Path, word: str) -> None:
    write(tmp_path, {"faces.csv": f"image,identity,is_minor\na.jpg,anna,{word}\n"})
    assert list(by_id(source("table", tmp_path))) == ["a"]


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    write(tmp_path, {"faces.csv": "image,identity,identity\na.jpg,anna,ben\n"})
    with pytest.raises(SourceError, match="two columns are called 'identity'"):
        list(source("table", tmp_path).records())
