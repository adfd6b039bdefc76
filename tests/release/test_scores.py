from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datagen.errors import ScoresError, UserError
from datagen.release.scores import (
    check_scores_path,
    read_scores,
    score_table,
    write_scores,
)


def write(folder: Path, name: str = "scores.csv", **columns: object) -> Path:
    path = folder / name
    frame = pd.DataFrame(columns)
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path)
    return path


@pytest.mark.parametrize("name", ["s.csv", "s.parquet"])
def test_both_formats_read_alike(tmp_path: Path, name: str) -> None:
    path = write(
        tmp_path, name, sample_id=["a", "b", "c"], score=[0.25, np.nan, 1.0],
        status=["ok", "unreadable", None],
    )  # fmt: skip
    found = read_scores(path)
    assert found.ids.to_pylist() == ["a", "b", "c"]
    assert found.status.to_pylist() == ["ok", "unreadable", "ok"]
    np.testing.assert_array_equal(found.raw, [0.25, np.nan, 1.0])


def test_paths_are_names_of_images_in_any_folder(tmp_path: Path) -> None:
    paths = ["/data/x/q-test-1.fake.jpg", "q-test-1.real.png", "C:\\x\\q-test-2.control.webp",
             "out/q-test-3-real.jpg"]  # fmt: skip
    found = read_scores(write(tmp_path, path=paths, score=[0.1, 0.2, 0.3, 0.4]))
    assert found.key == "sample_id"
    assert found.ids.to_pylist() == [
        "q-test-1-fake", "q-test-1-real", "q-test-2-control", "q-test-3-real",
    ]  # fmt: skip


def test_digests_in_capitals_are_the_same_digests(tmp_path: Path) -> None:
    found = read_scores(write(tmp_path, sha256=["AB" * 32], score=[1]))
    assert (found.key, found.ids.to_pylist()) == ("sha256", ["ab" * 32])


def test_images_that_are_equal_have_one_digest(tmp_path: Path) -> None:
    """A table made image by image says the same twice; two scores of one are refused."""
    same = ["ab", "cd", "ab"]
    found = read_scores(write(tmp_path, sha256=same, score=[0.1, 0.2, 0.1]))
    assert (found.ids.to_pylist(), found.raw.tolist()) == (["ab", "cd"], [0.1, 0.2])
    with pytest.raises(UserError, match="more than once: ab"):
        read_scores(write(tmp_path, sha256=same, score=[0.1, 0.2, 0.3]))


def test_two_columns_of_a_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text("sample_id,score,score\na,0.5,0.6\n")
    with pytest.raises(UserError, match="2 columns are named 'score': keep one"):
        read_scores(path)


def test_numbers_as_ids_stay_text(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text("sample_id,score\n007,0.5\n")
    assert read_scores(path).ids.to_pylist() == ["007"]


def test_logits_keep_their_order_and_become_probabilities(tmp_path: Path) -> None:
    path = write(tmp_path, sample_id=list("abc"), score=[-800.0, 0.0, 800.0])
    found = read_scores(path, logits=True)
    np.testing.assert_allclose(found.probability, [0, 0.5, 1])
    np.testing.assert_array_equal(found.raw, [-800, 0, 800])


def test_a_run_in_which_every_image_failed_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, sample_id=["a"], score=[None], status=["crashed"])
    assert np.isnan(read_scores(path).raw).all()


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "twice": ({"sample_id": ["a", "a", "b"], "score": [0.1] * 3}, "more than once: a"),
    "empty id": ({"sample_id": ["a", ""], "score": [0.1, 0.2]}, "a row without an id"),
    "nan": ({"sample_id": ["a", "b"], "score": [0.1, np.nan]}, "1 scores are empty or NaN: b"),
    "made up": (
        {"sample_id": ["a"], "score": [0.5], "status": ["failed"]},
        "a score although their status is not 'ok': a",
    ),
    "infinite": ({"sample_id": ["a"], "score": [np.inf]}, "infinite scores: a"),
    "range": ({"sample_id": ["a", "b"], "score": [0.5, 3.25]}, "largest 3.25): b"),
    "text": (
        {"sample_id": ["a"], "score": ["high"]},
        "column score holds string values, expected numbers",
    ),
    "no score": ({"sample_id": ["a"], "scores": [0.5]}, "Did you mean 'scores'?"),
    "no id": ({"sampleid": ["a"], "score": [0.5]}, "Did you mean 'sampleid'?"),
    "semicolons": ({"sample_id;score": ["a;0.5"]}, "separated by commas"),
    "no rows": ({"sample_id": [], "score": []}, "no rows"),
}


