"""Nested columns of a Parquet table: those that may hold an age are refused, none is decoded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from datagen.errors import SourceError
from datagen.sources import Source
from datagen.sources.nested_columns import columns_to_read
from tests.sources.trees import by_id, source

REFUSED: dict[str, Any] = {
    "a struct": pa.array([{"person": "anna", "age": 15}]),
    "camel case": pa.array([{"userDob": "2012-05-01"}]),
    "a number by name": pa.array([{"x": 1, "isKid": False}]),
    "nothing first": pa.array([{"age": [None, {"value": 15}]}]),
    "flags": pa.array([{"is_minor": [None, True]}]),
    "a limit": pa.array([{"<18": False}]),
    "a map": pa.array([[("userDob", "2012")]], pa.map_(pa.string(), pa.string())),
    "a map of numbers": pa.array([[(1, 2)]], pa.map_(pa.int32(), pa.int32())),
    "texts": pa.array([["15 years old"]]),
    "bytes": pa.array([[b"age"]]),
    "large texts": pa.array([["age"]], pa.large_list(pa.large_string())),
    "views": pa.array([["age"]], pa.list_(pa.string_view())),
    "deep": pa.array([[[{"about": [{"who": "x"}]}]]]),
    "fixed": pa.array([["a", "b"]], pa.list_(pa.string(), 2)),
    "a long name": pa.array([{"x" * 200 + "_age": 15}]),
    "a name in two parts": pa.array([{"is_over": {"18": False}}]),
    "all of it nothing": pa.array([{"age": None}], pa.struct([("age", pa.int8())])),
}
PASSED: dict[str, Any] = {
    "numbers": pa.array([[15, 16]]),
    "an embedding": pa.array([np.zeros(512)]),
    "a box": pa.array([{"x": 1, "y": 2, "w": 3.0, "h": None}]),
    "boxes": pa.array([[{"left": 1, "top": 2}]]),
    "points": pa.array([[[1.0, 2.0]]]),
    "times": pa.array([[1]], pa.list_(pa.timestamp("us"))),
    "fixed": pa.array([[1, 2]], pa.list_(pa.int32(), 2)),
    "nothing": pa.array([[None]]),
}


def table(root: Path, column: Any, **options: Any) -> Source:
    frame = pa.table({"image": ["a.jpg"], "identity": ["a"], "meta": column})
    pq.write_table(frame, root / "faces.parquet")
    return source("table", root, table="faces.parquet", **options)


@pytest.mark.parametrize("kind", REFUSED)
def test_what_may_hold_an_age_is_refused_until_it_is_ignored(tmp_path: Path, kind: str) -> None:
    with pytest.raises(SourceError, match="'meta' holds structured values") as caught:
        list(table(tmp_path, REFUSED[kind]).records())
    assert caught.value.exit_code == 2
    advice = yaml.safe_load(str(caught.value).rpartition("options: ")[2])
    assert by_id(table(tmp_path, REFUSED[kind], **advice))["a"].extra == {}


@pytest.mark.parametrize("kind", PASSED)
def test_numbers_without_the_name_of_an_age_pass(tmp_path: Path, kind: str) -> None:
    assert by_id(table(tmp_path, PASSED[kind]))["a"].extra == {}


def test_a_nested_column_with_the_name_of_an_age_is_refused() -> None:
    item = pa.schema([("meta", pa.list_(pa.field("age", pa.int8())))])
    with pytest.raises(SourceError, match="here: the column 'meta' holds structured values"):
        columns_to_read(item, [], [], "here", "map it")
    schema = pa.schema([("ages", pa.list_(pa.int8()))])
    with pytest.raises(SourceError, match="here: the column 'ages' holds structured values"):
        columns_to_read(schema, [], [], "here", "map it")
    assert columns_to_read(schema, [], ["ages"], "here", "map it") == []


@pytest.mark.parametrize(
    "column", [REFUSED["a struct"], PASSED["boxes"], REFUSED["texts"], REFUSED["a map"]]
)
def test_a_mapped_column_holds_lists_of_numbers(tmp_path: Path, column: Any) -> None:
    with pytest.raises(SourceError, match="'meta', which the card maps, holds"):
        list(table(tmp_path, column, columns={"box": "meta"}).records())


@pytest.mark.parametrize(
    "column", [[[1, 2, 3, 4]], [[[1, 2], [3, 4]]], pa.array([[1, 2, 3, 4]], pa.list_(pa.int8(), 4))]
)
def test_boxes_are_read_from_lists_and_lists_of_lists(tmp_path: Path, column: Any) -> None:
    found = by_id(table(tmp_path, column, columns={"box": "meta"}))["a"]
    assert found.box is not None
    assert found.box.tolist() == [1, 2, 3, 4]
