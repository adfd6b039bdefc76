"""Tables of strangers: what they need is bounded, and no cell ends in a traceback."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datagen.errors import ImageError, SourceError
from datagen.sources.base import unique
from datagen.sources.cells import columns_of, numbers, parquet_rows, read_csv, text
from tests.sources.trees import by_id, shipped, source, write
from tests.support.ends import ends_soon

DEEP = "[" * 100_000
CELLS: list[Any] = [
    *("[{}]", "[[{}]]", "[null, 1, 2, 3]", "[[[[1]]]]", DEEP, "[" * 900 + "]" * 900, '["a"]'),
    *(
        "1" * 5000,
        "[" + "1" * 5000 + "]",
        "1e400 1 2 3",
        "1e30 1 2 3",
        "inf 1 2 3",
        "[NaN, 1, 2, 3]",
    ),
    *([None, 1, 2, 3], [{}], [[1, 2], [3]], [10**400, 1, 2, 3], [[[1, 2], [3, 4]]], [b"x"] * 4),
    *(np.array([1.0, np.nan, 2, 3]), np.zeros(100_000), {"a": 1}, b"1 2 3", True, 5, "x" * 10**6),
    *(["\ud800"] * 4, "[1, 2, 3", "[1] 2", "\x00", "1,,2,3", [[]] * 4, [[1, 2, 3, 4]] * 10),
]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("cell", CELLS, ids=range(len(CELLS)))
def test_no_cell_of_numbers_ends_in_a_traceback(cell: Any) -> None:
    with ends_soon():
        with pytest.raises(SourceError, match="expected 4") as caught:
            numbers(cell, 4, "here")
        assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "cell", ["1 2 3 4", "1,2,3,4", "[[1, 2], [3, 4]]", [1, 2, 3, 4], np.arange(1, 5)]
)
def test_numbers_are_read_in_every_form(cell: Any) -> None:
    found = numbers(cell, 4, "here")
    assert found is not None
    assert found.tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize("cell", [None, float("nan"), pd.NA, pd.NaT, "", "  "])
def test_empty_cells_are_nothing(cell: Any) -> None:
    assert text(cell) is None
    assert numbers(cell, 4, "here") is None


def parquet(table: pa.Table, **options: Any) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, **options)
    return buffer.getvalue()


def repeated(value: str, count: int) -> pa.Array:
    places = pa.array(np.zeros(count, np.int32))
    return pa.DictionaryArray.from_arrays(places, pa.array([value]))


def bombs() -> dict[str, bytes]:
    image = pa.table({"image": ["a"]})
    delta = {"use_dictionary": False, "column_encoding": {"image": "DELTA_BYTE_ARRAY"}}
    return {
        "MiB in memory": parquet(pa.table({"image": repeated("x" * 1000, 3_000_000)})),
        "at most 4,000,000 cells": parquet(pa.table({"n": pa.array(np.zeros(9_000_000, np.int8))})),
        "6,000,000 texts": parquet(pa.table({"n": lists(pa.array(["x"] * 6_000_000), 100)})),
        "12,000,001 values in lists of lists": parquet(
            pa.table({"n": lists(structs(3_000_000), 3_000_000)})
        ),
        "8,000,002 values in lists of lists": parquet(
            pa.table({"n": lists(lists(pa.array(np.zeros(8_000_001, np.int8)), 1), 8_000_001)})
        ),
        "11,999,997 values": parquet(
            pa.table({"n": pa.ListViewArray.from_arrays([0], [2_999_999], structs(2_999_999))})
        ),
        "it needs 1,1": parquet(pa.table({"n": ["x" * 240_000_000]})),
        "2,000 columns": parquet(pa.table({f"c{n}": [1] for n in range(2000)})),
        "DELTA_BYTE_ARRAY": parquet(image, **delta),
        "two columns of one name": parquet(pa.table([["a"], ["b"]], names=["image", "image"])),
        ".": b"PAR1" + b"\xff" * 100 + b"PAR1",
        "..": b"",
        "...": b"PAR1",
    }


def lists(values: pa.Array, length: int) -> pa.Array:
    return pa.ListArray.from_arrays(pa.array(range(0, len(values) + 1, length), pa.int32()), values)


def structs(count: int) -> pa.Array:
    return pa.StructArray.from_arrays([pa.array(np.zeros(count, np.int8))], names=["a"])


def test_landmarks_as_lists_of_points_are_read() -> None:
    points = lists(lists(pa.array(np.zeros(2 * 68 * 10_000)), 2), 68)
    found = parquet_rows(parquet(pa.table({"face.landmarks": points})))
    assert numbers(found["face.landmarks"][9_999], 136, "here") is not None


def test_a_parquet_bomb_is_refused_before_it_is_decoded() -> None:
    for why, data in bombs().items():
        with ends_soon():
            with pytest.raises(ValueError, match=why) as caught:
                parquet_rows(data)
            assert len(str(caught.value)) < 300


def test_a_parquet_table_reads_as_it_was_written() -> None:
    frame = pd.DataFrame(
        {
            "image": ["a", "b"],
            "box": [[1.0, 2, 3, 4], None],
            "age": [30, None],
            "tags": [["x"], []],
        },
        index=pd.Index(["k", "l"]),
    )
    found = parquet_rows(parquet(pa.Table.from_pandas(frame)))
    assert list(found.columns) == ["image", "box", "age", "tags"]
    assert found["image"].tolist() == ["a", "b"]
    assert list(found["tags"][0]) == ["x"]
    assert text(found["age"][0]) == "30"


@pytest.mark.parametrize("place", range(0, 600, 37))
def test_a_damaged_parquet_table_is_one_error(tmp_path: Path, place: int) -> None:
    frame = pd.DataFrame({"image": ["a.jpg"] * 9, "identity": list("abcdefghi")})
    data = bytearray(parquet(pa.Table.from_pandas(frame)))
    data[place % len(data)] ^= 0xFF
    (tmp_path / "faces.parquet").write_bytes(data)
    try:
        list(source("table", tmp_path, table="faces.parquet").records())
    except SourceError as error:
        assert "faces.parquet" in str(error)  # noqa: PT017  # not every bit matters


@pytest.mark.parametrize(
    "content",
    [
        "machine host login me password hunter2\n",
        "-----BEGIN KEY-----\nhunter2\n",
        "hunter2\n1,2\n",
    ],
)
def test_the_content_of_what_is_no_table_is_not_quoted(tmp_path: Path, content: str) -> None:
    write(tmp_path, {"faces.csv": content, "people.csv": content})
    for layout in ("table", "london"):
        with pytest.raises(SourceError) as caught:
            list(source(layout, tmp_path).records())
        assert "hunter2" not in str(caught.value)


def test_columns_are_named_shortly() -> None:
    table = read_csv(io.StringIO(",".join(f"column{n}" for n in range(30)) + "\n"), "here")
    assert columns_of(table).endswith("column11 and 18 more")
    with pytest.raises(SourceError, match="1200 columns"):
        read_csv(io.StringIO(",".join(f"c{n}" for n in range(1200)) + "\n"), "here")


def test_pipes_are_no_tables_and_links_stay_in_the_root(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    os.mkfifo(root / "faces.csv")
    with pytest.raises(SourceError, match=r"faces\.csv' is not a regular file"):
        list(source("table", root).records())
    (tmp_path / "secret.csv").write_text("image,identity\na.jpg,anna\n")
    (root / "link.csv").symlink_to(tmp_path / "secret.csv")
    linked = source("table", root, table="link.csv")
    with pytest.raises(SourceError, match="a link that leads outside of the root"):
        list(linked.records())
    linked.allow_outside = True
    assert list(by_id(linked)) == ["a"]
    (root / "inside").mkdir()
    (tmp_path / "secret.csv").rename(root / "inside" / "faces.csv")
    (root / "near.csv").symlink_to(root / "inside" / "faces.csv")
    assert list(by_id(source("table", root, table="near.csv"))) == ["a"]
    os.mkfifo(root / "a.jpg")
    with pytest.raises(ImageError, match="not a regular file"):
        linked.read("a.jpg")


def test_a_root_that_is_a_link_is_a_root(tmp_path: Path) -> None:
    write(tmp_path / "real", {"faces.csv": "image,identity\na.jpg,anna\n"})
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert list(by_id(source("table", tmp_path / "link"))) == ["a"]


@pytest.mark.parametrize("cell", ["a\x00b.jpg", "../a.jpg", "/etc/passwd", "a" * 5000])
def test_a_path_that_no_image_has_is_refused(tmp_path: Path, cell: str) -> None:
    frame = pd.DataFrame({"image": [cell], "identity": ["anna"]})
    frame.to_parquet(tmp_path / "faces.parquet")
    found = source("table", tmp_path, table="faces.parquet")
    with pytest.raises(SourceError):
        list(unique(found.records(), "faces"))


@pytest.mark.parametrize(
    "content",
    [
        DEEP,
        "[]",
        "{" * 5000,
        json.dumps({"1" * 5000: {}}),
        json.dumps({"1": DEEP[:10]}),
        '{"1": ' + "1" * 5000 + "}",
        json.dumps({"1": {"category": [], "metadata": {}}}),
        '{"1": {"image": {"face_landmarks": [1e999]}}}',
    ],
)
def test_odd_metadata_is_one_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "ffhq-dataset-v2.json").write_text(content)
    with pytest.raises(SourceError) as caught:
        list(shipped("ffhq", tmp_path).records())
    assert len(str(caught.value)) < 400
    frames = tmp_path / "original_sequences/youtube/c23/images/003"
    frames.mkdir(parents=True)
    (frames / "0000.png").touch()
    write(tmp_path, {"splits/train.json": content})
    if content != "[]":
        with pytest.raises(SourceError):
            list(shipped("faceforensics", tmp_path).records())


@pytest.mark.parametrize("count", ["²", "1" * 5000, "-1", ""])
def test_an_odd_count_of_celeba_is_one_error(tmp_path: Path, count: str) -> None:
    (tmp_path / "img_align_celeba").mkdir()
    write(tmp_path, {"identity_CelebA.txt": "1.jpg 1\n", "list_eval_partition.txt": "1.jpg 0\n",
                     "list_attr_celeba.txt": f"{count}\nMale\n1.jpg 1\n"})  # fmt: skip
    with pytest.raises(SourceError, match="expected the number of images"):
        list(shipped("celeba", tmp_path).records())


def test_columns_are_counted_before_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pd, "read_csv", lambda *_, **__: pytest.fail("was read"))
    header = ",".join(f"c{number}" for number in range(1001))
    with pytest.raises(SourceError, match="1001 columns, and at most 1000 are read"):
        read_csv(io.StringIO(f"{header}\n"), "here")