@pytest.mark.parametrize("name", BAD)
def test_every_bad_table_is_named(tmp_path: Path, name: str) -> None:
    columns, words = BAD[name]
    path = write(tmp_path, **columns)
    with pytest.raises(UserError) as error:
        read_scores(path)
    assert words in str(error.value)
    assert str(path) in str(error.value)


def test_out_of_range_speaks_of_logits(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="say so: --logits") as error:
        read_scores(write(tmp_path, sample_id=["a"], score=[-2.0]))
    assert "percent" not in str(error.value)


@pytest.mark.parametrize("value", [2**53 + 1, -(2**53) - 1, 2**63 - 1])
def test_whole_numbers_that_no_float_holds_are_out_of_range(tmp_path: Path, value: int) -> None:
    with pytest.raises(UserError, match=r"outside \[0, 1\]"):
        read_scores(write(tmp_path, sample_id=["a"], score=[value]))


def test_percentages_are_refused_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="If they are percentages, divide them by 100"):
        read_scores(write(tmp_path, sample_id=["a", "b"], score=[12.0, 97.5]))
    with pytest.raises(UserError, match=r"not '87%': write 0.87 for 87%"):
        read_scores(write(tmp_path, sample_id=["a", "b"], score=["0.5", "87%"]))


@pytest.mark.parametrize("name", ["no.csv", "broken.parquet", "broken.csv", "folder"])
def test_unreadable_files_are_no_traces(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "folder":
        path.mkdir()
    elif name == "broken.csv":
        path.write_text("a,b\n1,2,3,4\n")
    elif name != "no.csv":
        path.write_bytes(b"nonsense")
    with pytest.raises(UserError, match=name):
        read_scores(path)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    table = score_table(["a", "b"], ["ab", "cd"], [0.5, None], ["ok", "failed"], ["", "no face"])
    for path in (tmp_path / "s.parquet", tmp_path / "deep" / "s.csv"):
        check_scores_path(path)
        write_scores(path, [table], {"spec": "x"}, {"name": "r"})
        found = read_scores(path)
        assert found.ids.to_pylist() == ["a", "b"]
        assert found.status.to_pylist() == ["ok", "failed"]
        assert found.digest.to_pylist() == ["ab", "cd"]
        assert (found.release == {"name": "r"}) == (path.suffix == ".parquet")
        assert (found.detector == {"spec": "x"}) == (path.suffix == ".parquet")


@pytest.mark.parametrize("name", ["s.txt", "s.out", "s"])
def test_other_suffixes_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with pytest.raises(ScoresError, match=r"is named \*\.parquet, \*\.csv, .*found") as error:
        check_scores_path(path)
    assert error.value.path == str(path)
    with pytest.raises(ScoresError, match=r"rename it"):
        write_scores(path, [], {}, {})
    path.write_text("sample_id,score\na,0.5\n")
    with pytest.raises(ScoresError, match=r"rename it"):
        read_scores(path)


HOSTILE_CSV: dict[str, tuple[bytes, str]] = {
    "a header that is not UTF-8": (b"sample_id,sc\xffore\na,1\n", "cannot be read as CSV: 'utf-8'"),
    "an id that is not UTF-8": (b"sample_id,score\n\xff\xfe,1\n", "cannot be read as CSV"),
    "a status that is not UTF-8": (b"sample_id,score,status\na,,\xff\n", "cannot be read as CSV"),
    "UTF-16": ("sample_id,score\na,1\n".encode("utf-16"), "cannot be read as CSV"),
    "a huge cell": (b"sample_id,score\n" + b"a" * (20 << 20) + b",1\n", "straddling"),
    "a huge header": (b"a" * (2 << 20) + b",score\n", "is too long"),
    "columns": (b",".join(b"%d" % n for n in range(100_000)) + b"\n", "more than 4096 columns"),
    "only commas": (b"," * 900_000, "more than 4096 columns"),
    "no bytes": (b"", "Empty CSV"),
    "null bytes": (b"sample_id,score\na\x00b,1\n\x00", "cannot be read as CSV"),
    "empty cells": (b"sample_id,score\n,\n,\n", "no rows"),
    "an empty id": (b"sample_id,score\n,0.5\n", "a row without an id"),
    "missing cells": (b"sample_id,score\na\n", "cannot be read as CSV"),
    "a number of 4,000 digits": (b"sample_id,score\na," + b"9" * 4000 + b"\n", "score"),
    "an infinity": (b"sample_id,score\na,inf\n", "infinite scores: a"),
    "dates": (b"sample_id,score\na,2026-01-01\n", "column score holds"),
    "truth": (b"sample_id,score\na,true\n", "column score holds bool"),
    "an open quote": (b'sample_id,score\n"a,1\n', "cannot be read as CSV"),
}


@pytest.mark.parametrize("name", HOSTILE_CSV)
def test_hostile_csv_is_refused(tmp_path: Path, name: str) -> None:
    content, words = HOSTILE_CSV[name]
    path = tmp_path / "s.csv"
    path.write_bytes(content)
    with pytest.raises(ScoresError) as error:
        read_scores(path)
    assert words in str(error.value)
    assert str(error.value).startswith(f"{path}:")
    assert error.value.path == str(path)
    assert len(str(error.value)) < 1000


@pytest.mark.parametrize(
    "columns",
    [
        {"sample_id": pa.array(["x" * (1 << 20)] * 400), "score": [0.5] * 400},
        {"sample_id": pa.nulls(300 << 20, pa.null()), "score": pa.nulls(300 << 20)},
        {"sample_id": [["a"]], "score": [0.5]},
        {"sample_id": ["a"], "score": [{"a": 0.5}]},
        {"sample_id": [b"\xff"], "score": [0.5]},
        {"sample_id": pa.array([1.5]), "score": pa.array(["a"])},
        {"sample_id": [None, None], "score": [None, None]},
        {"sample_id": ["a"], "score": pa.array([1], pa.duration("s"))},
        {"sample_id": ["a"], "score": [0.5], "status": [1.5]},
        {"sample_id": ["a"], "score": [0.5], "status": [b"\xff"]},
        {"sample_id": ["a"], "score": [0.5], "sha256": [[1]]},
    ],
    ids=range(11),
)
def test_hostile_parquet_is_refused(tmp_path: Path, columns: dict[str, Any]) -> None:
    path = tmp_path / "s.parquet"
    pq.write_table(pa.table(columns), path)
    del columns
    with pytest.raises(ScoresError) as error:
        read_scores(path)
    assert str(error.value).startswith(f"{path}:")
    assert error.value.path == str(path)
    assert len(str(error.value)) < 500


@pytest.mark.parametrize("what", ["detector", "release"])
@pytest.mark.parametrize("text", [b"[", b"\xff", b"[" * 100_000, b"3", b"null", b"NaN", b'"a"'])
def test_hostile_metadata_is_refused(tmp_path: Path, what: str, text: bytes) -> None:
    path = tmp_path / "s.parquet"
    table = pa.table({"sample_id": ["a"], "score": [0.5]})
    pq.write_table(table.replace_schema_metadata({f"datagen.{what}": text}), path)
    with pytest.raises(ScoresError, match=f"what it says about its {what}"):
        read_scores(path)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_pipe_is_not_waited_for(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"s.{suffix}"
    os.mkfifo(path)
    with pytest.raises(ScoresError, match="it is not a file"):
        read_scores(path)


def test_long_ids_and_many_columns_are_cut_in_messages(tmp_path: Path) -> None:
    with pytest.raises(ScoresError, match=r"xxx\.\.\.") as error:
        read_scores(write(tmp_path, sample_id=["x" * 100_000], score=[3.0]))
    assert len(str(error.value)) < 1000
    names: dict[str, Any] = {f"c{n}{'y' * 900}": [1] for n in range(1001)}
    with pytest.raises(ScoresError, match="and 981 more") as error:
        read_scores(write(tmp_path, **names))
    assert len(str(error.value)) < 5000


@pytest.mark.parametrize("name", ["s.xlsx", "s.json", "s.feather", "s.pkl"])
def test_a_file_that_a_new_name_does_not_help_is_to_be_saved_anew(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(ScoresError, match="save it as one of these"):
        check_scores_path(tmp_path / name)


def test_a_workbook_named_like_a_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_bytes(b"PK\x03\x04" + bytes(99))
    with pytest.raises(ScoresError, match="it is a workbook or archive: save the table as CSV"):
        read_scores(tmp_path / "s.csv")
