"""Scores files of every format: one reader and one writer, whatever the suffix."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datagen.errors import ScoresError
from datagen.release.score_files import FORMATS, read_table
from datagen.release.scores import (
    check_scores_path,
    note_on_replaced,
    read_scores,
    score_table,
    scores_of,
    write_scores,
)
from tests.support.ends import ends_soon

TEXTS = [suffix for suffix in FORMATS if suffix != ".parquet"]
VALUES = [0.1, 1 / 3, 0.0, 1.0, 0.1234567890123456789]
IDS = ["NA", "007", "null", "nan", "12345678901234567890"]


def with_pandas(path: Path, frame: pd.DataFrame) -> Path:
    """Write a table as somebody would who has never read our code."""
    name = path.name.lower()
    if ".parquet" in name:
        frame.to_parquet(path)
    elif ".jsonl" in name:
        frame.to_json(path, orient="records", lines=True, double_precision=15)
    else:
        frame.to_csv(path, index=False, sep="\t" if ".tsv" in name else ",")
    return path


def save(path: Path, text: str | bytes) -> Path:
    content = text.encode() if isinstance(text, str) else text
    path.write_bytes(gzip.compress(content) if path.suffix.lower() == ".gz" else content)
    return path


@pytest.mark.parametrize("suffix", FORMATS)
def test_what_is_written_is_read_again_to_the_last_bit(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "deep" / f"s{suffix}"
    statuses = ["ok"] * 5 + ["failed"]
    details = [""] * 5 + ['RuntimeError: "a",\tb\\ é']
    ids, digests = [*IDS, "last"], [f"{n}" * 64 for n in range(6)]
    table = score_table(ids, digests, [*VALUES, None], statuses, details)
    check_scores_path(path)
    write_scores(path, [table], {"spec": "x"}, {"name": "r"})
    found = read_scores(path)
    assert found.ids.to_pylist() == ids
    assert found.raw[:5].tolist() == VALUES
    assert np.isnan(found.raw[5])
    assert found.status.to_pylist() == statuses
    assert found.digest.to_pylist() == digests
    assert (found.release == {"name": "r"}) == (suffix == ".parquet")
    first = path.read_bytes()
    os.utime(path, (1, 1))
    write_scores(path, [table], {"spec": "x"}, {"name": "r"})
    assert path.read_bytes() == first


@pytest.mark.parametrize("suffix", [*FORMATS, ".CSV", ".TSV.GZ", ".JsonL"])
def test_files_of_pandas_read_alike(tmp_path: Path, suffix: str) -> None:
    frame = pd.DataFrame(
        {"sample_id": [*IDS, "x"], "score": [*VALUES, None], "status": ["ok"] * 5 + ["oom"]}
    )
    found = read_scores(with_pandas(tmp_path / f"s{suffix}", frame))
    assert found.ids.to_pylist() == [*IDS, "x"]
    assert found.raw[:5].tolist() == pytest.approx(VALUES)
    assert found.status.to_pylist() == ["ok"] * 5 + ["oom"]


def lines(suffix: str, *rows: dict[str, Any]) -> str:
    """Return rows in the format of a suffix, with a null as an empty cell."""
    frame = pd.DataFrame(rows)
    if "jsonl" in suffix:
        return str(frame.to_json(orient="records", lines=True))
    return str(frame.to_csv(index=False, sep="\t" if "tsv" in suffix else ","))


@pytest.mark.parametrize("suffix", TEXTS)
@pytest.mark.parametrize("start", ["", "\ufeff"], ids=["plain", "bom"])
def test_a_byte_order_mark_and_blank_rows_are_no_rows(
    tmp_path: Path, suffix: str, start: str
) -> None:
    blank: dict[str, Any] = {"sample_id": None, "score": None, "status": None}
    rows = [{"sample_id": "a", "score": 0.5, "status": "ok"}, blank, blank]
    text = start + lines(suffix, *rows) + "\n\n"
    found = read_scores(save(tmp_path / f"s{suffix}", text))
    assert found.ids.to_pylist() == ["a"]


@pytest.mark.parametrize(
    "text", ["sample_id , score\n a , 0.25 \n", "\ufeff sample_id,score \na,0.25\n  ,\n"]
)
def test_blanks_around_names_and_ids_are_no_part_of_them(tmp_path: Path, text: str) -> None:
    found = read_scores(save(tmp_path / "s.csv", text))
    assert (found.ids.to_pylist(), found.raw.tolist()) == (["a"], [0.25])


@pytest.mark.parametrize("cell", ["NA", "", "None", "NaN", "null"])
def test_no_score_has_many_spellings(tmp_path: Path, cell: str) -> None:
    text = f"sample_id,score,status\na,0.5,ok\nb,{cell},timeout\n"
    found = read_scores(save(tmp_path / "s.csv", text))
    assert np.isnan(found.raw[1])
    with pytest.raises(ScoresError, match="1 scores are empty or NaN: b"):
        read_scores(save(tmp_path / "t.csv", text.replace("timeout", "ok")))


@pytest.mark.parametrize(
    "name",
    ["s.parquet.gz", "s.csv.zip", "s.csv.bz2", "s.json", "s.xlsx", "s.gz", "csv", "s.feather"],
)
def test_every_other_suffix_is_refused_with_the_list(tmp_path: Path, name: str) -> None:
    path = save(tmp_path / name, "sample_id,score\na,0.5\n")
    for call in (check_scores_path, read_scores, lambda one: write_scores(one, [], {}, {})):
        with pytest.raises(ScoresError, match=r"is named \*\.parquet, .* or \*\.jsonl\.gz, found"):
            call(path)


HOSTILE: dict[str, tuple[str, bytes, str]] = {
    "Parquet named CSV": ("s.csv", b"PAR1....", "it is a Parquet file: name it *.parquet"),
    "gzip named TSV": ("s.tsv", gzip.compress(b"a"), "it is compressed: name it *.tsv.gz"),
    "CSV named gzip": ("s.csv.gz", b"sample_id,score\n", "not compressed: name it *.csv"),
    "UTF-16": ("s.csv", "sample_id,score\na,1\n".encode("utf-16"), "save it as UTF-8"),
    "a list": ("s.jsonl", b'[{"sample_id": "a", "score": 1}]', "write one object a line"),
    "a number as id": ("s.jsonl", b'{"sample_id": 7, "score": 1}', "from string to number"),
    "a text as score": ("s.jsonl", b'{"sample_id": "a", "score": "1"}', "from number to string"),
    "a key twice": ("s.jsonl", b'{"sample_id": "a", "sample_id": "b", "score": 1}', "twice"),
    "no score": ("s.jsonl", b'{"sample_id": "a"}', "no column score"),
    "no object": ("s.jsonl", b"3\n", "cannot be read as JSON Lines"),
    "deep": ("s.jsonl", b'{"a": ' + b"[" * 100_000, "cannot be read as JSON Lines"),
    "infinite": ("s.jsonl", b'{"sample_id": "a", "score": Infinity}', "infinite scores: a"),
    "not UTF-8": ("s.jsonl", b'{"sample_id": "\xff", "score": 1}', "cannot be read as JSON Lines"),
    "a huge line": ("s.jsonl", b'{"sample_id": "' + b"a" * (20 << 20), "cannot be read"),
    "nothing": ("s.jsonl", b"", "cannot be read as JSON Lines"),
    "a torn archive": ("s.csv.gz", gzip.compress(os.urandom(9999))[:5000], "cannot be read as CSV"),
    "a damaged archive": ("s.csv.gz", b"\x1f\x8b\x08" + b"x" * 99, "cannot be read as CSV"),
    "semicolons": ("s.csv", b"sample_id;score\na;0.5\n", "separated by commas"),
    "commas in TSV": ("s.tsv", b"sample_id,score\na,0.5\n", "of a .tsv file by tabs"),
    "decimal commas": ("s.csv", b"a;sample_id;score\n0;a;0,5\n", "numbers have a decimal point"),
    "tabs in CSV": ("s.csv", b"sample_id\tscore\na\t0.5\n", "separated by commas"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_is_not_the_format_of_its_suffix_is_named(tmp_path: Path, case: str) -> None:
    name, content, words = HOSTILE[case]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ScoresError) as error:
        read_scores(path)
    assert words in str(error.value)
    assert str(error.value).startswith(f"{path}:")
    assert len(str(error.value)) < 700


def test_an_archive_that_unpacks_to_gigabytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.csv.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(b"sample_id,score\n")
        for _ in range(300):
            file.write(b"," * (1 << 20))
    with pytest.raises(ScoresError, match="it unpacks to more than 64 MiB"):
        read_scores(path)


@pytest.mark.parametrize("kind", ["str", "category", "string[pyarrow]", object])
def test_tables_of_pandas_of_any_text_type(kind: Any) -> None:
    frame = pd.DataFrame(
        {
            "sample_id": pd.Series([*IDS], dtype=kind),
            "score": np.full(5, 0.5, np.float16),
            "other": [{}] * 5,
        }
    )
    assert scores_of(frame).ids.to_pylist() == IDS


def test_tables_of_pandas_may_have_ids_as_index() -> None:
    frame = pd.DataFrame({"sample_id": IDS, "score": 0.5, "fold": 1})
    for index in ("sample_id", ["sample_id", "fold"]):
        assert scores_of(frame.set_index(index)).ids.to_pylist() == IDS


def test_lines_may_end_as_on_any_system(tmp_path: Path) -> None:
    for end in ("\r", "\r\n", "\n"):
        found = read_scores(save(tmp_path / "s.csv", f"sample_id,score{end}a,0.5{end}b,1{end}"))
        assert found.ids.to_pylist() == ["a", "b"]


def test_tables_of_pandas_with_mixed_or_missing_values_are_named() -> None:
    with pytest.raises(ScoresError, match="must be texts and scores numbers"):
        scores_of(pd.DataFrame({"sample_id": ["a", 3], "score": [0.1, 0.2]}))
    with pytest.raises(ScoresError, match=r"no column score.* It has: sample_id, skore, 3"):
        scores_of(pd.DataFrame({"sample_id": ["a"], "skore": [0.1], 3: [1]}))
    with pytest.raises(ScoresError, match="they are numbers written as texts, convert them"):
        scores_of(pd.DataFrame({"sample_id": ["a"], "score": ["0.5"]}))
    twice = pd.DataFrame([["a", 0.1, 0.2]], columns=["sample_id", "score", "score"])
    with pytest.raises(ScoresError, match="2 columns are named 'score': keep one"):
        scores_of(twice)


HALF = {"sample_id": "a", "score": 0.5}
ME, OUT = {"spec": "m:f", "digest": "1"}, {"name": "r", "content": "1"}


def test_scores_of_another_detector_are_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "s.parquet"
    assert note_on_replaced(path, ME, OUT) is None
    write_scores(path, [], ME, OUT)
    assert note_on_replaced(path, ME, OUT) is None
    for other in ({**ME, "digest": "2"}, {**ME, "config": {"size": 3}}):
        note = note_on_replaced(path, other, OUT)
        assert note is not None
        assert "held the scores of another version of the detector" in note
    assert "version of the release" in str(note_on_replaced(path, ME, {**OUT, "content": "2"}))
    with pytest.raises(ScoresError, match=r"holds the scores of another detector, 'm:f'. Name"):
        note_on_replaced(path, {**ME, "spec": "m:g"}, OUT)
    with pytest.raises(ScoresError, match=r"holds the scores of another release, 'r'. Name"):
        note_on_replaced(path, ME, {**OUT, "name": "q"})


def test_what_is_no_scores_file_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "s.parquet"
    pq.write_table(pa.table({"mine": [1]}), path)
    with pytest.raises(ScoresError, match="was not written by 'datagen score'"):
        note_on_replaced(path, ME, OUT)
    path.write_bytes(b"torn")
    with pytest.raises(ScoresError, match="was not written by 'datagen score'"):
        note_on_replaced(path, ME, OUT)


@pytest.mark.parametrize("suffix", TEXTS)
def test_a_text_is_replaced_and_told_or_kept(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"s{suffix}"
    row = score_table(["a"], ["b"], [0.5], ["ok"], [""])
    write_scores(path, [row], ME, OUT)
    assert "is replaced: its format does not say whose" in str(note_on_replaced(path, ME, OUT))
    for text in (lines(suffix, {"name": "x", "age": 3}), "to do: buy milk", lines(suffix, HALF)):
        save(path, text)
        with pytest.raises(ScoresError, match="exists and was not written by 'datagen score'"):
            note_on_replaced(path, ME, OUT)
    path.write_bytes(b"")  # as mktemp leaves it
    assert note_on_replaced(path, ME, OUT) is None


def test_lines_that_each_have_another_key_are_no_wider_for_it(tmp_path: Path) -> None:
    """As columns, twenty thousand keys took gigabytes and minutes."""
    path = tmp_path / "scores.jsonl"
    lines = [f'{{"sample_id": "a{n}", "score": 0.5, "key{n}": 1}}' for n in range(20_000)]
    path.write_text("\n".join(lines), encoding="utf-8")
    with ends_soon():
        table = read_table(path)
    assert table.num_rows == 20_000
    assert set(table.column_names) == {"sample_id", "score", "key0"}


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".csv.gz"])
def test_other_columns_of_cells_are_not_read(tmp_path: Path, suffix: str) -> None:
    """Four thousand columns took a minute and gigabytes."""
    sign = "\t" if suffix == ".tsv" else ","
    head = sign.join(["sample_id", *(f"c{n}" for n in range(1000)), " score "])
    row = sign.join(["a", *["1"] * 1000, "0.5"])
    table = read_table(save(tmp_path / f"s{suffix}", f"{head}\n{row}\n"))
    assert table.to_pylist() == [{"sample_id": "a", "score": 0.5}]


@pytest.mark.parametrize("head", ["name,skore", "sample_id,score,score"])
def test_names_of_columns_that_do_not_serve_are_told(tmp_path: Path, head: str) -> None:
    path = save(tmp_path / "s.csv", f"{head}\n{'a,' * head.count(',')}1\n")
    with pytest.raises(ScoresError, match=r"2 columns are named 'score'|It has: name, skore"):
        read_scores(path)
