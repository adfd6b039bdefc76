"""Tables of strangers: what they need is bounded, and no cell ends in a traceback."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from datagen.errors import ImageError, SourceError
from datagen.sources.base import unique
from datagen.sources.cells import columns_of, distinct_cells, numbers, read_csv, rows_of, text
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


def test_a_name_of_celeba_that_occurs_twice_among_many_is_named(tmp_path: Path) -> None:
    (tmp_path / "img_align_celeba").mkdir()
    names = " ".join(["Male", *(f"a{number}" for number in range(60_000)), "a59999"])
    write(tmp_path, {"identity_CelebA.txt": "1.jpg 1\n", "list_eval_partition.txt": "1.jpg 0\n",
                     "list_attr_celeba.txt": f"1\n{names}\n1.jpg 1\n"})  # fmt: skip
    with ends_soon(), pytest.raises(SourceError, match="a59999"):
        list(shipped("celeba", tmp_path).records())


def test_columns_are_counted_before_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pd, "read_csv", lambda *_, **__: pytest.fail("was read"))
    header = ",".join(f"c{number}" for number in range(1001))
    with pytest.raises(SourceError, match="1001 columns, and at most 1000 are read"):
        read_csv(io.StringIO(f"{header}\n"), "here")


@pytest.mark.parametrize(("lines", "names"), [(200_000, 1000), (4_000, 1000), (3_000_000, 1)])
def test_lines_without_cells_take_no_memory(lines: int, names: int) -> None:
    header = ",".join(f"c{number}" for number in range(names))
    with ends_soon():
        if names == 1:
            assert len(read_csv(io.StringIO(f"{header}\n" + "x\n" * lines), "here")) == lines
        else:
            with pytest.raises(SourceError, match=f"{lines + 1:,} lines under 1,000 names"):
                read_csv(io.StringIO(f"{header}\n" + "x\n" * lines), "here")


def test_each_cell_is_seen_once() -> None:
    table = pd.DataFrame({"a": ["x", "y", "x"], "b": [[1], [1], [2]], "c": [1, 2, 1]})
    cells = list(distinct_cells(table))
    assert [cell["a"] for cell in cells if "a" in cell] == ["x", "y"]
    assert [cell["b"] for cell in cells if "b" in cell] == [[1], [1], [2]]
    assert [cell["c"] for cell in cells if "c" in cell] == [1]
    years = pd.DataFrame({"year": [2014, 15, 15]})
    assert [cell["year"] for cell in distinct_cells(years)] == [15, 2014]


@pytest.mark.parametrize("name", ["code", "years"])
@pytest.mark.parametrize("kind", ["Int64", object, "datetime64[us]", "timedelta64[us]", "float64"])
def test_chosen_numbers_take_no_time(name: str, kind: Any) -> None:
    high = np.arange(100_000, dtype=np.int64)
    numbers = pd.Series((high << 32) | high)
    column = pd.Series([*numbers, None], dtype=object) if kind is object else numbers.astype(kind)
    with ends_soon():
        cells = list(distinct_cells(pd.DataFrame({name: column})))
    assert len(cells) >= (1 if name == "code" else 100_000)


def test_rows_are_numbered_over_all_of_a_table() -> None:
    table = pd.DataFrame({"a": [None if n == 5000 else n for n in range(10_000)]}, dtype=object)
    rows = list(rows_of(table))
    assert rows[0] == (1, {"a": 0})
    assert rows[-1] == (10_000, {"a": 9_999})
    assert 5001 not in dict(rows)
