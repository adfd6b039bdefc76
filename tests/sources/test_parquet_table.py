"""Parquet tables of strangers: what they need is bounded, and what is not read is not decoded."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datagen.errors import SourceError
from datagen.sources.cells import numbers, text
from datagen.sources.parquet_table import parquet_rows
from tests.sources.trees import source
from tests.support.ends import ends_soon


def every(schema: Any) -> list[str]:
    return list(schema.names)


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
    lengths = {"use_dictionary": False, "column_encoding": {"image": "DELTA_LENGTH_BYTE_ARRAY"}}
    empty = lists(lists(pa.array([], pa.int32()), 0, 5_000_000), 5_000_000)
    return {
        "MiB in memory": parquet(pa.table({"image": repeated("x" * 1000, 3_000_000)})),
        "at most 4,000,000 cells": parquet(pa.table({"n": pa.array(np.zeros(9_000_000, np.int8))})),
        "5,000,001 lists": parquet(pa.table({"n": empty})),
        "it needs 1,1": parquet(pa.table({"n": ["x" * 240_000_000]})),
        "it needs 2,000 MiB": fixed(1 << 20, 2000),
        "decimals of any length": decimals_of_any_length(1_000_000, 3_000),
        "2,000 columns": parquet(pa.table({f"c{n}": [1] for n in range(2000)})),
        "DELTA_BYTE_ARRAY": parquet(image, **delta),
        "Write the file with another encoding": parquet(image, **lengths),
        "two columns of one name": parquet(pa.table([["a"], ["b"]], names=["image", "image"])),
        ".": b"PAR1" + b"\xff" * 100 + b"PAR1",
        "..": b"",
        "...": b"PAR1",
    }


def fixed(width: int, rows: int) -> bytes:
    """Return a small file of one value of many bytes, in every row."""
    kind = pa.binary(width)
    buffer = io.BytesIO()
    options: dict[str, Any] = {"compression": "zstd", "dictionary_pagesize_limit": 1 << 24}
    with pq.ParquetWriter(buffer, pa.schema([("m", kind)]), **options) as writer:
        for _ in range(rows // 100):
            writer.write_table(pa.table({"m": pa.array([bytes(width)] * 100, kind)}))
    return buffer.getvalue()


def decimals_of_any_length(width: int, rows: int) -> bytes:
    """Return a file of texts that its description calls decimals."""
    places = pa.array(np.zeros(rows, np.int32))
    column = pa.DictionaryArray.from_arrays(places, pa.array([b"a" * width]))
    data = parquet(pa.table({"dec": column}), compression="zstd", store_schema=False)
    start = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    about = data[start:-8]
    name = about.index(b"\x18\x03dec") + 5
    # Thrift: converted type 5 (DECIMAL), scale 0, precision 10
    about = about[:name] + bytes([0x25, 0x0A, 0x15, 0x00, 0x15, 0x14]) + about[name:]
    return data[:start] + about + len(about).to_bytes(4, "little") + b"PAR1"


def lists(values: pa.Array, length: int, count: int = 1) -> pa.Array:
    """Return lists of equal length; ``count`` lists where they are empty."""
    offsets = np.arange(0, len(values) + 1, length) if length else np.zeros(count + 1)
    return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), values)


def test_landmarks_as_lists_of_points_are_read() -> None:
    points = lists(lists(pa.array(np.zeros(2 * 68 * 10_000)), 2), 68)
    found = parquet_rows(parquet(pa.table({"face.landmarks": points})), every)
    assert numbers(found["face.landmarks"][9_999], 136, "here") is not None


def test_a_parquet_bomb_is_refused_before_it_is_decoded() -> None:
    for why, data in bombs().items():
        with ends_soon():
            with pytest.raises(ValueError, match=why) as caught:
                parquet_rows(data, every)
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
    found = parquet_rows(parquet(pa.Table.from_pandas(frame)), every)
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


def test_columns_that_are_not_chosen_are_not_decoded() -> None:
    inner = pa.StructArray.from_arrays([repeated("x" * (1 << 20), 4000)], names=["x"])
    table = pa.table({"image": [str(number) for number in range(4000)], "m": inner, "n.m": inner})
    with ends_soon():
        found = parquet_rows(parquet(table, compression="zstd"), lambda schema: ["image"])
    assert list(found.columns) == ["image"]


def test_a_dot_in_a_name_is_no_part_of_another_column() -> None:
    table = pa.table({"a": pa.array([{"b": 1}]), "a.b": ["x"], "a.c": ["y"]})
    assert list(parquet_rows(parquet(table), lambda schema: ["a.b"]).columns) == ["a.b"]


def test_texts_inside_of_several_groups_are_read_around() -> None:
    table = pa.table({"image": ["a", "b"], "tags": [["x"], ["y"]]})
    found = parquet_rows(parquet(table, row_group_size=1), lambda schema: ["image"])
    assert found["image"].tolist() == ["a", "b"]


@pytest.mark.parametrize("unit", ["s", "ms"])
@pytest.mark.parametrize("zone", [None, "Europe/Berlin", "Asia/Tokyo"])
def test_times_that_python_cannot_hold_are_texts(unit: str, zone: str | None) -> None:
    kind = pa.timestamp(unit, zone)
    per_second = {"s": 1, "ms": 10**3}[unit]
    for last in (253_402_300_799 * per_second, 2**52, -(2**52)):
        column = pa.array([0, last, None], pa.int64()).cast(kind)
        found = parquet_rows(parquet(pa.table({"until": column})), every)
        assert isinstance(found["until"][0], str)
    column = pa.array([0, None], pa.int64()).cast(kind)
    found = parquet_rows(parquet(pa.table({"until": column})), every)
    assert found["until"][0].year == 1970


def test_days_that_python_cannot_hold_are_texts() -> None:
    for kind, last in ((pa.date32(), 2**31 - 1), (pa.date64(), 2**62 // 86_400_000 * 86_400_000)):
        column = pa.array([last], pa.int32() if kind == pa.date32() else pa.int64()).cast(kind)
        found = parquet_rows(parquet(pa.table({"until": column})), every)
        assert found["until"][0].isdigit()  # Arrow has no year for them


def test_decimals_and_lists_count_as_what_python_makes_of_them() -> None:
    values = np.random.Generator(np.random.Philox(key=1)).integers(0, 9999, 10_000_000, np.int16)
    decimals = pa.array(values).cast(pa.decimal128(5, 0))
    with ends_soon(), pytest.raises(ValueError, match="MiB in memory"):
        parquet_rows(parquet(pa.table({"area": decimals})), every)
    boxes = lists(pa.array(values), 1)
    with ends_soon(), pytest.raises(ValueError, match="10,000,000 lists"):
        parquet_rows(parquet(pa.table({"box": boxes})), every)


@pytest.mark.parametrize("kind", [pa.decimal128(12, 0), pa.bool_(), pa.int32()])
def test_long_lists_are_refused(kind: Any) -> None:
    values = pa.array([0, None] * 500_000, pa.int32()).cast(kind)
    with ends_soon(), pytest.raises(ValueError, match="1 lists of 1,000,000 numbers"):
        parquet_rows(parquet(pa.table({"box": lists(values, 1_000_000)})), every)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"\x18\x05zmeta", b"\x18\x05zmetb"),  # its name in the schema alone
        (b"\x15\x0c\x19", b"\x15\x02\x19"),  # its type in the group alone
    ],
)
def test_a_description_that_contradicts_itself_is_refused(old: bytes, new: bytes) -> None:
    data = parquet(pa.table({"zmeta": repeated("x" * 1000, 4000)}), store_schema=False)
    place = data.index(old)
    with ends_soon(), pytest.raises(ValueError, match="not those of its schema"):
        parquet_rows(data[:place] + new + data[place + len(new) :], every)


def test_a_number_of_rows_that_is_a_lie_is_refused() -> None:
    data = parquet(pa.table({"n": pa.array(np.zeros(1000, np.int8))}), store_schema=False)
    start = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    place = data.index(b"\x16\xd0\x0f", start)  # 1,000 as the first long number of the footer
    with pytest.raises(ValueError, match="another number of rows"):
        parquet_rows(data[:place] + b"\x16\xd2\x0f" + data[place + 3 :], every)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "+14:00", None])
@pytest.mark.parametrize("last", [2**63 - 1, -(2**63) + 1])
def test_the_ends_of_nanoseconds_are_texts(zone: str | None, last: int) -> None:
    column = pa.array([0, last], pa.int64()).cast(pa.timestamp("ns", zone))
    found = parquet_rows(parquet(pa.table({"until": column})), every)
    assert isinstance(found["until"][1], str)


def test_what_is_no_column_allows_no_more_cells() -> None:
    table = pa.table({"n": pa.array(np.zeros(5_000_000, np.int8))})
    padded = parquet(table.replace_schema_metadata({"comment": "x" * 5_000_000}))
    assert len(padded) > 5_000_000
    with pytest.raises(ValueError, match="at most 4,000,000 cells"):
        parquet_rows(padded, every)


def test_columns_that_nothing_needs_stop_nothing(tmp_path: Path) -> None:
    table = pa.table(
        {
            "image": ["a.jpg"],
            "identity": ["a"],
            "thumb": [b"\xff\xd8\xff"],
            "md5": pa.array([bytes(16)], pa.binary(16)),
            "area": [1e20],
            "note": [b"words"],
            "empty": [float("nan")],
        }
    )
    (tmp_path / "faces.parquet").write_bytes(parquet(table))
    (found,) = source("table", tmp_path, table="faces.parquet").records()
    assert found.extra == {"area": "1e+20", "note": "words"}
